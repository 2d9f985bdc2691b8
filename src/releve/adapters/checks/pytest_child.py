"""Runs pytest in a process of its own and leaves the result as JSON.

Started by pytest_check as a script: PARENT_PID RESULT_FILE PYTEST_ARGUMENT...
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from types import FrameType

import pytest

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 1000
PR_SET_PDEATHSIG = 1


class Recorder:
    """A pytest plugin that counts, and keeps the first lines of each failure."""

    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.failures: list[dict[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._keep_failure(report.nodeid, report)
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._keep_failure(report.nodeid, report)

    def _keep_failure(self, test: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)
        lines = report.longreprtext.strip().splitlines()
        message = crash.message if crash is not None else (lines[-1] if lines else "")
        self.failures.append({"test": test[-200:], "message": message[:MAX_MESSAGE_CHARACTERS]})


def main() -> int:
    parent, result, *arguments = sys.argv[1:]
    _end_with(int(parent))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    recorder = Recorder()
    code = int(pytest.main(arguments, plugins=[recorder]))
    summary = {
        "exit_code": code,
        "passed": recorder.passed,
        "skipped": recorder.skipped,
        "failures": recorder.failures[:50],
        "failed": len(recorder.failures),
    }
    Path(result).write_text(json.dumps(summary), encoding="utf-8")
    return code


def _end_with(parent: int) -> None:
    """When the parent is gone, end this process and every ssh it started."""
    signal.signal(signal.SIGTERM, _end_group)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        _end_group(signal.SIGTERM, None)


def _end_group(number: int, frame: FrameType | None) -> None:
    del number, frame
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
