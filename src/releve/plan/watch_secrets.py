"""What watching must keep to itself: read from where the plan says, never shown, never logged."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from releve.errors import PlanError
from releve.plan.loading import LoadedPlan
from releve.plan.problems import Place, Problem, show_word, to_plan_error
from releve.plan.watch_types import NotifyChannel, WatchPlan

_MOST_BYTES: Final = 4096
_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,512}")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\x00-\x1f\x7f]{1,4000}")


def require_watch_secrets(loaded: LoadedPlan, environment: Mapping[str, str]) -> None:
    """PlanError with the line of each secret that cannot be read here and now."""
    problems = list(_list_problems(loaded.plan.watch, environment))
    if problems:
        raise to_plan_error(problems, shown_path=str(loaded.path), lines=loaded.lines)


def _list_problems(watch: WatchPlan, environment: Mapping[str, str]) -> Iterator[Problem]:
    try:
        read_hook_token(watch)
    except PlanError as error:
        yield _at(("watch", "hook_token_file"), error)
    for index, channel in enumerate(watch.notify):
        try:
            read_channel_url(channel, environment)
        except PlanError as error:
            key = "url_env" if channel.url_env else "url_file"
            yield _at(("watch", "notify", index, key), error)


def _at(place: Place, error: PlanError) -> Problem:
    return Problem(error.what, error.why, error.remedy, place)


def read_hook_token(watch: WatchPlan) -> str:
    """Empty: the hook is closed. PlanError where the file cannot be trusted."""
    if not watch.hook_token_file:
        return ""
    subject = f"the hook's token file {show_word(watch.hook_token_file)}"
    token = _read_private_line(watch.hook_token_file, subject)
    if not _TOKEN.fullmatch(token):
        raise PlanError(
            f"{subject} holds no token",
            why="a token is 16 to 512 letters, digits and signs, without a blank",
            remedy=f"write one: openssl rand -hex 32 > {show_word(watch.hook_token_file)}",
        )
    return token


def read_channel_url(channel: NotifyChannel, environment: Mapping[str, str]) -> str:
    """The URL of a channel, as apprise takes it. PlanError never repeats any of it."""
    name = f"the channel {show_word(channel.name)}"
    if channel.url_env:
        url, source = environment.get(channel.url_env, "").strip(), f"${channel.url_env}"
        if not url:
            raise PlanError(
                f"{name} has no URL",
                why=f"the variable {channel.url_env} is not set here",
                remedy="set it where Relève is started, such as in the unit's EnvironmentFile",
            )
    else:
        source = show_word(channel.url_file)
        url = _read_private_line(channel.url_file, f"the URL file {source} of {name}")
    if not _URL.fullmatch(url):
        raise PlanError(
            f"what {source} holds is no URL for {name}",
            why="a URL of apprise is one word such as mailtos://user:password@example.org",
            remedy="write the URL of the service, as docs/how-to/monitoring.md shows it",
        )
    return url


def _read_private_line(path: str, subject: str) -> str:
    """The one line of a small file that nobody else can read."""
    raw, status = _read_bounded(path, subject)
    if not stat.S_ISREG(status.st_mode):
        raise _untrusted(subject, "it is not a file", "put a file there")
    if status.st_uid not in {0, os.geteuid()}:
        raise _untrusted(
            subject,
            "it belongs to another user, who can change it",
            f"chown {os.geteuid()} {show_word(path)}",
        )
    if status.st_mode & 0o077:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise _untrusted(subject, f"others can read it: {mode}", f"chmod 600 {show_word(path)}")
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise _untrusted(subject, "it is not UTF-8", "write it as text, on one line") from error
    if len(raw) > _MOST_BYTES or not text or len(text.splitlines()) > 1:
        why = "it is empty" if not text else f"it is not one line of at most {_MOST_BYTES} bytes"
        raise _untrusted(subject, why, "write what is secret on one line, and nothing else")
    return text


def _read_bounded(path: str, subject: str) -> tuple[bytes, os.stat_result]:
    try:
        expanded = Path(path).expanduser()
        file = os.open(expanded, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hang
        try:
            status = os.fstat(file)
            is_file = stat.S_ISREG(status.st_mode)
            return os.read(file, _MOST_BYTES + 1) if is_file else b"", status
        finally:
            os.close(file)
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of nobody
        why = (error.strerror if isinstance(error, OSError) else str(error)) or "the read failed"
        raise _untrusted(subject, why, "put it there, readable for you alone") from error


def _untrusted(subject: str, why: str, remedy: str) -> PlanError:
    return PlanError(f"{subject} cannot be used", why=why, remedy=remedy)
