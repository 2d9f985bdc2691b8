"""A pause: who may not be recovered by itself, and until when."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from releve.errors import PlanError
from releve.model.incident import Pause
from releve.plan.durations import parse_duration
from releve.plan.problems import quote, show_word, suggest

EVERY_HOST: Final = ""
_LONGEST_REASON: Final = 500  # characters
_REMEDY: Final = "write a day as 2026-12-01, a moment as 2026-12-01T08:00, or a time such as 2h"


def choose_subject(host: str, *, every: bool) -> str:
    """The host that is meant, or every one; PlanError unless it is exactly one of the two."""
    if bool(host) == every:
        raise PlanError(
            "a host and --all are both named" if every else "no host is named",
            why="a pause is of one host, or of all",
            remedy="name one host of the plan, or write --all",
        )
    return EVERY_HOST if every else host


def read_until(text: str, *, now: datetime) -> datetime | None:
    """None: until a person ends it. A day is meant whole, and all times are UTC."""
    if not text:
        return None
    until = _parse(text, now)
    if until is None:
        raise PlanError(
            f"{quote(text)} is no time",
            why="it is neither a day, a moment, nor a number with a unit",
            remedy=_REMEDY,
        )
    if until <= now:
        raise PlanError(
            f"{quote(text)} is over", why=f"it is {tell_moment(now)} now", remedy=_REMEDY
        )
    return until


def read_reason(text: str) -> str:
    if len(text) > _LONGEST_REASON:
        raise PlanError(
            "the reason is too long",
            why=f"it has {len(text)} characters, and is shown in one line",
            remedy=f"say it in {_LONGEST_REASON}",
        )
    return text


def require_paused(host: str, pauses: Sequence[Pause]) -> None:
    """PlanError where no pause of exactly this subject holds."""
    held = [pause.host for pause in pauses]
    if host in held:
        return
    names = [name or "--all" for name in held]
    raise PlanError(
        f"{show_word(host)} is not paused" if host else "not every host is paused",
        why=f"paused are {', '.join(names)}" if names else "nothing is paused",
        remedy=suggest(host, names, otherwise="name one of these")
        if names
        else "nothing is left to do",
    )


def choose_pauses(pauses: Sequence[Pause], host: str) -> list[Pause]:
    """Those that keep a run of this host from starting; of every host where none is named."""
    return [pause for pause in pauses if not host or pause.host in {EVERY_HOST, host}]


def tell_pause(pause: Pause) -> str:
    """Of one line: who, until when, by whom and why."""
    who = pause.host or "every host"
    until = f"until {tell_moment(pause.until)}" if pause.until else "until `releve unpause`"
    reason = f": {pause.reason}" if pause.reason else ""
    return f"{who} is paused {until}, by {pause.by}{reason}"


def tell_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _parse(text: str, now: datetime) -> datetime | None:
    try:
        if re.fullmatch(r"\d{1,6}[smhd]", text):
            return now + parse_duration(text)
        moment = datetime.fromisoformat(text)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            moment += timedelta(days=1)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
