"""Notices over apprise: each channel in its own bounded time, side by side."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from releve.adapters.notify.plain_text import bound_notice
from releve.adapters.notify.reasons import LATE, UNSENT
from releve.adapters.notify.task import LOAD_SECONDS, Task
from releve.ports.notifier import Delivery, Notice, Notifier, Tone

SECONDS: Final = 20.0  # for each channel
BUSY: Final = "it is still busy with an earlier notice"
_CHILD: Final = ("-P", "-m", "releve.adapters.notify.child")
_PASSED_ON: Final = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
)


@dataclass(frozen=True)
class Channel:
    name: str  # as the plan calls it
    url: str = field(repr=False)  # of apprise; holds secrets


class AppriseNotifier(Notifier):
    """A child process for each notice, ended with its slowest channel or its deadline.

    A channel that has not answered its last notice is not asked again meanwhile.
    """

    def __init__(self, channels: Sequence[Channel], *, seconds: float = SECONDS) -> None:
        self._channels = tuple(channels)
        self._seconds = seconds
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def send(self, notice: Notice) -> tuple[Delivery, ...]:
        return self._run(notice, only_load=False)

    def check(self) -> tuple[Delivery, ...]:
        """Whether apprise can read each channel's URL; nothing is sent."""
        return self._run(Notice("", "", "", Tone.INFO, is_first=True), only_load=True)

    def _run(self, notice: Notice, *, only_load: bool) -> tuple[Delivery, ...]:
        with self._take_free() as (free, ours):
            said = dict.fromkeys(ours, LATE) | dict.fromkeys(self._names() - ours, BUSY)
            task = make_task(free, bound_notice(notice), seconds=self._seconds, only_load=only_load)
            for place, failure in follow_child(task) if free else ():
                said[free[place].name] = failure
                self._end_wait(free[place].name, ours)
        return tuple(Delivery(channel.name, said[channel.name]) for channel in self._channels)

    def _names(self) -> set[str]:
        return {channel.name for channel in self._channels}

    @contextmanager
    def _take_free(self) -> Iterator[tuple[list[Channel], set[str]]]:
        """The channels that no other call waits for, and the names of those that this one does."""
        with self._lock:
            free = [channel for channel in self._channels if channel.name not in self._busy]
            ours = {channel.name for channel in free}
            self._busy |= ours
        try:
            yield free, ours
        finally:
            with self._lock:
                self._busy -= ours

    def _end_wait(self, name: str, ours: set[str]) -> None:
        """It has answered, though others are still waited for."""
        with self._lock:
            ours.discard(name)
            self._busy.discard(name)


def make_task(
    channels: Sequence[Channel], notice: Notice, *, seconds: float, only_load: bool
) -> Task:
    return Task(
        urls=[channel.url for channel in channels],
        seconds=seconds,
        thread=re.sub(r"[^A-Za-z0-9.-]", "-", notice.thread)[:100],
        title=notice.title,
        body=notice.body,
        tone=notice.tone.value,
        only_load=only_load,
    )


def follow_child(task: Task) -> Iterator[tuple[int, str]]:
    """Place of a channel and its failure, empty where it took the notice, as each one ends.

    Those that the child had not told of when its time was over are missing.
    """
    waiting = set(range(len(task["urls"])))
    try:
        process = start_child()
    except OSError as error:
        yield from ((place, f"no process for it: {error.strerror}") for place in waiting)
        return
    with process, ending(process, after=LOAD_SECONDS + task["seconds"]):
        for line in talk(process, task):
            if line.endswith(b"]\n"):
                place, failure = json.loads(line)
                waiting.discard(place)
                yield place, failure
    if process.returncode != -signal.SIGKILL:  # it ended by itself
        yield from ((place, UNSENT) for place in waiting)


def start_child() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        (sys.executable, *_CHILD),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # may name URLs
        env={key: value for key, value in os.environ.items() if key.upper() in _PASSED_ON},
        start_new_session=True,  # a Ctrl-C ends the watch, not what it is just telling
    )


def talk(process: "subprocess.Popen[bytes]", task: Task) -> Iterator[bytes]:
    """Gives it its task, then its lines until it ends."""
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(json.dumps(task).encode())
    yield from process.stdout or ()


@contextmanager
def ending(process: "subprocess.Popen[bytes]", *, after: float) -> Iterator[None]:
    """Kills it when the time is over."""
    timer = threading.Timer(after, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
