"""Ctrl-C and SIGTERM leave at once, take the children along, and lose nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.test_engine import Theatre
from tests.workflow.toy import count_effects

PROGRAM = """
import subprocess, sys
from pathlib import Path
from releve.workflow import children
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.observer import Observer
from releve.workflow.patience import Patience
from releve.workflow.step import Done
from tests.workflow.toy import ToyStep, toy_catalogue, toy_outside, toy_run

class LongChild(ToyStep):
    def act(self, context):
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        with children.tracked(child.pid):
            (directory / "child").write_text(str(child.pid))
            child.wait()
        return super().act(context)

class SaysGoodbye(Observer):
    def run_interrupted(self, next_action):
        print(next_action, flush=True)

directory = Path(sys.argv[1])
catalogue = toy_catalogue(directory)
catalogue["create"] = LongChild("create", needs=("alpha",), effects=directory / "effects")
settings = EngineSettings(directory / "state", patience=Patience(), observer=SaysGoodbye())
Engine(toy_outside(directory), catalogue, settings).drive(toy_run())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_run_and_children_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as driver:
        child_file = tmp_path / "child"
        until = time.monotonic() + 60
        while not (child_file.exists() and child_file.read_text()):
            assert time.monotonic() < until
            time.sleep(0.02)
        driver.send_signal(number)
        goodbye, _ = driver.communicate(timeout=10)  # the step itself would take a minute
    assert driver.returncode == 128 + number
    assert "`releve resume toyrun`" in goodbye
    _await_death(int(child_file.read_text()))
    theatre = Theatre(tmp_path)
    assert theatre.drive().state == "DONE"
    assert set(count_effects(tmp_path).values()) == {1}


def _await_death(process: int) -> None:
    """The signal was sent before the goodbye; the kernel may take a moment."""
    until = time.monotonic() + 5
    while _is_alive(process):
        assert time.monotonic() < until, "the child outlives its controller"
        time.sleep(0.02)


def _is_alive(process: int) -> bool:
    """A zombie that nobody reaps here is dead."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
