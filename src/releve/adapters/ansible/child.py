"""The child process of a converge: runs ansible-runner and leaves nothing behind.

It reads one job from standard input and writes one JSON object per line. The end of standard
input is the parent's death or its wish to stop; either ends every descendant.
"""

import contextlib
import dataclasses
import json
import os
import resource
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import ansible_runner

from releve.adapters.ansible import lifeline, run_directory
from releve.adapters.ansible.events import EventReader

_SETTINGS = {"suppress_output_file": True, "pexpect_timeout": 1}


def main() -> NoReturn:
    job = json.loads(sys.stdin.buffer.readline())
    lifeline.adopt_orphans()
    reports = _take_over_output()

    def end(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lifeline.end_descendants()
        shutil.rmtree(job["private_directory"], ignore_errors=True)
        if os.getppid() != job["parent"]:
            run_directory.remove(Path(job["run_directory"]))
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    lifeline.tie_to_parent(job["parent"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_input, daemon=True).start()
    Reporter(job, reports).run()
    end()


def _take_over_output() -> IO[str]:
    """Whatever a library prints must not pass for a report."""
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return reports


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


class Reporter:
    """Turns ansible-runner's events into reports; keeps none of them on disk."""

    def __init__(self, job: Mapping[str, Any], reports: IO[str]) -> None:
        self._job = job
        self._reports = reports
        self._reader = EventReader(job["repository"])

    def run(self) -> None:
        private = Path(self._job["private_directory"])
        (private / "env").mkdir(mode=0o700)
        (private / "env" / "settings").write_text(json.dumps(_SETTINGS))
        program, *arguments = self._job["command"]
        runner = ansible_runner.run(
            private_data_dir=str(private),
            project_dir=self._job["repository"],
            binary=program,
            cmdline=shlex.join(arguments),
            quiet=True,
            suppress_env_files=True,
            fact_cache_type="",
            event_handler=self._handle_event,
            status_handler=self._handle_status,
            cancel_callback=lambda: bool(self._reader.reading.prompt),
        )
        self._report_end(runner.rc)

    def _handle_event(self, event: Mapping[str, Any]) -> bool:
        """False: nothing is written to the artefact directory."""
        if event.get("job_id") != self._job["nonce"] and event.get("event") != "verbose":
            return False  # not from our Ansible: text on its terminal that imitates an event
        if (task := self._reader.task_started(event)) is not None:
            begun = dataclasses.asdict(self._reader.describe_start(event))
            self._report({"type": "started", "task": task, "event": begun})
        if (ended := self._reader.task_ended(event)) is not None:
            self._report({"type": "task", "event": dataclasses.asdict(ended)})
        self._reader.watch_output(event)
        return False

    def _handle_status(self, status: Mapping[str, Any], **_: object) -> None:
        """ansible-runner dumps command and environment before it starts: they may hold secrets."""
        if status.get("status") == "running":
            for dump in Path(self._job["private_directory"]).glob("artifacts/*/command"):
                with contextlib.suppress(OSError):
                    dump.unlink()

    def _report_end(self, exit_code: int) -> None:
        reading = self._reader.reading
        self._report(
            {
                "type": "end",
                "exit_code": exit_code,
                "has_stats": reading.has_stats,
                "stats": [dataclasses.asdict(stats) for stats in reading.stats],
                "prompt": reading.prompt,
                "unreachable_hosts": reading.unreachable_hosts[:1000],
                "ignored_tasks": reading.ignored_tasks[:1000],
                "fault_of_mitogen": reading.fault_of_mitogen,
                "tail": reading.tail,
            }
        )

    def _report(self, report: Mapping[str, Any]) -> None:
        self._reports.write(json.dumps(report) + "\n")
        self._reports.flush()


if __name__ == "__main__":
    main()
