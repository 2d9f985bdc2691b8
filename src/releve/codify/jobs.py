"""Units, and the jobs of cron."""

import hashlib
import re

from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_account,
    require_line,
    require_unit,
)
from releve.codify.scalars import Value
from releve.codify.sections import section
from releve.codify.tasks_text import arguments_of
from releve.model.converge import TouchKind
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

_TIMES = re.compile(
    r"(?P<minute>[0-9*/,-]+)[ \t]+(?P<hour>[0-9*/,-]+)[ \t]+(?P<day>[0-9*/,-]+)[ \t]+"
    r"(?P<month>[A-Za-z0-9*/,-]+)[ \t]+(?P<weekday>[A-Za-z0-9*/,-]+)[ \t]+(?P<job>\S.*)"
)
_SPECIAL = re.compile(
    r"@(?P<special_time>reboot|yearly|annually|monthly|weekly|daily|hourly)[ \t]+(?P<job>\S.*)"
)


def write_unit(deviation: Deviation, work: Work) -> Outcome:
    name = require_unit(deviation.key)
    ours = deviation.ours
    if ours is None:
        return Derived("its file is removed, or its package")
    fields = _describe_unit(deviation, ours)
    if _comes_enabled_with_package(work, ours):
        return Derived("the package enables and starts it")
    if (task := _contrary(name, work)) and deviation.status == DeviationStatus.MODIFIED:
        return leave_out(
            deviation,
            f"{task} says how the unit must be, and would set it back",
            remedy="change it in that task",
        )
    if not fields:
        return Derived("nothing about it can be set beyond its file")
    work.catch_up.add(section("units"), {"name": name, **fields})
    said = ", ".join(_say(key, value) for key, value in fields.items())
    return Written(f"the catch-up role has it {said}")


def write_cron(deviation: Deviation, work: Work) -> Outcome:
    user, _, line = deviation.key.partition(" ")
    user, line = require_account(user), require_line(line)
    fact = deviation.ours or deviation.theirs
    file = fact.evidence.get("file", "") if fact else ""
    if file.startswith("/etc/cron"):
        return Derived("the file that holds the job is copied")
    if deviation.ours is None:
        path = f"/var/spool/cron/crontabs/{user}"
        fields = {"path": path, "line": f"^{re.escape(line)}$"}
        work.catch_up.add(section("lines_absent"), fields)
        return Written("the catch-up role takes the line out of the crontab")
    if special := _SPECIAL.fullmatch(line):
        added = {"name": _name_job(deviation), "user": user, **special.groupdict()}
        work.catch_up.add(section("cron_special"), added)
    elif times := _TIMES.fullmatch(line):
        added = {"name": _name_job(deviation), "user": user, **times.groupdict()}
        work.catch_up.add(section("cron_jobs"), added)
    else:
        return leave_out(
            deviation,
            "the line is no job that ansible.builtin.cron can write as it stands",
            remedy="move it into a file under /etc/cron.d, which is copied as it is",
        )
    return Written("the catch-up role writes the job into the crontab")


def _contrary(name: str, work: Work) -> str:
    """Where a task enables, starts or stops the unit; a handler's restart says nothing."""
    for event in work.team_touches(TouchKind.UNIT, name):
        given = arguments_of(event.location, work.draft)
        if given.get("state") in {"started", "stopped"} or {"enabled", "masked"} & set(given):
            return event.location
    return ""


def _describe_unit(deviation: Deviation, ours: Fact) -> dict[str, Value]:
    is_new = deviation.status == DeviationStatus.EXTRA
    enablement = ours.attributes.get("enablement", "")
    fields: dict[str, Value] = {}
    if is_new or "enablement" in deviation.attributes:
        fields |= _enable(enablement, deviation)
    if is_new or "active" in deviation.attributes:
        fields |= _activate(ours.attributes.get("active", ""), is_new=is_new)
    if enablement.startswith("masked"):
        fields.pop("state", None)
    return fields


def _enable(enablement: str, deviation: Deviation) -> dict[str, Value]:
    if enablement.startswith("masked"):
        return {"masked": True}
    before = deviation.theirs.attributes.get("enablement", "") if deviation.theirs else ""
    unmask: dict[str, Value] = {"masked": False} if before.startswith("masked") else {}
    if enablement in {"enabled", "enabled-runtime"}:
        return {**unmask, "enabled": True}
    return {**unmask, "enabled": False} if enablement == "disabled" else unmask


def _activate(active: str, *, is_new: bool) -> dict[str, Value]:
    if active == "active":
        return {"state": "started"}
    return {"state": "stopped"} if active == "inactive" and not is_new else {}


def _comes_enabled_with_package(work: Work, ours: Fact) -> bool:
    leading = work.finding.deviations[0]
    with_package = leading.kind == FactKind.PACKAGE and leading.status == DeviationStatus.EXTRA
    return with_package and ours.attributes.get("enablement") not in {"masked", "disabled"}


def _say(key: str, value: Value) -> str:
    said = {"enabled": "enabled", "masked": "masked"}
    return f"{'' if value else 'not '}{said[key]}" if key in said else str(value)


def _name_job(deviation: Deviation) -> str:
    """Our own words: cron finds a job by it again, and it is written into the crontab."""
    digest = hashlib.sha256(deviation.key.encode("utf-8", "surrogateescape")).hexdigest()
    return f"catch-up {digest[:8]}"


KINDS = {FactKind.UNIT: write_unit, FactKind.CRON: write_cron}
