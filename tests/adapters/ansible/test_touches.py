"""Which things a task manages, by module; a secret in an argument is never among them."""

import pytest

from releve.adapters.ansible.touches import touches_of

Table = list[tuple[str, dict[str, object], dict[str, object], list[str]]]

TABLE: Table = [
    ("ansible.builtin.apt", {"name": ["nginx=1.2-3", "curl"]}, {},
     ["package nginx", "package curl"]),
    ("ansible.builtin.apt", {"pkg": "a,b"}, {}, ["package a", "package b"]),
    ("ansible.builtin.apt", {"name": "php*"}, {}, ["package php*"]),
    ("ansible.builtin.apt", {"deb": "./debs/x_1_all.deb"}, {}, ["package x"]),
    ("ansible.builtin.apt", {"update_cache": True}, {}, []),
    ("apt", {"package": ["x"]}, {}, ["package x"]),
    ("ansible.builtin.package", {"name": "x>=2"}, {}, ["package x"]),
    ("ansible.builtin.dpkg_selections", {"name": "x", "selection": "hold"}, {}, ["package x"]),
    ("ansible.builtin.copy", {"dest": "/etc/x", "content": "SECRET"}, {}, ["path /etc/x"]),
    ("ansible.builtin.copy", {"dest": "/etc/"}, {"dest": "/etc/a.conf"}, ["path /etc/a.conf"]),
    ("ansible.builtin.template", {"dest": "/etc//x/../y"}, {}, ["path /etc/y"]),
    ("ansible.legacy.file", {"path": "/srv", "state": "directory"}, {}, ["path /srv"]),
    ("ansible.builtin.lineinfile", {"path": "/etc/x", "line": "SECRET"}, {}, ["path /etc/x"]),
    ("ansible.builtin.blockinfile", {"path": "/etc/x", "block": "SECRET"}, {}, ["path /etc/x"]),
    ("ansible.builtin.get_url", {"dest": "/opt/x", "url": "SECRET"}, {}, ["path /opt/x"]),
    ("ansible.builtin.unarchive", {"dest": "/opt", "src": "x.tgz"}, {}, ["path /opt"]),
    ("community.general.ini_file", {"path": "/etc/x.ini", "value": "SECRET"}, {},
     ["path /etc/x.ini"]),
    ("ansible.builtin.service", {"name": "nginx"}, {}, ["unit nginx.service"]),
    ("ansible.builtin.systemd", {"name": "x.timer"}, {}, ["unit x.timer"]),
    ("ansible.builtin.systemd_service", {"unit": "getty@tty1"}, {}, ["unit getty@tty1.service"]),
    ("ansible.builtin.systemd", {"daemon_reload": True}, {}, []),
    ("ansible.builtin.user", {"name": "ana", "password": "SECRET"}, {}, ["user ana"]),
    ("ansible.builtin.group", {"name": "web"}, {}, ["group web"]),
    ("ansible.posix.authorized_key", {"user": "ana", "key": "SECRET"},
     {"keyfile": "/home/ana/.ssh/authorized_keys"},
     ["user ana", "path /home/ana/.ssh/authorized_keys"]),
    ("ansible.builtin.cron", {"name": "dump", "job": "SECRET"}, {}, ["cron root: dump"]),
    ("ansible.builtin.cron", {"name": "d", "cron_file": "x", "user": "ana"}, {},
     ["path /etc/cron.d/x", "cron ana: d"]),
    ("ansible.builtin.git", {"repo": "https://u:SECRET@git.example/x", "dest": "/srv/x"}, {},
     ["path /srv/x", "repository https://git.example/x"]),
    ("ansible.builtin.apt_repository", {"repo": "deb http://u:SECRET@x/ a main"}, {},
     ["repository deb http://x/ a main"]),
    ("ansible.builtin.deb822_repository", {"name": "x", "signed_by": "SECRET"},
     {"dest": "/etc/apt/sources.list.d/x.sources"},
     ["repository x", "path /etc/apt/sources.list.d/x.sources"]),
    ("ansible.builtin.hostname", {"name": "web1"}, {}, ["path /etc/hostname"]),
    ("community.general.timezone", {"name": "UTC"}, {},
     ["path /etc/localtime", "path /etc/timezone"]),
    ("ansible.posix.sysctl", {"name": "vm.swappiness", "value": "1"}, {},
     ["sysctl vm.swappiness", "path /etc/sysctl.conf"]),
    ("ansible.posix.mount", {"path": "/srv", "src": "/dev/vdb"}, {},
     ["path /srv", "path /etc/fstab"]),
    ("community.general.locale_gen", {"name": "fr_FR.UTF-8"}, {}, ["path /etc/locale.gen"]),
    ("community.mysql.mysql_db", {"name": ["blog", "stats"], "login_password": "SECRET"}, {},
     ["database blog", "database stats"]),
    ("community.mysql.mysql_user", {"name": "blog", "host": "%", "password": "SECRET"}, {},
     ["database user blog@%"]),
    ("community.postgresql.postgresql_db", {"name": "blog"}, {}, ["database blog"]),
    ("community.postgresql.postgresql_user", {"name": "blog", "password": "SECRET"}, {},
     ["database user blog"]),
    ("ansible.builtin.command", {"_raw_params": "mysql -pSECRET"}, {"cmd": "SECRET"}, []),
    ("ansible.builtin.shell", {"_raw_params": "SECRET"}, {"stdout": "SECRET"}, []),
    ("acme.own.copy", {"dest": "/x"}, {}, []),
    ("ansible.builtin.debug", {"msg": "SECRET"}, {"msg": "SECRET"}, []),
    ("ansible.builtin.user", {"name": {"not": "a name"}}, {}, []),
    ("ansible.builtin.user", {"name": None}, {}, []),
    ("ansible.builtin.apt", {"name": [1, None, ["x"], "ok"]}, {}, ["package ok"]),
]  # fmt: skip


@pytest.mark.parametrize(("action", "arguments", "result", "expected"), TABLE)
def test_table(
    action: str, arguments: dict[str, object], result: dict[str, object], expected: list[str]
) -> None:
    found = touches_of(action, arguments, result)
    assert [f"{touch.kind} {touch.name}" for touch in found] == expected
    assert "SECRET" not in repr(found)


def test_bounds() -> None:
    many = touches_of("ansible.builtin.apt", {"name": [f"p{n}" for n in range(9999)]}, {})
    assert len(many) == 2000
    (long,) = touches_of("ansible.builtin.file", {"path": "/" + "x" * 99999}, {})
    assert len(long.name) == 4096
