"""The child process: loads apprise, sends over every channel side by side, reports, and is gone.

Standard input: a `Task` as one JSON object.
Standard output: for each channel, as it ends, one JSON array of its place and its failure.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import apprise
from apprise.plugins.email import NotifyEmail

from releve.adapters.notify.plain_text import disarm
from releve.adapters.notify.reasons import BAD_URL, LATE, UNSENT, explain
from releve.adapters.notify.task import LOAD_SECONDS, Task

MOST_KEPT_LINES: Final = 50
# Services that take text for text; all others may read markup in it.
_PLAIN: Final = frozenset(
    {"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "syslog", "rsyslog"}
)
# What services call the key under which notices of one thread belong together.
_THREAD_KEYS: Final = ("dedup", "alias", "external_id", "thread_key")


def main() -> None:
    task: Task = json.load(sys.stdin)
    signal.alarm(LOAD_SECONDS + int(task["seconds"]) + 5)  # also where the parent is gone
    words = Words()
    apprise.Apprise.instantiate("json://localhost")  # reads all services
    ended: queue.Queue[tuple[int, str]] = queue.Queue()
    for place, url in enumerate(task["urls"]):
        send = partial(_send, url, task, words)
        threading.Thread(target=_serve, args=(place, send, ended), daemon=True).start()
    _report(ended, count=len(task["urls"]), seconds=task["seconds"])
    os._exit(0)  # a thread that hangs must not keep the process


class Words(logging.Handler):
    """What apprise logs, by thread; written nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[int, list[str]] = {}
        logger = logging.getLogger("apprise")
        logger.handlers = [self]
        logger.propagate = False
        logger.setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """At DEBUG it logs what the service answered, too: that is not looked at."""
        lines, text = self._lines.setdefault(record.thread or 0, []), record.getMessage()[:1000]
        is_told = record.levelno >= logging.WARNING or text.startswith("Socket Exception")
        if is_told and len(lines) < MOST_KEPT_LINES:
            lines.append(text)

    def of_this_thread(self) -> list[str]:
        return self._lines.get(threading.get_ident(), [])


def _report(ended: "queue.Queue[tuple[int, str]]", *, count: int, seconds: float) -> None:
    waiting = set(range(count))
    until = time.monotonic() + seconds
    while waiting:
        try:
            place, failure = ended.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        waiting.discard(place)
        _say(place, failure)
    for place in sorted(waiting):
        _say(place, LATE)


def _say(place: int, failure: str) -> None:
    sys.stdout.write(json.dumps([place, failure]) + "\n")
    sys.stdout.flush()


def _serve(place: int, send: Callable[[], str], ended: "queue.Queue[tuple[int, str]]") -> None:
    try:
        failure = send()
    except Exception:  # noqa: BLE001 - 130 plugins of others; what they raise may hold the URL
        failure = UNSENT
    ended.put((place, failure))


def _send(url: str, task: Task, words: Words) -> str:
    """Empty, or why it failed."""
    asset = apprise.AppriseAsset(
        app_id="Releve",
        app_desc="Relève",
        app_url="",
        image_url_mask="",  # no picture from elsewhere
        image_url_logo="",
        async_mode=False,
        storage_mode="memory",
    )
    plugin = apprise.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return BAD_URL
    if task["only_load"]:
        return ""
    _join_thread(plugin, task["thread"])
    is_plain = url.partition("://")[0].lower() in _PLAIN
    delivered = plugin.notify(
        title=task["title"] if is_plain else disarm(task["title"]),
        body=task["body"] if is_plain else disarm(task["body"]),
        notify_type=apprise.NotifyType(task["tone"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "" if delivered else explain(words.of_this_thread())


def _join_thread(plugin: Any, thread: str) -> None:
    """Where the service knows threads, or one alert over several messages."""
    if isinstance(plugin, NotifyEmail):
        # A message that was never sent is the root: every client puts its answers together.
        root = f"<releve.{thread}@{plugin.smtp_host}>"
        plugin.headers.update({"In-Reply-To": root, "References": root})
    for key in _THREAD_KEYS:
        if getattr(plugin, key, "absent") is None:  # the URL names none
            setattr(plugin, key, thread)


if __name__ == "__main__":
    main()
