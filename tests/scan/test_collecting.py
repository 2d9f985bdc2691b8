"""The second process: what it collects, and what is told when it breaks off."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# the collector carries no annotations: it must run on Python 3.6

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from releve.scan.collector.collecting import Collecting
from tests.scan.test_crew import Lines


class Said(Lines):
    def say(self, value: Any) -> None:
        self.lines.append(repr(value).encode())


def collector(kind: str, collect: Any) -> SimpleNamespace:
    return SimpleNamespace(KINDS=(kind,), LIVE=False, collect=collect)


def one_fact(_):
    yield "user", "alice", {"shell": "/bin/sh"}, {}


def end_the_process(_):
    time.sleep(0.5)  # the other has said its facts
    os._exit(3)


def said_by(load: Any) -> str:
    collecting, output = Collecting(load, SimpleNamespace(offline=False)), Said()
    collecting.start()
    collecting.finish(output)
    return b"".join(output.lines).decode()


def test_modules_are_loaded_beside_the_walk_and_not_by_it() -> None:
    loaded_by = []

    def load() -> dict[str, SimpleNamespace]:
        loaded_by.append(os.getpid())  # this process sees only its own
        return {"accounts": collector("user", one_fact)}

    assert said_by(load) == '["f","user","alice",{"shell":"/bin/sh"},{}]\n'
    assert loaded_by == []


def test_collectors_that_did_not_end_are_told_beside_those_that_did() -> None:
    said = said_by(
        lambda: {
            "accounts": collector("user", one_fact),
            "units": collector("unit", end_the_process),
        }
    )
    assert '"alice"' in said
    assert "'not_checked', 'unit'" in said
    assert "'not_checked', 'user'" not in said


def test_modules_that_cannot_be_loaded_end_the_scan() -> None:
    """Not one of theirs can be told from a machine that has nothing of the kind."""

    def load() -> dict[str, SimpleNamespace]:
        raise ImportError("no such module")

    with pytest.raises(ImportError):
        said_by(load)
