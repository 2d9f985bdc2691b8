"""Notices over apprise: each channel in its own bounded time, side by side."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
        with self._take_free() as free:
            bounded = bound_notice(notice)
            task = Task(
                urls=[channel.url for channel in free],
                seconds=self._seconds,
                thread=re.sub(r"[^A-Za-z0-9.-]", "-", bounded.thread)[:100],
                title=bounded.title,
                body=bounded.body,
                tone=bounded.tone.value,
                only_load=only_load,
            )
            failures = run_child(task) if free else {}
        said = {channel.name: failures[place] for place, channel in enumerate(free)}
        return tuple(
            Delivery(channel.name, said.get(channel.name, BUSY)) for channel in self._channels
        )

    @contextmanager
    def _take_free(self) -> Iterator[list[Channel]]:
        """The channels that no other call is waiting for; ours until it ends."""
        with self._lock:
            free = [channel for channel in self._channels if channel.name not in self._busy]
            names = {channel.name for channel in free}
            self._busy |= names
        try:
            yield free
        finally:
            with self._lock:
                self._busy -= names


def run_child(task: Task) -> Mapping[int, str]:
    """Place of a channel to its failure; empty where it took the notice."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
            (sys.executable, *_CHILD),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # may name URLs
            env={key: value for key, value in os.environ.items() if key.upper() in _PASSED_ON},
            start_new_session=True,  # a Ctrl-C ends the watch, not what it is just telling
        )
    except OSError as error:
        return dict.fromkeys(range(len(task["urls"])), f"no process for it: {error.strerror}")
    missing = UNSENT
    with process:
        try:
            told, _ = process.communicate(
                json.dumps(task).encode(), timeout=LOAD_SECONDS + task["seconds"]
            )
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
            missing = LATE
    failures = dict(json.loads(line) for line in told.splitlines() if line.endswith(b"]"))
    return {place: failures.get(place, missing) for place in range(len(task["urls"]))}
