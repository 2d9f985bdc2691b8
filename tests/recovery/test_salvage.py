"""Salvage by its real programs, between two directories that stand for the two machines."""

import ast
import hashlib
import json
import os
import pwd
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releve.errors import CommandFailed, PlanError
from releve.ports.access import Access, CommandResult, Door, StreamLimits
from releve.recovery.autopsy import guest_source, guest_target
from releve.recovery.autopsy.case import MOUNT
from releve.recovery.autopsy.salvage import Courier
from releve.recovery.autopsy.salvaged import Choice, Found, check_choice, is_identity, read_listing

SOURCE = Door("192.0.2.1", 22, "root", ())
TARGET = Door("192.0.2.2", 22, "root", ())
RUN = "abcdefabcdef"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: owners need root")


class LocalAccess(Access):
    """Runs what is sent on this machine, with the dead root and the new one in two directories."""

    def __init__(self, dead: Path, new: Path) -> None:
        self.dead = dead
        self.new = new
        self.before: Callable[[dict[str, Any]], None] = lambda _request: None

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        request = json.loads(command[-1])
        self.before(request)
        if door is SOURCE:
            assert request["root"] == MOUNT
            request["root"] = str(self.dead)
        else:
            request["base"] = str(self.new) + request["base"].rstrip("/")
            for parent in request.get("parents", ()):
                parent["path"] = str(self.new) + parent["path"]
        done = subprocess.run(
            [*command[:-1], json.dumps(request)],
            input=stdin,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        result = self.run_command(
            door, command=command, stdin=stdin, timeout_seconds=limits.seconds
        )
        take(result.stdout[: limits.stdout_bytes])
        cut = len(result.stdout) > limits.stdout_bytes
        return CommandResult(result.exit_code, b"", result.stderr, cut)

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        raise NotImplementedError

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        raise NotImplementedError


@pytest.fixture
def access(tmp_path: Path) -> LocalAccess:
    for name in ("dead", "new"):
        (tmp_path / name / "etc").mkdir(parents=True)
        (tmp_path / name / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return LocalAccess(tmp_path / "dead", tmp_path / "new")


def courier(access: LocalAccess, *paths: str, **chosen: Any) -> Courier:
    choice = check_choice(Choice(paths, **chosen))
    return Courier(access, SOURCE, TARGET, choice=choice, run_id=RUN)


def copy_all(access: LocalAccess, *paths: str, **chosen: Any) -> dict[str, Found]:
    fetched = courier(access, *paths, **chosen)
    return {file.path: fetched.copy(file) for file in fetched.judge_all()}


def put(root: Path, path: str, content: bytes = b"precious", mode: int = 0o640) -> Path:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_directory_comes_whole_with_its_modes(access: LocalAccess) -> None:
    put(access.dead, "/srv/up/a.jpg", b"a" * 100)
    put(access.dead, "/srv/up/deep/b.jpg", b"")
    (access.dead / "srv/up").chmod(0o750)
    copied = copy_all(access, "/srv/up")
    assert {file.state for file in copied.values()} == {"written"}
    assert (access.new / "srv/up/a.jpg").read_bytes() == b"a" * 100
    assert (access.new / "srv/up/deep/b.jpg").read_bytes() == b""
    assert stat.S_IMODE((access.new / "srv/up/a.jpg").stat().st_mode) == 0o640
    assert stat.S_IMODE((access.new / "srv/up").stat().st_mode) == 0o750
    assert copied["/srv/up/a.jpg"].sha256 == hashlib.sha256(b"a" * 100).hexdigest()
    assert not list(access.new.rglob(".releve-*"))


def test_a_file_larger_than_one_piece_comes_whole(
    access: LocalAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.recovery.autopsy.salvage.CHUNK", 1000)
    content = os.urandom(4321)
    put(access.dead, "/srv/big", content)
    copy_all(access, "/srv/big")
    assert (access.new / "srv/big").read_bytes() == content


def test_an_existing_other_file_is_never_overwritten(access: LocalAccess) -> None:
    put(access.dead, "/srv/a", b"old")
    put(access.new, "/srv/a", b"new")
    assert copy_all(access, "/srv/a")["/srv/a"].state == "different"
    assert (access.new / "srv/a").read_bytes() == b"new"


def test_with_replace_the_former_one_is_kept_beside(access: LocalAccess) -> None:
    put(access.dead, "/srv/a", b"old")
    put(access.new, "/srv/a", b"new")
    copied = copy_all(access, "/srv/a", replace=True)["/srv/a"]
    assert (copied.state, copied.backup) == ("replaced", f"a.releve-{RUN}")
    assert (access.new / "srv/a").read_bytes() == b"old"
    assert (access.new / "srv" / copied.backup).read_bytes() == b"new"
    assert copy_all(access, "/srv/a", replace=True)["/srv/a"].state == "same"


@pytest.mark.parametrize("act", ["write", "finish"])
def test_killed_at_any_act_it_is_whole_the_second_time(access: LocalAccess, act: str) -> None:
    put(access.dead, "/srv/a", b"old")
    put(access.new, "/srv/a", b"new")

    def die(request: dict[str, Any]) -> None:
        if request.get("act") == act:
            raise KeyboardInterrupt

    access.before = die
    with pytest.raises(KeyboardInterrupt):
        copy_all(access, "/srv/a", replace=True)
    access.before = lambda _request: None
    assert copy_all(access, "/srv/a", replace=True)["/srv/a"].state == "replaced"
    names = sorted(path.name for path in (access.new / "srv").iterdir())
    assert names == ["a", f"a.releve-{RUN}"]


def test_a_file_that_appears_meanwhile_is_not_lost(access: LocalAccess) -> None:
    put(access.dead, "/srv/a", b"old")

    def appear(request: dict[str, Any]) -> None:
        if request.get("act") == "finish":
            put(access.new, "/srv/a", b"somebody's")

    access.before = appear
    assert copy_all(access, "/srv/a")["/srv/a"].state == "blocked"
    assert (access.new / "srv/a").read_bytes() == b"somebody's"


def test_below_a_directory_of_ones_own_choice(access: LocalAccess) -> None:
    put(access.dead, "/etc/foo/bar.conf")
    put(access.dead, "/top")
    assert {
        file.state for file in copy_all(access, "/etc/foo", "/top", to="/srv/rescued").values()
    } == {"written"}
    assert (access.new / "srv/rescued/etc/foo/bar.conf").is_file()
    assert (access.new / "srv/rescued/top").is_file()
    assert not (access.new / "etc/foo").exists()


@pytest.mark.parametrize("make", ["link", "absolute_link", "fifo", "directory_link"])
def test_nothing_but_regular_files_reached_without_a_link(access: LocalAccess, make: str) -> None:
    secret = put(access.dead.parent, "controller-secret")
    place = access.dead / "srv/x"
    place.parent.mkdir(parents=True)
    asked = "/srv/x"
    if make == "link":
        place.symlink_to("../../controller-secret")
    elif make == "absolute_link":
        place.symlink_to(secret)
    elif make == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(access.dead.parent)
        asked = "/srv/x/controller-secret"
    (found,) = copy_all(access, asked).values()
    assert found.state == "left_out"
    assert found.why
    assert [path for path in access.new.rglob("*") if path.is_file()] == [access.new / "etc/passwd"]


@pytest.mark.parametrize("where", ["directory", "file"])
def test_it_never_leaves_the_target_by_a_link(access: LocalAccess, where: str) -> None:
    put(access.dead, "/srv/up/a", b"evil")
    outside = access.new.parent / "outside"
    outside.mkdir()
    (access.new / "srv").mkdir()
    if where == "directory":
        (access.new / "srv/up").symlink_to(outside)
    else:
        (access.new / "srv/up").mkdir()
        (access.new / "srv/up/a").symlink_to(outside / "a")
    copied = copy_all(access, "/srv/up/a", replace=True)["/srv/up/a"]
    assert copied.state in {"blocked", "other"}
    assert not list(outside.iterdir())


def test_hostile_names_are_only_names(access: LocalAccess) -> None:
    names = ["$(touch canary)'; touch canary; '", "-rf {{ 7*7 }}", "a\nb\x1b[2J"]
    for name in names:
        put(access.dead, f"/srv/up/{name}")
    raw = os.fsencode(access.dead) + b"/srv/up/\xff\xfe"
    Path(os.fsdecode(raw)).write_bytes(b"not utf-8")
    copied = copy_all(access, "/srv/up")
    assert {file.state for file in copied.values()} == {"written"}
    there = {path.name for path in (access.new / "srv/up").iterdir()}
    assert there == {*names, os.fsdecode(b"\xff\xfe")}
    assert not list(access.new.parent.rglob("canary"))
    for file in copied.values():
        assert json.dumps(file.describe()).isascii()
        assert "\x1b" not in file.describe()["path"]


def test_a_setuid_bit_does_not_come_back(access: LocalAccess) -> None:
    put(access.dead, "/srv/tool", mode=0o4755)
    copied = copy_all(access, "/srv/tool")["/srv/tool"]
    assert stat.S_IMODE((access.new / "srv/tool").stat().st_mode) == 0o755
    assert any("setuid" in note for note in copied.notes)


@needs_root
def test_owners_go_by_name_and_one_that_is_not_here_is_said(access: LocalAccess) -> None:
    put(access.dead, "/etc/passwd", b"root:x:0:0::/:/bin/sh\nnobody:x:777:777::/:/bin/sh\n"
        b"gone:x:778:778::/:/bin/sh\n", mode=0o644)  # fmt: skip
    put(access.dead, "/etc/group", b"root:x:0:\n", mode=0o644)
    for name, number in (("known", 777), ("unknown", 778)):
        os.chown(put(access.dead, f"/srv/{name}"), number, 0)
    copied = copy_all(access, "/srv")
    assert (access.new / "srv/known").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert (access.new / "srv/unknown").stat().st_uid == 0
    assert any("owner" in note for note in copied["/srv/unknown"].notes)
    assert copied["/srv/known"].dress["owner"] == "nobody"


@needs_root
def test_an_acl_comes_with_its_names(access: LocalAccess) -> None:
    file = put(access.dead, "/srv/shared")
    put(
        access.dead,
        "/etc/passwd",
        b"root:x:0:0::/:/bin/sh\nnobody:x:777:777::/:/bin/sh\n",
        mode=0o644,
    )
    put(access.dead, "/etc/group", b"root:x:0:\n", mode=0o644)
    try:
        subprocess.run(["setfacl", "-m", "u:777:r", str(file)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("NOT TRIED: no ACL can be set here")
    copied = copy_all(access, "/srv/shared")["/srv/shared"]
    assert copied.notes == ()
    listed = subprocess.run(
        ["getfacl", "-p", str(access.new / "srv/shared")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "user:nobody:r--" in listed


@pytest.mark.parametrize(
    ("bound", "value"), [("MOST_EACH", 10), ("MOST_BYTES", 10), ("MOST_FILES", 0)]
)
def test_above_a_bound_it_says_so(
    access: LocalAccess, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(f"releve.recovery.autopsy.salvage.{bound}", value)
    put(access.dead, "/srv/a", b"x" * 11)
    copied = copy_all(access, "/srv/a")["/srv/a"]
    assert (copied.state, bool(copied.why)) == ("left_out", True)


@pytest.mark.parametrize("path", ["/etc/ssh/ssh_host_ed25519_key", "/etc/machine-id"])
def test_identity_stays_behind_unless_asked_for(access: LocalAccess, path: str) -> None:
    put(access.dead, path)
    put(access.dead, "/etc/hosts")
    copied = copy_all(access, "/etc/ssh" if "ssh" in path else "/etc")
    assert copied[path].state == "identity"
    assert not (access.new / path.lstrip("/")).exists()
    assert copy_all(access, path, identity=True)[path].state == "written"
    assert is_identity(path)


def test_only_listing_writes_nothing(access: LocalAccess) -> None:
    put(access.dead, "/srv/a", b"old")
    put(access.dead, "/srv/b", b"old")
    put(access.new, "/srv/b", b"new")
    found = {file.path: file.state for file in courier(access, "/srv").judge_all()}
    assert found == {"/srv/a": "absent", "/srv/b": "different"}
    assert not (access.new / "srv/a").exists()


@pytest.mark.parametrize("path", ["", "srv/a", "/srv/../etc/shadow", "/a\0b", "../x"])
def test_a_path_that_cannot_be_meant_is_refused(path: str) -> None:
    with pytest.raises(PlanError):
        check_choice(Choice((path,)))
    with pytest.raises(PlanError):
        check_choice(Choice(("/srv",), to=path))


@pytest.mark.parametrize(
    "output",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"type": "file", "path": "/../x"}',
        b'{"type": "file", "path": "/a", "sha256": "zz", "mode": 1, "acl": []}',
        b'{"type": "directory", "path": "/a", "mode": "x", "owner": "", "group": ""}',
    ],
)
def test_a_helper_that_lies_is_refused(output: bytes) -> None:
    with pytest.raises(CommandFailed):
        read_listing(output)


def test_an_answer_of_the_new_host_is_shown_and_not_believed() -> None:
    told = Found("/a").judged({"state": "root", "why": "\x1b[2J" * 1000, "notes": "x", "backup": 3})
    assert told.state == "blocked"
    assert "\x1b" not in told.why
    assert len(told.why) < 300
    assert told.notes == ()


@pytest.mark.parametrize("program", [guest_source, guest_target])
def test_the_programs_are_for_python_3_6(program: Any) -> None:
    """No syntax that came later; the names that they import are older still."""
    ast.parse(Path(program.__file__).read_text(), feature_version=(3, 6))
