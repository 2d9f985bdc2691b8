"""The parent's side of a converge: start the child, follow its reports, end it on every way out."""

import json
import os
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from releve.adapters.ansible import lifeline
from releve.adapters.ansible.run_directory import RunDirectory
from releve.adapters.ansible.verdict import Outcome
from releve.model.converge import HostStats, TaskEvent, Touch, TouchKind
from releve.ports.access import Door
from releve.ports.converger import ConvergeWatch

_POLL_SECONDS = 0.25
_END_SECONDS = 8.0
_RESTART_SECONDS = 120.0
_CHILD = ("-P", "-m", "releve.adapters.ansible.child")  # -P: no module from the working directory


@dataclass(frozen=True)
class Job:
    command: tuple[str, ...]
    repository: str
    environment: Mapping[str, str]


@dataclass
class Followed:
    """What the child has reported so far."""

    end: Mapping[str, Any] | None = None
    failed_task: TaskEvent | None = None
    tasks: int = 0
    events: list[TaskEvent] = field(default_factory=list)  # begun and ended, in order
    interruption: str = ""


def run_job(
    job: Job, directory: RunDirectory, *, watch: ConvergeWatch, seconds: float
) -> tuple[Outcome, Followed]:
    """Returns once neither the child nor anything it started is left."""
    deadline = time.monotonic() + seconds
    followed = Followed()
    with _child(job, directory) as (process, log):
        for report in _reports(process, stop=lambda: _interruption(watch, deadline, followed)):
            _take(report, followed, watch)
        if not followed.interruption:
            process.wait(_END_SECONDS)
        words = _last_words(log)
    return _outcome(followed, process.returncode, words), followed


def wait_for_door(door: Door, *, until: float, stop: Callable[[], bool]) -> None:
    """Until its port answers, at most two minutes: an instance that restarts needs a moment."""
    limit = min(until, time.monotonic() + _RESTART_SECONDS)
    while time.monotonic() < limit and not stop():
        try:
            with socket.create_connection((door.address, door.port), timeout=2):
                return
        except OSError:
            time.sleep(_POLL_SECONDS)


@contextmanager
def _child(job: Job, directory: RunDirectory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    nonce = secrets.randbits(96)
    private = directory.path / f"runner-{secrets.token_hex(4)}"
    private.mkdir(mode=0o700)
    log = private.with_suffix(".log")
    environment = {**job.environment, lifeline.MARK: directory.mark, "JOB_ID": str(nonce)}
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter, an argv list)
            [sys.executable, *_CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=directory.path,
            start_new_session=True,
        )
    try:
        assert process.stdin is not None  # noqa: S101 (both are pipes: for the type checker)
        message = {
            "command": job.command,
            "repository": job.repository,
            "private_directory": str(private),
            "run_directory": str(directory.path),
            "nonce": nonce,
            "parent": os.getpid(),
        }
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        yield process, log
    finally:
        _end(process)
        lifeline.end_marked(directory.mark)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Closing its input asks the child to end all it started; past the deadline it is killed."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reports(
    process: subprocess.Popen[bytes], *, stop: Callable[[], bool]
) -> Iterator[Mapping[str, Any]]:
    """Ends with the child's output, with its last report, or when told to stop."""
    output: IO[bytes] | None = process.stdout
    assert output is not None  # noqa: S101 (a pipe: for the type checker)
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while not stop():
            if not selector.select(_POLL_SECONDS):
                continue
            chunk = os.read(output.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, waiting = (waiting + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)


def _interruption(watch: ConvergeWatch, deadline: float, followed: Followed) -> bool:
    if watch.should_stop():
        followed.interruption = "stopped on request"
    elif time.monotonic() > deadline:
        followed.interruption = "the playbook did not end within its time-out"
    return bool(followed.interruption)


def _take(report: Mapping[str, Any], followed: Followed, watch: ConvergeWatch) -> None:
    if report["type"] == "started":
        begun = _task_event(report["event"])
        followed.events.append(begun)
        watch.on_begin(begun)
        watch.on_task_start(report["task"])
    elif report["type"] == "task":
        event = _task_event(report["event"])
        followed.tasks += 1
        followed.events.append(event)
        if event.status in {"failed", "unreachable"}:
            followed.failed_task = event
        watch.on_event(event)
    else:
        followed.end = report


def _task_event(fields: Mapping[str, Any]) -> TaskEvent:
    touches = tuple(Touch(TouchKind(item["kind"]), item["name"]) for item in fields["touches"])
    return TaskEvent(**{**fields, "touches": touches})


def _outcome(followed: Followed, exit_code: int, words: str) -> Outcome:
    failed = followed.failed_task
    if followed.end is None:
        return Outcome(
            exit_code=exit_code,
            interruption=followed.interruption,
            lost=f"the Ansible process was lost (exit code {exit_code}){words}",
            failed_task=failed.task if failed else "",
        )
    end = followed.end
    prompt = end["prompt"]
    return Outcome(
        exit_code=end["exit_code"] if end["exit_code"] is not None else -1,
        stats=tuple(HostStats(**stats) for stats in end["stats"]),
        has_stats=end["has_stats"],
        interruption=followed.interruption or (prompt and f"Ansible asks a person: {prompt}"),
        lost=_lost(end),
        unreachable_hosts=tuple(end["unreachable_hosts"]),
        ignored_tasks=tuple(end["ignored_tasks"]),
        failed_task=failed.task if failed else "",
        failure=failed.message if failed else end["tail"],
        fault_of_mitogen=end["fault_of_mitogen"],
    )


def _lost(end: Mapping[str, Any]) -> str:
    """ansible-runner has no exit code for a process that a signal ended."""
    if end["has_stats"] or end["exit_code"] is not None:
        return ""
    return "the Ansible process was ended by a signal from outside"


def _last_words(log: Path) -> str:
    try:
        text = log.read_text("utf-8", "replace").strip()[-1000:]
    except OSError:
        return ""
    return f": {text}" if text else ""
