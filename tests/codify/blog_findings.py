"""What drifted on the example host, with the touches of its converge."""

from collections.abc import Mapping

import yaml

from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.finding import Deviation, Finding
from releve.model.observed import FactKind
from tests.codify.builders import (
    deviation,
    file_deviation,
    finding,
    line_of,
    path_touch,
    task,
)

PLAY = "Install and configure the blog"
INI = "/etc/php/8.2/{}/conf.d/90-team.ini"
PASSWORD_HASH = "$6$salt$CANARYHASHCANARYHASHCANARY"  # noqa: S105 - a canary
SECRETS = ("S3cretPw1", "hunter2-canary", "pazz-canary", "CANARYKEY", PASSWORD_HASH)

LIVE: dict[str, bytes] = {
    "/etc/nginx/nginx.conf": b"events {\n\tworker_connections 8192;\n}\n",
    "/usr/local/bin/shop-backup": b"#!/bin/sh\nmysqldump -pS3cretPw1 shop >/srv/data/shop.sql\n",
    "/etc/sudoers.d/90-anne": b"anne ALL=(ALL) NOPASSWD: /usr/bin/systemctl\n",
    "/etc/systemd/system/shop.service": b"[Service]\nExecStart=/bin/sleep inf\n"
    b"[Install]\nWantedBy=multi-user.target\n",
    "/etc/nginx/sites-available/shop": b"server { listen 8088; }\n",
    "/opt/app/.env": b"APP_ENV=prod\nDB_PASSWORD=hunter2-canary\nURL=mysql://u:pazz-canary@h/x\n",
    "/etc/ssl/private/shop.key": b"-----BEGIN PRIVATE KEY-----\nCANARYKEY\n"
    b"-----END PRIVATE KEY-----\n",
    "/etc/shadow": b"root:*:1::\nzoe:" + PASSWORD_HASH.encode() + b":19000:0:99999:7:::\n",
}


def render_blog(files: Mapping[str, bytes], path: str) -> bytes:
    """As the twin has it: the few expressions that these templates hold."""
    text = files[path].decode()
    for expression, value in {
        "ansible_managed": "Ansible managed",
        "blog_upload_limit_mb + 1": "9",
        "blog_upload_limit_mb": "8",
        "php_version": "8.2",
        "php_memory_limit": "128M",
        "timezone": "Europe/Paris",
    }.items():
        text = text.replace("{{ " + expression + " }}", value)
    return text.encode()


def list_findings(files: Mapping[str, bytes]) -> dict[str, Finding]:
    """By a word for each; LIVE gets what the host has."""
    team = render_blog(files, "roles/nginx/templates/team.conf.j2")
    ini = render_blog(files, "roles/php/templates/90-team.ini.j2")
    rotate = render_blog(files, "roles/php/templates/logrotate.j2")
    changed = {
        "/etc/nginx/conf.d/team.conf": team.replace(b"timeout 30;", b"timeout 65;").replace(
            b"gzip_types", b'log_format x "{{a}} {%";\ngzip_types'
        ),
        INI.format("fpm"): ini.replace(b"128M", b"777M"),
        INI.format("cli"): ini.replace(b"128M", b"777M"),
        "/etc/logrotate.d/blog-php": rotate.replace(b"rotate 8", b"rotate 80"),
    }
    LIVE.update(changed)
    nginx = LIVE["/etc/nginx/nginx.conf"]
    before = {
        "/etc/nginx/conf.d/team.conf": team,
        INI.format("fpm"): ini,
        INI.format("cli"): ini,
        "/etc/logrotate.d/blog-php": rotate,
        "/etc/nginx/nginx.conf": nginx.replace(b"8192", b"1024"),
    }

    def file(path: str, **attributes: str) -> Deviation:
        return file_deviation(path, LIVE[path], before.get(path), **attributes)

    kind = FactKind
    manual = {"state": "installed", "version": "1", "mark": "manual"}
    root = {"owner": "root", "group": "root"}
    found = {
        "package": [deviation(kind.PACKAGE, "nethogs", manual)],
        "php package": [deviation(kind.PACKAGE, "php8.2-imagick", manual)],
        "package removed": [deviation(kind.PACKAGE, "mtr-tiny", None, manual)],
        "line of a task": [file("/etc/nginx/nginx.conf")],
        "template": [file("/etc/nginx/conf.d/team.conf")],
        "variable": [file(INI.format("fpm")), file(INI.format("cli"))],
        "template with facts": [file("/etc/logrotate.d/blog-php")],
        "job": [
            deviation(kind.CRON, "root 5 4 * * * /usr/local/bin/shop-backup >/dev/null 2>&1", {})
        ],
        "job with a secret": [
            deviation(kind.CRON, "root @daily curl --token=S3cretPw1-cron https://x.example/", {})
        ],
        "script": [file("/usr/local/bin/shop-backup", mode="0755")],
        "sudo": [file("/etc/sudoers.d/90-anne", mode="0440")],
        "unit": [
            deviation(kind.UNIT, "shop.service", {"enablement": "enabled", "active": "active"}),
            file("/etc/systemd/system/shop.service"),
            deviation(
                kind.FILE,
                "/etc/systemd/system/multi-user.target.wants/shop.service",
                {"type": "link", "target": "/etc/systemd/system/shop.service", **root},
            ),
        ],
        "account": [
            deviation(
                kind.USER,
                "zoe",
                {
                    "uid": "1500", "gid": "1500", "home": "/home/zoe", "shell": "/bin/bash",
                    "gecos": "Zoé {{ 7*7 }}", "password": "hmac:ff",
                },
            ),
            deviation(kind.GROUP, "zoe", {"gid": "1500", "members": ""}),
            deviation(
                kind.GROUP,
                "www-data",
                {"gid": "33", "members": "zoe"},
                {"gid": "33", "members": ""},
            ),
            deviation(
                kind.FILE,
                "/home/zoe",
                {"type": "directory", "mode": "0750", "owner": "zoe", "group": "zoe"},
            ),
            deviation(kind.FILE, "/etc/passwd", {"type": "file"}, {"type": "link"}),
        ],
        "clock": [
            deviation(kind.SETTING, "timezone", {"value": "UTC"}, {"value": "Europe/Paris"}),
            deviation(kind.FILE, "/etc/localtime", {"target": "UTC"}, {"target": "Paris"}),
        ],
        "site": [
            file("/etc/nginx/sites-available/shop"),
            deviation(
                kind.FILE,
                "/etc/nginx/sites-enabled/shop",
                {"type": "link", "target": "../sites-available/shop", **root},
            ),
        ],
        "settings with secrets": [
            file("/opt/app/.env", mode="0600"),
            deviation(kind.FILE, "/opt/app", {"type": "directory", "mode": "0755", **root}),
        ],
        "private key": [file("/etc/ssl/private/shop.key", mode="0600")],
        "kernel": [
            deviation(kind.SYSCTL, "net.ipv4.tcp_fin_timeout", {"value": "21"}, {"value": "30"})
        ],
        "hold": [deviation(kind.PACKAGE, "mariadb-server", {**manual, "hold": "yes"}, manual)],
        "mask": [
            deviation(
                kind.UNIT, "rsync.service", {"enablement": "masked"}, {"enablement": "enabled"}
            )
        ],
        "swap": [
            deviation(
                kind.FSTAB, "/swapfile", {"source": "/swapfile", "type": "swap", "options": "sw"}
            )
        ],
        "alternative": [
            deviation(
                kind.ALTERNATIVE,
                "editor",
                {"mode": "manual", "value": "/usr/bin/vim.basic"},
                {"mode": "auto", "value": "/bin/nano"},
            )
        ],
        "local package": [
            deviation(kind.PACKAGE, "acme-agent", manual, evidence={"origin": "local"})
        ],
    }  # fmt: skip
    return {
        word: finding(*deviations, title=f"{word} was changed by hand")
        for word, deviations in found.items()
    }


def list_touches(files: Mapping[str, bytes]) -> tuple[TaskEvent, ...]:
    lists = yaml.safe_load(files["inventory/group_vars/all/packages.yml"])

    def packages(name: str) -> list[Touch]:
        return [Touch(TouchKind.PACKAGE, package) for package in lists[name]]

    def at(path: str, words: str) -> str:
        return line_of(files, path, words)

    common, php, nginx = (f"roles/{role}/tasks" for role in ("common", "php", "nginx"))
    return (
        task(at(f"{common}/packages.yml", "Install the"), "apt", *packages("common_packages")),
        task(at(f"{php}/main.yml", "Install PHP"), "apt", *packages("php_packages")),
        task(
            at(f"{nginx}/configure.yml", "Set worker"),
            "lineinfile",
            path_touch("/etc/nginx/nginx.conf"),
        ),
        task(
            at(f"{nginx}/configure.yml", "Hide versions"),
            "template",
            path_touch("/etc/nginx/conf.d/team.conf"),
        ),
        task(
            at(f"{php}/main.yml", "Set PHP's"),
            "template",
            path_touch(INI.format("fpm")),
            path_touch(INI.format("cli")),
        ),
        task(
            at(f"{php}/main.yml", "Rotate PHP"),
            "template",
            path_touch("/etc/logrotate.d/blog-php"),
        ),
        task(at(f"{common}/identity.yml", "Name the"), "copy", path_touch("/etc/timezone")),
        task(at(f"{common}/identity.yml", "Set the time"), "file", path_touch("/etc/localtime")),
    )
