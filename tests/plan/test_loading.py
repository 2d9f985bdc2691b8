"""A right plan as it is after loading, and where it is looked for."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from releve.errors import PlanError
from releve.plan.loading import find_plan, load_plan
from releve.plan.sizes import format_size, parse_size
from releve.plan.types import HostPlan, HttpCheck, TcpCheck
from tests.plan.broken_plans import GOOD, BrokenPlan

HOST = "web.example.org"


def test_plan_is_loaded_with_its_lines() -> None:
    loaded = load_plan(GOOD / "releve.yml")
    host = loaded.host(HOST)
    assert isinstance(host.checks[0], HttpCheck)
    assert isinstance(host.checks[1], TcpCheck)
    assert host.converge.timeout == timedelta(minutes=20)
    assert host.ssh.identity_files == []
    assert loaded.repository == GOOD.resolve()
    assert loaded.sha256 == hashlib.sha256((GOOD / "releve.yml").read_bytes()).hexdigest()


def test_every_place_has_the_line_that_it_is_written_on() -> None:
    loaded = load_plan(GOOD / "releve.yml")
    lines = (GOOD / "releve.yml").read_text().splitlines()
    assert len(loaded.lines) > 50
    for place, line in loaded.lines.items():
        last = place[-1]
        if isinstance(last, str):
            assert f"{last}:" in lines[line - 1]
    assert loaded.lines["hosts", HOST, "checks", 1] == lines.index("      - tcp: 22") + 1


def test_location_of_what_is_not_written_is_that_of_its_section() -> None:
    loaded = load_plan(GOOD / "releve.yml")
    section = loaded.location_of(("hosts", HOST, "ssh"))
    assert loaded.location_of(("hosts", HOST, "ssh", "identity_files")) == section
    assert loaded.location_of(("owner",)).endswith("releve.yml:1")


def test_frozen_plan_reads_back_as_the_same() -> None:
    """A run keeps the plan as JSON and resumes from that alone."""
    host = load_plan(GOOD / "releve.yml").host(HOST)
    assert HostPlan.model_validate(host.model_dump(mode="json")) == host


def test_unknown_host_is_refused_with_the_near_one() -> None:
    with pytest.raises(PlanError) as refused:
        load_plan(GOOD / "releve.yml").host("web.exmaple.org")
    assert refused.value.remedy == f"write {HOST}, if that is meant"


def test_identity_files_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for path in ("home/.ssh/id", "repository/keys/id"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("a private key\n")
    edit = {"      port: 22": "      identity_files: [~/.ssh/id, keys/id]"}
    case = BrokenPlan(name="", says="", replace=edit)
    host = load_plan(case.write(tmp_path / "repository")).host(HOST)
    assert host.ssh.identity_files == [
        str(tmp_path / "home/.ssh/id"),
        str(tmp_path / "repository/keys/id"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "      - command: [curl, -u, $USER, localhost]",
        "      - command: [app, --token-file, /run/token]",
        "      - command: [psql, --no-password, -c, select 1]",
        "      - command: [mysql, -p$MYSQL_PWD]",
        "      - command: [id, -u, www-data]",
        "      - {file: /etc/ssh/sshd_config, contains: [PasswordAuthentication no]}",
        "      - {file: /etc/ssh/sshd_config, contains: [PasswordAuthentication=no]}",
        "      - {file: /etc/app.ini, contains: ['password = $PASSWORD']}",
        "      - {file: /etc/app.ini, contains: ['token: /run/secrets/token']}",
        "      - {http: 'https://web.example.org/reset', contains: [Forgot your password?]}",
        "      - {http: 'https://web.example.org/reset', contains: [Basic authentication]}",
    ],
)
def test_what_looks_like_a_secret_and_is_none(line: str, tmp_path: Path) -> None:
    case = BrokenPlan(name="", says="", replace={"      - tcp: 22": line})
    assert load_plan(case.write(tmp_path)).host(HOST)


@pytest.mark.parametrize(
    "edit",
    [
        {"address: 198.51.100.10": "address: '2001:db8::10'"},
        {"mount: /srv/data": "mount: /etc/letsencrypt"},
        {"mount: /srv/data": "mount: /srv/données"},
        {"mount: /srv/backup": "mount: /srv/data-backup"},
        {"inventory: [inventory/hosts.yml]": "inventory: [inventory]"},
        {"  project: web": "  endpoint: lab:lab"},
        {"  project: web": "  endpoint: /var/lib/lxd/unix.socket"},
        {"https://web.example.org/posts/1": "https://[2001:db8::1]:8443/posts?x=1"},
        {"unit: nginx.service": r"unit: dev-disk-by\x2duuid.device"},
    ],
    ids=str,
)
def test_what_is_unusual_and_right(edit: dict[str, str], tmp_path: Path) -> None:
    case = BrokenPlan(name="", says="", replace=edit)
    assert load_plan(case.write(tmp_path)).host(HOST)


def test_ansible_cfg_may_name_the_inventory(tmp_path: Path) -> None:
    edit = {"      inventory: [inventory/hosts.yml]\n": ""}
    case = BrokenPlan(name="", says="", replace=edit, files={"ansible.cfg": "[defaults]\n"})
    assert load_plan(case.write(tmp_path)).host(HOST).converge.inventory == []


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = BrokenPlan(name="", says="").write(tmp_path)
    text = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_plan(path).host(HOST) == load_plan(GOOD / "releve.yml").host(HOST)


def test_plan_is_found_above_within_the_git_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "releve.yml").touch()
    below = tmp_path / "roles/web"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_plan(Path.cwd()) == Path("../../releve.yml")


def test_plan_of_a_stranger_above_is_not_picked_up(tmp_path: Path) -> None:
    (tmp_path / "releve.yml").touch()
    (tmp_path / "work").mkdir()
    with pytest.raises(PlanError, match=r"no releve\.yml here"):
        find_plan(tmp_path / "work")
    (tmp_path / "work/.git").mkdir()
    with pytest.raises(PlanError, match=r"no releve\.yml here"):
        find_plan(tmp_path / "work")


def test_directory_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read") as refused:
        load_plan(tmp_path)
    assert refused.value.why == "it is not a file"


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("1GiB", 2**30), ("500 MB", 500_000_000), ("512", 512), ("2TiB", 2**41), ("0B", 0)],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes
    assert parse_size(format_size(size_bytes)) == size_bytes


@pytest.mark.parametrize("text", ["", "GiB", "1.5GiB", "-1GiB", "1Gib", "1 gig", "9" * 30])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="a size is"):
        parse_size(text)
