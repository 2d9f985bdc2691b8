"""The text that a machine is fed: any Python runs it, it keeps its secrets, it writes nothing."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from releve.scan.contents import MOST_EACH, read_contents
from releve.scan.program import build_program, list_collectors, read_sources
from releve.scan.request import ScanRequest
from releve.scan.scan import observe
from tests.scan.dead_root import make_odd_things, make_root, write
from tests.scan.local_access import DOOR, LocalAccess, require_root

OLD_PYTHONS = [
    str(path)
    for minor in (6, 7, 8, 9, 10, 12, 13)
    for path in sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
]


def test_every_module_is_readable_for_python_3_6() -> None:
    for name, text in read_sources().items():
        ast.parse(text, name, feature_version=(3, 6))
    ast.parse(build_program({"nonce": ""}), feature_version=(3, 6))


def test_every_kind_of_fact_has_one_collector() -> None:
    assert {"packages", "accounts", "units"} <= set(list_collectors())
    assert "files" not in list_collectors()


@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda path: Path(path).parent.parent.name)
def test_old_and_new_pythons_say_the_same(tmp_path: Path, python: str) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    make_odd_things(root / "srv/odd")
    request = ScanRequest(b"k", root=str(root))
    ours = [(f.kind, f.key, f.attributes) for f in observe(LocalAccess(), DOOR, request).facts()]
    access = LocalAccess(python=python)
    theirs = [(f.kind, f.key, f.attributes) for f in observe(access, DOOR, request).facts()]
    assert theirs == ours


def test_a_read_only_root_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    before = state_of(root)
    subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(root)], check=True)
        observation = observe(LocalAccess(), DOOR, ScanRequest(b"k", root=str(root)))
    finally:
        subprocess.run(["umount", str(root)], check=True)
    assert observation.complete
    assert state_of(root) == before


def state_of(root: Path) -> list[tuple[str, int, int, int]]:
    found = sorted(root.rglob("*"))
    return [
        (str(path), value.st_ctime_ns, value.st_mtime_ns, value.st_atime_ns)
        for path in found
        if not (value := path.lstat()) or not path.is_symlink()
    ]


@pytest.mark.skipif(not shutil.which("strace"), reason="NOT TRIED: strace is not installed")
def test_no_system_call_writes_a_file(tmp_path: Path) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    program = build_program({
        "nonce": "0", "edition": "", "secret": "00", "full": False,
        "root": str(root), "skip": [], "known": "",
    })  # fmt: skip
    log = tmp_path / "trace"
    calls = "openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,symlink"
    argv = ["strace", "-f", "-o", str(log), "-e", f"trace={calls}", sys.executable, "-ISB", "-"]
    subprocess.run(argv, input=program, stdout=subprocess.DEVNULL, check=True, timeout=120)
    lines = [line for line in log.read_text().splitlines() if "/dev/null" not in line]
    assert not [
        line for line in lines if "O_WRONLY" in line or "O_RDWR" in line or "O_CREAT" in line
    ]
    assert not [line for line in lines if "open" not in line and "(" in line]


def test_a_secret_stands_neither_in_an_argument_nor_plainly_in_the_text(tmp_path: Path) -> None:
    require_root()
    access = LocalAccess()
    secret = b"the key of this host"
    observe(access, DOOR, ScanRequest(secret, root=str(make_root(tmp_path / "root"))))
    assert access.commands == [("root", "python3", "-I", "-S", "-B", "-")]
    program = build_program({"nonce": "n", "secret": secret.hex()})
    assert secret.hex().encode() not in program


def test_bodies_of_chosen_files(tmp_path: Path) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    make_odd_things(root / "srv/odd")
    write(root / "etc/large", b"x" * (MOST_EACH + 1))
    write(root / "etc/full", b"y" * MOST_EACH)
    (root / "etc/elsewhere").symlink_to("passwd")
    (root / "linked").symlink_to("etc")
    paths = [
        "/etc/shop.conf", "/etc/large", "/etc/full", "/etc/elsewhere", "/linked/passwd", "/etc",
        "/srv/odd/queue.fifo", "/srv/odd/zero", "/nowhere", "/srv/odd/bad\udcff\udcfe",
        "/etc/../etc/passwd/..",
    ]  # fmt: skip
    bodies = read_contents(LocalAccess(), DOOR, paths, root=str(root))
    assert bodies == {
        "/etc/shop.conf": b"port=80\n",
        "/etc/full": b"y" * MOST_EACH,
        "/srv/odd/bad\udcff\udcfe": b"x=1\n",
    }
