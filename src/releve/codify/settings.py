"""Names, clocks, kernel parameters, alternatives, single lines: what is one value each."""

import re
from typing import Final

from releve.codify.managed import managing_task
from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_line,
    require_path,
)
from releve.codify.scalars import NotExpressible
from releve.codify.sections import section
from releve.codify.value_variables import set_value_variable
from releve.model.finding import Deviation
from releve.model.observed import FactKind

_TIMEZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_PARAMETER: Final = re.compile(r"[a-z0-9_]+(?:[./][A-Za-z0-9_:@/-]+)+")
_ALTERNATIVE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_SETTING_FILES: Final = {
    "hostname": ("/etc/hostname",),
    "timezone": ("/etc/timezone", "/etc/localtime"),
    "locale.LANG": ("/etc/default/locale", "/etc/locale.conf"),
}


def write_setting(deviation: Deviation, work: Work) -> Outcome:
    value = deviation.ours.attributes.get("value", "") if deviation.ours else ""
    before = deviation.theirs.attributes.get("value", "") if deviation.theirs else ""
    files = _SETTING_FILES.get(deviation.key, ())
    if deviation.key == "machine-id" or deviation.key.startswith("dns"):
        return leave_out(deviation, "it belongs to the instance or to its network")
    if value and before and (reason := set_value_variable(before, value, files, work=work)):
        return Written(reason)
    for task in filter(None, (managing_task(file, work) for file in files)):
        return leave_out(
            deviation,
            f"{task.location} writes it, and would set it back",
            remedy="change the value in that task",
        )
    forms = {"hostname": _HOSTNAME, "timezone": _TIMEZONE}
    if deviation.key in forms and forms[deviation.key].fullmatch(value):
        if deviation.key == "timezone":
            _add_timezone(value, work)
        else:
            work.catch_up.add(section(deviation.key), value)
        return Written(f"the catch-up role sets the host's {deviation.key}")
    return _write_other(deviation, value, files, work=work)


def _add_timezone(zone: str, work: Work) -> None:
    """Timedatectl and dpkg write the link in two ways, and only the second names the zone too."""
    ways = (f"../usr/share/zoneinfo/{zone}", f"/usr/share/zoneinfo/{zone}")
    found = [
        one.ours.attributes.get("target", "")
        for one in work.of_kind(FactKind.FILE)
        if one.key == "/etc/localtime" and one.ours is not None
    ]
    work.catch_up.add(section("timezone"), next((way for way in found if way in ways), ways[0]))
    if work.has(FactKind.FILE, "/etc/timezone") or not found:
        work.catch_up.add(section("timezone_name"), zone)


def write_sysctl(deviation: Deviation, work: Work) -> Outcome:
    if any(_holds(found.key, deviation.key, work) for found in work.of_kind(FactKind.FILE)):
        return Derived("the file that sets it is copied")
    if deviation.ours is None or not _PARAMETER.fullmatch(deviation.key):
        raise NotExpressible("it is not a kernel parameter that can be set")
    value = require_line(deviation.ours.attributes.get("value", ""))
    kernel = section("sysctl", reader="sysctl")
    work.catch_up.add(kernel, {"name": deviation.key, "value": value})
    return Written("it was set at run time only; the catch-up role keeps it in /etc/sysctl.d")


def write_module(deviation: Deviation, work: Work) -> Outcome:
    if deviation.ours is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", deviation.key):
        return leave_out(deviation, "a kernel module that is not loaded needs nothing")
    if work.of_kind(FactKind.FILE) or work.of_kind(FactKind.UNIT):
        return Derived("what loads it is codified")
    work.catch_up.add(section("modules", reader="modules"), deviation.key)
    return Written("the catch-up role loads it at every start")


def write_fstab(deviation: Deviation, work: Work) -> Outcome:
    """One line; the volumes of the plan are mounted by Relève itself."""
    fact = deviation.ours or deviation.theirs
    if fact is None or re.search(r"\s", deviation.key):
        raise NotExpressible("its mount point holds blanks")
    values = [fact.attributes.get(name, "") for name in ("source", "type", "options")]
    source, kind, options = (require_line(value) for value in values)
    is_swap = kind == "swap"
    point = "none" if is_swap else deviation.key
    found = rf"^\S+\s+{re.escape(deviation.key)}\s"
    pattern = rf"^{re.escape(source or deviation.key)}\s+\S+\s+swap\s" if is_swap else found
    if deviation.ours is None:
        fields = {"path": "/etc/fstab", "line": pattern}
        work.catch_up.add(section("lines_absent"), fields)
        return Written("the catch-up role takes the line out of fstab")
    line = f"{source or deviation.key} {point} {kind} {options or 'defaults'} 0 0"
    fields = {"path": "/etc/fstab", "instead_of": pattern, "line": line}
    work.catch_up.add(section("lines"), fields)
    return Written("the catch-up role sets the line of fstab; it mounts nothing")


def write_alternative(deviation: Deviation, work: Work) -> Outcome:
    ours = deviation.ours
    if ours is None or ours.attributes.get("mode", "") != "manual":
        return leave_out(deviation, "an alternative that apt chooses needs nothing")
    if not _ALTERNATIVE.fullmatch(deviation.key):
        raise NotExpressible("it is not a name that an alternative can have")
    value = require_path(ours.attributes.get("value", ""))
    work.catch_up.add(section("alternatives"), {"name": deviation.key, "value": value})
    return Written("the catch-up role chooses it with update-alternatives")


def _holds(path: str, parameter: str, work: Work) -> bool:
    content = work.situation.contents.live.get(path, b"")
    return path.startswith("/etc/sysctl") and parameter.encode("utf-8", "replace") in content


def _write_other(
    deviation: Deviation, value: str, files: tuple[str, ...], *, work: Work
) -> Outcome:
    if any(work.has(FactKind.FILE, file) for file in files):
        return Derived("its file is copied")
    if deviation.key.startswith("locale.") and value:
        name = deviation.key.removeprefix("locale.")
        return _set_line(work, "/etc/default/locale", name=name, value=require_line(value))
    return leave_out(deviation, "there is no module that sets it")


def _set_line(work: Work, path: str, *, name: str, value: str) -> Outcome:
    fields = {"path": path, "instead_of": f"^{re.escape(name)}=", "line": f"{name}={value}"}
    work.catch_up.add(section("lines"), fields)
    return Written(f"the catch-up role sets it in {path}")


KINDS = {
    FactKind.SETTING: write_setting,
    FactKind.SYSCTL: write_sysctl,
    FactKind.MODULE: write_module,
    FactKind.FSTAB: write_fstab,
    FactKind.ALTERNATIVE: write_alternative,
}
