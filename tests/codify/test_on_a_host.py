"""A catch-up role with every kind of change, on a real instance: applied twice, then looked at."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.adapters.ansible.programs import program_beside_python
from releve.adapters.ansible.vault import encrypt_text
from releve.codify.plan import plan_changes
from releve.model.finding import Deviation, Finding
from releve.model.observed import FactKind
from tests.codify.builders import deviation, file_deviation, finding, make_repository, situation
from tests.fixtures.lab import RunningLab, wait_until

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lxd")]

NAME = "catch-up"
ROOT = {"owner": "root", "group": "root"}
HASH = "$6$saltsalt$" + "Qx3EJVZPQ7mTQpN8JcFvYh0mJ0oXH1GfC2m4Gq7oVb4yQGm6eM1S2y6yJ0Zz9WQ6"
LIVE = {
    "/etc/sudoers.d/90-zoe": b"zoe ALL=(ALL) NOPASSWD: /usr/bin/systemctl\n",
    "/etc/systemd/system/shop.service": b"[Service]\nExecStart=/bin/sleep inf\n"
    b"[Install]\nWantedBy=multi-user.target\n",
    "/opt/app/.env": b"APP=prod\nDB_PASSWORD=hunter2-canary\n",
    "/etc/ssl/private/shop.key": b"-----BEGIN PRIVATE KEY-----\nKEY\n-----END PRIVATE KEY-----\n",
    "/etc/sysctl.d/99-tuning.conf": b"net.ipv4.tcp_keepalive_time=300\n",
    "/etc/apt/preferences.d/99-acme": b"Package: nginx*\nPin: version 1.22.*\nPin-Priority: 9\n",
    "/etc/cron.d/shop": b"5 4 * * * root /bin/true {{ 7*7 }}\n",
    "/usr/local/bin/tool": b"#!/bin/sh\nexit 0\n",
    "/etc/modules-load.d/shop.conf": b"br_netfilter\n",  # the unit that reads it is masked there
    "/etc/nftables.conf": b"table inet unfinished {\n",  # and this one is not in use
    "/etc/shadow": b"zoe:" + HASH.encode() + b":19000:0:99999:7:::\n",
}
ACCESS = "user::rwx,user:zoe:r-x,group::r-x,mask::r-x,other::r-x"
JOB = '5 4 * * 1-5 /bin/echo "{{ 7*7 }}" >/dev/null 2>&1'


@dataclass(frozen=True)
class Target:
    lab: RunningLab
    address: str
    known_hosts: Path

    def look(self, *argv: str) -> str:
        ended = self.lab.client.execute(NAME, argv)
        assert ended.exit_code == 0, ended.complaint
        return ended.output


@pytest.fixture
def target(lab: RunningLab, tmp_path: Path) -> Iterator[Target]:
    """An instance of the lab's base image, let in by the lab's key."""
    client = lab.client
    client.act(
        "POST", "/1.0/instances", {"name": NAME, "source": {"type": "image", "alias": "base"}}
    )
    try:
        public = lab.settings.paths.ssh_key.with_suffix(".pub").read_text()
        client.push_file(NAME, "/root/.ssh/authorized_keys", text=public, mode="0600")
        client.act("PUT", f"/1.0/instances/{NAME}/state", {"action": "start", "timeout": 30})
        key = "/etc/ssh/ssh_host_ed25519_key.pub"
        wait_until(lambda: bool(client.pull_file(NAME, key)), "it has a host key", seconds=90)
        wait_until(lambda: bool(find_address(lab)), "it has an address", seconds=90)
        known = tmp_path / "known_hosts"
        known.write_text(
            f"{find_address(lab)} {' '.join(client.pull_file(NAME, key).split()[:2])}\n"
        )
        yield Target(lab, find_address(lab), known)
    finally:
        state = {"action": "stop", "force": True, "timeout": 30}
        client.act("PUT", f"/1.0/instances/{NAME}/state", state)
        client.act("DELETE", f"/1.0/instances/{NAME}", {})


def find_address(lab: RunningLab) -> str:
    network = (lab.client.get(f"/1.0/instances/{NAME}/state") or {}).get("network") or {}
    addresses = [
        address["address"]
        for address in (network.get("eth0") or {}).get("addresses", ())
        if address["family"] == "inet" and address["scope"] == "global"
    ]
    return addresses[0] if addresses else ""


def team_files(target: Target) -> dict[str, bytes]:
    arguments = f"-o UserKnownHostsFile={target.known_hosts} -o GlobalKnownHostsFile=/dev/null"
    hosts = f"""\
all:
  hosts:
    blog:
      ansible_host: {target.address}
      ansible_user: root
      ansible_ssh_private_key_file: {target.lab.settings.paths.ssh_key}
      ansible_ssh_common_args: {arguments}
      ansible_python_interpreter: /usr/bin/python3
"""
    return {
        "ansible.cfg": b"[defaults]\ninventory = inventory/hosts.yml\n"
        b"vault_password_file = vault-password\n[ssh_connection]\npipelining = true\n",
        "vault-password": b"only for this test\n",
        "inventory/hosts.yml": hosts.encode(),
        "site.yml": b"---\n- name: Make the host\n  hosts: blog\n  tasks:\n"
        b"    - name: Refresh the index\n      ansible.builtin.apt:\n        update_cache: true\n"
        b"      changed_when: false\n",
    }


def list_findings() -> list[Finding]:
    kind = FactKind
    manual = {"state": "installed", "version": "1", "mark": "manual"}

    def file(path: str, **attributes: str) -> Deviation:
        return file_deviation(path, LIVE[path], None, **attributes)

    groups: list[list[Deviation]] = [
        [deviation(kind.PACKAGE, "acl", manual)],
        [deviation(kind.PACKAGE, "nano", None, manual)],
        [deviation(kind.PACKAGE, "perl-base", {**manual, "hold": "yes"}, manual)],
        [
            deviation(
                kind.USER,
                "zoe",
                {"uid": "1500", "gid": "1500", "home": "/home/zoe", "shell": "/bin/bash",
                 "gecos": "Zoé {{ 7*7 }}", "password": "hmac:ff"},
            ),
            deviation(kind.GROUP, "zoe", {"gid": "1500", "members": ""}),
            deviation(kind.GROUP, "adm", {"members": "zoe"}, {"members": ""}),
            deviation(
                kind.FILE,
                "/home/zoe",
                {"type": "directory", "mode": "0750", "owner": "zoe", "group": "zoe"},
            ),
        ],
        [deviation(kind.USER, "games", None, {"uid": "5"})],
        [deviation(kind.GROUP, "voice", None, {"gid": "22"})],
        [file("/etc/sudoers.d/90-zoe", mode="0440")],
        [
            deviation(kind.UNIT, "shop.service", {"enablement": "enabled", "active": "active"}),
            file("/etc/systemd/system/shop.service"),
        ],
        [
            deviation(
                kind.UNIT, "apt-daily.timer", {"enablement": "masked"}, {"enablement": "enabled"}
            )
        ],
        [
            file("/opt/app/.env", mode="0600"),
            deviation(kind.FILE, "/opt/app", {"type": "directory", "mode": "0755", **ROOT}),
        ],
        [file("/etc/ssl/private/shop.key", mode="0600")],
        [file("/etc/sysctl.d/99-tuning.conf")],
        [deviation(kind.SYSCTL, "net.ipv4.tcp_fin_timeout", {"value": "21"}, {"value": "60"})],
        [file("/etc/apt/preferences.d/99-acme")],
        [file("/etc/cron.d/shop")],
        [deviation(kind.CRON, f"root {JOB}", {})],
        [deviation(kind.SETTING, "timezone", {"value": "Asia/Tokyo"}, {"value": "UTC"})],
        [file("/usr/local/bin/tool", mode="4755", acl=ACCESS, xattrs="user.from=6e6173")],
        [file("/etc/modules-load.d/shop.conf")],
        [file("/etc/nftables.conf")],
        [deviation(kind.FILE, "/usr/local/bin/link", {"type": "link", "target": "tool", **ROOT})],
        [deviation(kind.FILE, "/etc/motd", None, {"type": "file"})],
        [
            deviation(
                kind.FILE,
                "/etc/issue",
                {"type": "file", "mode": "0600", "owner": "root", "group": "adm"},
                {"type": "file", "mode": "0644", **ROOT},
            )
        ],
        [
            deviation(
                kind.FSTAB, "/mnt/x", {"source": "/dev/vdz", "type": "ext4", "options": "noauto"}
            )
        ],
        [deviation(kind.STATOVERRIDE, "/usr/local/x", {**ROOT, "mode": "0750"})],
        [deviation(kind.DIVERSION, "/usr/bin/x", {"to": "/usr/bin/x.real", "by": "LOCAL"})],
    ]  # fmt: skip
    return [finding(*deviations) for deviations in groups]


def converge(directory: Path) -> str:
    """How many tasks say that they changed something."""
    done = subprocess.run(
        [program_beside_python("ansible-playbook"), "site.yml"],
        cwd=directory,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "hunter2-canary" not in done.stdout
    found = re.search(r"changed=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
    assert found is not None
    return found[1]


@pytest.mark.timeout(900)
def test_every_kind_comes_back_and_the_second_converge_changes_nothing(
    target: Target, tmp_path: Path
) -> None:
    files = team_files(target)
    directory = make_repository(tmp_path / "team", files)

    def encrypt(clear: bytes) -> bytes:
        return encrypt_text(directory, clear, environment=dict(os.environ))

    findings = list_findings()
    one = {"all": frozenset({"blog"})}
    given = situation(files, live=LIVE, findings=findings, encrypt=encrypt, groups=one)
    planned = plan_changes(findings, given)
    assert [found.left_out for found in planned.not_codifiable] == []
    for change in planned.changes:
        assert change.left_out == ()
        for path, content in change.files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(content)
    assert converge(directory) != "0"
    assert converge(directory) == "0"
    for path in LIVE.keys() - {"/etc/shadow"}:
        assert target.look("cat", path).encode() == LIVE[path], path
    assert JOB in target.look("crontab", "-l").splitlines()
    assert "Zoé {{ 7*7 }}" in target.look("getent", "passwd", "zoe")
    assert target.look("getent", "shadow", "zoe").split(":")[1] == HASH
    assert target.look("id", "-nG", "zoe").split() == ["zoe", "adm"]
    assert target.look("systemctl", "is-active", "shop.service").strip() == "active"
    assert "perl-base" in target.look("apt-mark", "showhold")
    assert target.look("readlink", "/etc/localtime").strip() == "../usr/share/zoneinfo/Asia/Tokyo"
    assert target.look("cat", "/etc/timezone").strip() == "Asia/Tokyo"
    assert "user:zoe:r-x" in target.look("getfacl", "-p", "/usr/local/bin/tool")
    look = "import os; print(os.getxattr('/usr/local/bin/tool', 'user.from').decode())"
    assert target.look("python3", "-c", look).strip() == "nas"
    assert target.look("stat", "-c", "%a %G", "/etc/issue").split() == ["600", "adm"]
    assert target.look("readlink", "/usr/local/bin/link").strip() == "tool"
    for gone in ("/etc/motd", "/bin/nano"):
        target.look("test", "!", "-e", gone)
