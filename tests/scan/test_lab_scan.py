"""A real Debian host in the lab, scanned over SSH: what is planted is found, and only that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.adapters.ssh.access import SshAccess
from releve.model.observed import Fact, ScanRecord, ScanRole, require_sorted
from releve.model.resources import HostKey
from releve.ports.access import Door
from releve.scan.contents import read_contents
from releve.scan.request import ScanRequest
from releve.scan.scan import scan_and_save
from tests.fakes.observed_store import FakeObservedStore
from tests.fixtures.lab import RunningLab, ssh

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lab")]

PLANT = """
printf 'port = 8081\\n' > /etc/planted.conf
printf 'hunter2' > /etc/planted.token; chmod 600 /etc/planted.token
mkfifo /srv/planted.fifo
cp -p /usr/bin/passwd /root/passwd.orig; printf x >> /usr/bin/passwd
touch -r /root/passwd.orig /usr/bin/passwd
chmod 700 /etc/hosts
useradd --no-create-home --shell /bin/sh planted
printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/planted.service
"""
CLEAR = """
cp -p /root/passwd.orig /usr/bin/passwd; userdel planted; chmod 644 /etc/hosts
rm -f /etc/planted.conf /etc/planted.token /srv/planted.fifo /root/passwd.orig
rm -f /etc/systemd/system/planted.service
"""
STORES = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
MOVES_BY_ITSELF = ("/var/", "/root", *(f"/etc/{name}" for name in STORES))


@pytest.fixture
def access() -> Iterator[SshAccess]:
    access = SshAccess()
    yield access
    access.close()


@pytest.fixture
def door(lab: RunningLab) -> Door:
    lines = [line.split() for line in Path(lab.report.known_hosts).read_text().splitlines()]
    address = lab.host.address
    keys = tuple(HostKey(words[1], words[2]) for words in lines if address in words[0].split(","))
    return Door(address, 22, "root", keys, (lab.report.ssh_key,))


def test_what_is_planted_on_a_real_host_is_found(
    lab: RunningLab, access: SshAccess, door: Door
) -> None:
    store = FakeObservedStore()
    before = scan(store, "before", access=access, door=door)
    try:
        ssh(lab, door.address, PLANT)
        after = scan(store, "after", access=access, door=door)
        bodies = read_contents(access, door, ["/etc/planted.conf", "/srv/planted.fifo"])
    finally:
        ssh(lab, door.address, CLEAR)
    assert bodies == {"/etc/planted.conf": b"port = 8081\n"}
    assert {key for key, fact in before.items() if key.startswith("sysctl") and fact.attributes}
    assert before["file /usr/bin/passwd"].attributes["content"] == "="
    assert after["file /usr/bin/passwd"].attributes["content"].startswith("sha256:")
    assert after["file /etc/planted.token"].attributes["content"].startswith("hmac:")
    assert after["file /srv/planted.fifo"].attributes["type"] == "fifo"
    assert after["file /etc/hosts"].attributes["mode"] == "0700"
    assert after["user planted"].attributes["shell"] == "/bin/sh"
    assert "unit planted.service" in after
    differing = {
        key.split(" ", 1)[1]
        for key in before.keys() | after.keys()
        if key.startswith("file ") and attributes(before, key) != attributes(after, key)
    }
    found = {path for path in differing if not path.startswith(MOVES_BY_ITSELF)}
    assert found == {
        "/etc/planted.conf", "/etc/planted.token", "/srv/planted.fifo", "/usr/bin/passwd",
        "/etc/hosts", "/etc/systemd/system/planted.service",
    }  # fmt: skip


def scan(
    store: FakeObservedStore, scan_id: str, *, access: SshAccess, door: Door
) -> dict[str, Fact]:
    record = ScanRecord(scan_id, "blog", ScanRole.LIVE, "", "2026-01-01T00:00:00Z")
    request = ScanRequest(store.secret_for("blog"))
    saved = scan_and_save(access, door, request, record=record, store=store)
    facts = list(require_sorted(store.read_facts(scan_id)))
    assert saved.complete
    assert saved.facts == len(facts)
    return {f"{fact.kind} {fact.key}": fact for fact in facts}


def attributes(facts: dict[str, Fact], key: str) -> object:
    return facts[key].attributes if key in facts else None
