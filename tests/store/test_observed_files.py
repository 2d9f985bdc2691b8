"""What lies on the disk of observed states: the key, and nothing that a host said in clear."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.store import open_observed_store, open_store
from releve.adapters.store.chunks import split_facts
from releve.adapters.store.key_file import make_key, read_key
from releve.errors import JournalError
from releve.model.finding import Decision, Deviation, DeviationStatus, Finding, FindingState, Tier
from releve.model.noise import NoiseMark
from releve.model.observed import Fact, FactKind
from releve.ports.observed_store import ObservedStore
from tests.store.facts import make_facts, record

CANARY = "canary-4f1e"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> ObservedStore:
    return open_observed_store(state)[0]


def change(state: Path, statement: str, *values: object) -> int:
    with closing(sqlite3.connect(state / "journal.db")) as connection, connection:
        return connection.execute(statement, values).rowcount


def ask(state: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(state / "journal.db")) as connection:
        return connection.execute(query).fetchall()


def test_the_key_is_made_once_and_only_its_owner_reads_it(state: Path) -> None:
    first, _ = open_observed_store(state)
    assert not (state / "keys").exists(), "no command that needs no key makes one"
    secret = first.secret_for("blog")
    key = state / "keys" / "observed.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert list(key.parent.iterdir()) == [key]
    before = key.read_bytes()
    assert open_observed_store(state)[0].secret_for("blog") == secret
    assert key.read_bytes() == before


def test_two_who_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    made: list[bytes] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        made.append(make_key(tmp_path / "keys" / "observed.key"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert read_key(tmp_path / "keys" / "observed.key") == made[0]


def test_a_key_elsewhere_is_used_where_it_is_named(state: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "safe" / "a.key"
    store, _ = open_observed_store(state, key_file=elsewhere)
    store.save(record(), make_facts(3))
    assert elsewhere.is_file()
    assert not (state / "keys").exists()
    assert len(list(open_observed_store(state, key_file=elsewhere)[0].read_facts("scan-1"))) == 3


Breakage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("break_key", "says"),
    [
        (lambda key: key.unlink(), "lost"),
        (lambda key: key.write_text("0" * 64 + "\n"), "another one"),
        (lambda key: key.write_text("0" * 62 + "\n"), "64 hexadecimal digits"),
        (lambda key: key.write_bytes(b"\xff" * 65), "64 hexadecimal digits"),
        (lambda key: key.chmod(0o640), "others can read it: 0640"),
        (lambda key: (key.unlink(), key.mkdir()), "cannot be used"),
    ],
    ids=["lost", "another", "short", "binary", "open", "directory"],
)
def test_a_key_that_is_wrong_is_told_with_its_remedy(
    state: Path, store: ObservedStore, break_key: Breakage, says: str
) -> None:
    store.save(record(), make_facts(3))
    key = state / "keys" / "observed.key"
    break_key(key)
    with pytest.raises(JournalError) as caught:
        open_observed_store(state)[0].read_record("scan-1")
    assert says in str(caught.value)
    assert caught.value.remedy
    open_store(state)[0].list_runs()  # the runs need no key


def test_a_lost_key_is_not_made_anew(state: Path, store: ObservedStore) -> None:
    store.save(record(), make_facts(3))
    key = state / "keys" / "observed.key"
    kept = key.read_bytes()
    key.unlink()
    again, findings = open_observed_store(state)
    for act in (
        lambda: again.save(record("scan-2"), make_facts(3)),
        lambda: again.secret_for("blog"),
        lambda: findings.read_noise("blog", "image"),
    ):
        with pytest.raises(JournalError, match="lost"):
            act()
        assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert len(list(open_observed_store(state)[0].read_facts("scan-1"))) == 3


SPOILS = {
    "a bit": "update releve_chunk set sealed = cast(substr(sealed, 1, length(sealed) - 1)"
    " || case substr(sealed, -1) when x'00' then x'01' else x'00' end as blob)",
    "cut": "update releve_chunk set sealed = substr(sealed, 1, 8)",
    "moved": "update releve_chunk set sealed = (select sealed from releve_chunk order by id desc)"
    " where id = (select min(id) from releve_chunk)",
    "left out": "delete from releve_scan_chunk where position = 1",
    "swapped": "update releve_scan_chunk set chunk_id ="
    " (select chunk_id from releve_scan_chunk where position = 0) where position = 1",
    "of another scan": "update releve_scan set sealed ="
    " (select sealed from releve_scan where scan_id = 'scan-2') where scan_id = 'scan-1'",
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_change_in_the_database_is_noticed(state: Path, store: ObservedStore, spoil: str) -> None:
    store.save(record(), make_facts(3_000))
    store.save(record("scan-2"), make_facts(5))
    assert len(ask(state, "select * from releve_scan_chunk where scan_id = 'scan-1'")) > 2
    assert change(state, spoil) >= 1
    with pytest.raises(JournalError) as caught:
        list(store.read_facts("scan-1"))
    assert "scan the host again" in caught.value.remedy


def test_an_equal_scan_costs_no_chunk_and_a_small_change_a_few(
    state: Path, store: ObservedStore
) -> None:
    def count() -> int:
        return len(ask(state, "select id from releve_chunk"))

    store.save(record("one"), make_facts(20_000))
    first = count()
    assert first > 20
    store.save(record("two"), make_facts(20_000))
    assert count() == first
    store.save(record("three"), make_facts(20_000, changed=frozenset({10_000})))
    assert count() == first + 1
    without_one = (fact for fact in make_facts(20_000) if not fact.key.endswith("00005000.php"))
    store.save(record("four"), without_one)
    assert count() <= first + 4
    for name in ("one", "two", "three", "four"):
        store.delete_scan(name)
    assert count() == 0


def test_the_same_content_is_stored_once(state: Path, store: ObservedStore) -> None:
    for host in ("blog", "shop"):
        for digest in ("sha256:a", "sha256:b"):
            store.save_content(host, digest, b"the same body")
    assert len(ask(state, "select id from releve_chunk")) == 1
    assert len(ask(state, "select id from releve_content")) == 4
    for host in ("blog", "shop"):
        for digest in ("sha256:a", "sha256:b"):
            store.save_content(host, digest, b"a newer body")
    assert len(ask(state, "select id from releve_chunk")) == 1, "what is replaced is not kept"


def test_chunks_are_bounded_whatever_the_keys_are() -> None:
    sizes = [len(chunk) for chunk, _ in split_facts(make_facts(40_000))]
    assert max(sizes) <= 256 * 1024
    assert min(sizes[:-1]) >= 48 * 1024
    never_ends = (
        replace(fact, key=f"/{number:09d}") for number, fact in enumerate(make_facts(5_000))
    )
    assert max(len(chunk) for chunk, _ in split_facts(never_ends)) <= 256 * 1024
    giant = [Fact(FactKind.FILE, "/giant", {"content": "x" * 1_000_000}), *make_facts(2)]
    assert [number for _, number in split_facts(giant)] == [1, 2]


def test_nothing_a_host_said_lies_in_clear(state: Path) -> None:
    """Every byte of the state directory, the write-ahead log included, after all that is kept."""
    open_store(state)
    store, findings = open_observed_store(state)
    fact = Fact(FactKind.USER, f"{CANARY}-key", {"gecos": f"{CANARY}-a"}, {"file": f"{CANARY}-e"})
    told = record(
        instance_id=f"{CANARY}-instance", commit=f"{CANARY}-commit", base_image=f"{CANARY}-image"
    )
    store.save(told, [fact])
    store.save_content("blog", f"sha256:{CANARY}", f"{CANARY} body".encode())
    finding = Finding(
        "0123canary12",
        "blog",
        FactKind.USER,
        f"{CANARY}-subject",
        DeviationStatus.EXTRA,
        f"{CANARY}-title",
        Tier.SECURITY,
        (Deviation(FactKind.USER, f"{CANARY}-key", DeviationStatus.EXTRA, fact, None),),
    )
    at = "2026-11-22T12:00:00Z"
    findings.save_findings("blog", [finding], at=at)
    reason = f"{CANARY}-reason"
    findings.decide(
        Decision("0123canary12", "blog", FindingState.ACCEPTED, at, f"{CANARY}-who", reason)
    )
    mark = NoiseMark(FactKind.FILE, f"/{CANARY}-noise", f"{CANARY}-attribute")
    findings.save_noise("blog", f"{CANARY}-image", [mark])
    secret, key = store.secret_for("blog"), read_key(state / "keys" / "observed.key")
    assert key is not None

    assert store.read_content("blog", f"sha256:{CANARY}") == f"{CANARY} body".encode()
    assert findings.read_noise("blog", f"{CANARY}-image") == {mark}
    paths = [path for path in state.rglob("*") if path.is_file()]
    assert {"journal.db", "journal.db-wal", "observed.key"} <= {path.name for path in paths}
    for path in paths:
        content = path.read_bytes()
        assert b"canary" not in content.lower(), path
        assert secret not in content, path
        assert key not in content, path
        assert path.name == "observed.key" or key.hex().encode() not in content, path
    assert b"scan-1" in b"".join(path.read_bytes() for path in paths), "what may be seen is seen"


def test_equal_bodies_are_sealed_differently_each_time(state: Path, store: ObservedStore) -> None:
    for name in ("one", "two"):
        store.save(record(name), make_facts(10))
        store.save_content("blog", f"sha256:{name}", name.encode())
    sealed = [bytes(row[0]) for row in ask(state, "select sealed from releve_chunk")]  # type: ignore[call-overload] # a blob
    sealed += [bytes(row[0]) for row in ask(state, "select sealed from releve_scan")]  # type: ignore[call-overload] # a blob
    nonces = {one[:12] for one in sealed}
    assert len(nonces) == len(sealed) == 5


def test_an_older_database_is_brought_up_to_date(state: Path) -> None:
    journal, _ = open_store(state)
    for table in ("noise", "decision", "finding", "content", "scan_chunk", "scan", "chunk"):
        change(state, f"drop table releve_{table}")
    change(state, "drop table releve_key_check")
    change(state, "update releve_schema set version = 1")
    store, _ = open_observed_store(state)
    assert store.save(record(), make_facts(3)).facts == 3
    assert journal.list_runs() == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs: run as root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.real
def test_a_full_disk_is_told_and_leaves_nothing_behind(small_disk: Path) -> None:
    store, _ = open_observed_store(small_disk)
    store.save(record("small"), make_facts(100))
    with pytest.raises(JournalError) as caught:
        store.save(record("large"), make_facts(200_000))
    assert caught.value.remedy
    assert [one.scan_id for one in store.find_scans("blog")] == ["small"]
    assert list((small_disk / "spool").iterdir()) == []
    assert store.save(record("again"), make_facts(200)).facts == 200


SAVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from releve.adapters.store import open_observed_store
from tests.store.facts import make_facts, record
def facts():
    yield from make_facts(20_000)
    os.kill(os.getpid(), signal.SIGKILL)
open_observed_store(Path(sys.argv[1]))[0].save(record(), facts())
"""


def in_a_child(program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


def test_a_save_that_is_killed_leaves_nothing_behind(state: Path) -> None:
    assert in_a_child(SAVE_AND_DIE, str(state)).returncode == -9
    store, _ = open_observed_store(state)
    assert store.find_scans("blog") == ()
    assert ask(state, "select id from releve_chunk") == []
    assert list((state / "spool").iterdir()) == []


MEASURE = """
import resource, sys
from pathlib import Path
from releve.adapters.store import open_observed_store
from tests.store.facts import make_facts, record
store, _ = open_observed_store(Path(sys.argv[1]))
store.save(record("warm"), make_facts(1_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.save(record(), make_facts(int(sys.argv[2])))
print(sum(1 for _ in store.read_facts("scan-1")))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_facts(state: Path) -> None:
    """150,000 facts are 45 MB of text; that much held at once would be ten times the bound."""
    answer = in_a_child(MEASURE, str(state), "150000")
    assert answer.returncode == 0, answer.stderr
    counted, grown_kib = map(int, answer.stdout.split())
    assert counted == 150_000
    assert grown_kib < 24 * 1024
