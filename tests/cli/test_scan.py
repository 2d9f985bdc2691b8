"""releve scan on a dead disk made by hand, and on a lab's host."""

import json
from pathlib import Path

import pytest

from releve.cli.main import main
from tests.fixtures.lab import RunningLab
from tests.scan.dead_root import make_root, write
from tests.scan.local_access import require_root

Read = pytest.CaptureFixture[str]
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: {endpoint}, pool: {pool}}}
hosts:
  {host}:
    instance: {instance}
    image: {image}
    address: {address}
    ssh: {{identity_files: [{key}]}}
    converge: {{playbook: site.yml, inventory: [hosts.ini]}}
    checks: [{{tcp: 22}}]
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    for name in ("RELEVE_DATABASE_URL", "RELEVE_KEY_FILE", "RELEVE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


@pytest.mark.real
def test_a_dead_disk_is_read_kept_and_listed(state: Path, tmp_path: Path, capsys: Read) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    write(root / "etc/\x1b[2Jcleared\u202e", "x")
    assert main(["scan", "blog", "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("blog: ")
    for text in ("user", "blind spots", "process: needs a running system", "/proc: special"):
        assert text in told
    write(root / "etc/\x1b[2Jnew", "x")
    assert main(["scan", "blog", "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "1 difference since" in told
    assert "extra  file /etc/\\x1b[2Jnew" in told
    assert "\x1b" not in told
    assert main(["scan", "blog", "--list"]) == 0
    assert capsys.readouterr().out.count("-dead ") == 2
    assert main(["scan", "blog", "--list", "--json"]) == 0
    assert [one["role"] for one in json.loads(capsys.readouterr().out)["scans"]] == ["dead"] * 2
    assert main(["scan", "blog", "--root", str(root), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["changes"]["count"] == 0
    assert sum(summary["counts"].values()) == summary["facts"]
    kept = b"".join(path.read_bytes() for path in state.rglob("journal.db*"))
    assert b"cleared" not in kept
    assert b"alice" not in kept


def test_a_host_without_scans_names_the_next_command(state: Path, capsys: Read) -> None:
    del state
    assert main(["scan", "blog", "--list"]) == 0
    assert capsys.readouterr().out == "No scan of blog yet. Next: releve scan blog\n"


def test_what_is_no_disk_is_told(state: Path, tmp_path: Path, capsys: Read) -> None:
    del state
    assert main(["scan", "blog", "--root", str(tmp_path / "nothing")]) == 2
    assert "Do this: Name the directory" in capsys.readouterr().err


@pytest.mark.real
@pytest.mark.xdist_group("lab")
def test_a_lab_host_is_read_twice_and_what_was_done_by_hand_is_new(
    lab: RunningLab, state: Path, tmp_path: Path, capsys: Read
) -> None:
    del state
    host = lab.report.hosts[0]
    plan = tmp_path / "releve.yml"
    plan.write_text(
        PLAN.format(
            endpoint=lab.report.endpoint,
            pool=lab.report.pool,
            host=host.name,
            instance=host.instance,
            image=lab.report.image,
            address=host.address,
            key=lab.report.ssh_key,
        )
    )
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks: []\n")
    (tmp_path / "hosts.ini").write_text(f"{host.name}\n")
    arguments = ["scan", host.name, "--plan", str(plan), "--json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["complete"], first["role"], first["changes"]) == (True, "live", None)
    assert first["base_image"]
    assert first["counts"]["file"] > 1_000
    assert first["counts"]["package"] > 50
    lab.client.push_file(host.instance, "/etc/by-hand", text="x", mode="0644")
    try:
        assert main(arguments) == 0
    finally:
        lab.client.execute(host.instance, ("rm", "/etc/by-hand"))
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert changes["since"] == first["scan_id"]
    (by_hand,) = [item for item in changes["listed"] if item["key"] == "/etc/by-hand"]
    assert by_hand["status"] == "extra"
    assert changes["count"] < 50, changes
