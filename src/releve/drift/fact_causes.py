"""Which cause a difference has that is not a file."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from releve.drift.circumstances import (
    ALL_VERSIONS,
    NUMBERS,
    VERSIONS,
    Cause,
    Circumstances,
    command_of,
    fact_of,
    is_skew,
    maker_of,
)
from releve.drift.skew import NUMBERS as NUMBER_ATTRIBUTES
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind

Chooser = Callable[[Deviation, Circumstances], Cause]

_UNIT: Final = re.compile(r"\A(.+)\.(service|socket|timer|path)\Z")
_PULLING: Final = ("timer", "socket", "path")  # they start the service of their own name


def choose_cause(deviation: Deviation, known: Circumstances) -> Cause:
    chooser = _CHOOSERS.get(deviation.kind)
    return chooser(deviation, known) if chooser else Cause(deviation.kind, deviation.key)


def path_followed(deviation: Deviation) -> str:
    """A file whose cause is this one's too, where that file differs as well."""
    fact = fact_of(deviation)
    if deviation.kind in (FactKind.CERTIFICATE, FactKind.STATOVERRIDE):
        return deviation.key
    if deviation.kind is FactKind.UNIT and deviation.status is not DeviationStatus.MODIFIED:
        return fact.evidence.get("fragment", "")
    if deviation.kind is FactKind.ALTERNATIVE:
        return fact.attributes.get("value", "")
    if deviation.kind in (FactKind.PIP, FactKind.NPM, FactKind.GEM):
        return deviation.key.partition(" ")[0]
    if deviation.kind in (FactKind.LISTENER, FactKind.PROCESS):
        program = fact.attributes.get("program") or deviation.key.partition(" ")[2]
        return program if program.startswith("/") else ""
    return fact.evidence.get("file", "") if deviation.kind is FactKind.SYSCTL else ""


def _of_package(deviation: Deviation, known: Circumstances) -> Cause:
    if is_skew(deviation):
        return ALL_VERSIONS
    return known.packages.get(deviation.key, Cause(FactKind.PACKAGE, deviation.key))


def _of_user(deviation: Deviation, known: Circumstances) -> Cause:
    if _is_numbers(deviation):
        return Cause(FactKind.USER, NUMBERS, NUMBERS)
    return maker_of(deviation, known) or Cause(FactKind.USER, deviation.key)


def _of_group(deviation: Deviation, known: Circumstances) -> Cause:
    if _is_numbers(deviation):
        return Cause(FactKind.USER, NUMBERS, NUMBERS)
    user = known.of(FactKind.USER).get(deviation.key)
    if deviation.status is not DeviationStatus.MODIFIED:
        if user is not None and user.status is deviation.status:
            return _of_user(user, known)
        return maker_of(deviation, known) or Cause(FactKind.GROUP, deviation.key)
    ours, theirs = (
        set(fact.attributes.get("members", "").split(",")) if fact else set()
        for fact in (deviation.ours, deviation.theirs)
    )
    moved = (ours ^ theirs) - {""}
    if len(moved) != 1:
        return Cause(FactKind.GROUP, deviation.key)
    name = moved.pop()
    member = known.of(FactKind.USER).get(name)
    is_new = member is not None and member.status is not DeviationStatus.MODIFIED
    return _of_user(member, known) if is_new and member else Cause(FactKind.USER, name)


def _is_numbers(deviation: Deviation) -> bool:
    apart = NUMBER_ATTRIBUTES[deviation.kind]
    return deviation.status is DeviationStatus.MODIFIED and set(deviation.attributes) <= apart


def _of_setting(deviation: Deviation, known: Circumstances) -> Cause:
    del known
    name = deviation.key
    return Cause(FactKind.SETTING, name if name.startswith("kernel.") else name.partition(".")[0])


def _of_unit(deviation: Deviation, known: Circumstances) -> Cause:
    point = known.mount_units.get(deviation.key)
    if point is not None:
        return Cause(FactKind.FSTAB, point)
    return Cause(FactKind.UNIT, leading_unit(deviation.key, known))


def leading_unit(name: str, known: Circumstances) -> str:
    """The timer, socket or path unit that starts a service, where that differs too."""
    match = _UNIT.match(name)
    if match and match[2] == "service":
        for suffix in _PULLING:
            if known.has(FactKind.UNIT, f"{match[1]}.{suffix}"):
                return f"{match[1]}.{suffix}"
    return name


def _of_cron(deviation: Deviation, known: Circumstances) -> Cause:
    """A line whose time alone was changed is there twice: gone as it was, new as it is."""
    if deviation.status is DeviationStatus.MISSING:
        key = known.new_cron_lines.get(command_of(deviation.key))
        return Cause(FactKind.CRON, key or deviation.key)
    return Cause(FactKind.CRON, deviation.key)


def _of_module(deviation: Deviation, known: Circumstances) -> Cause:
    del deviation, known
    return Cause(FactKind.MODULE, "modules")


def _of_firewall(deviation: Deviation, known: Circumstances) -> Cause:
    del known
    return Cause(FactKind.FIREWALL, " ".join(deviation.key.split(" ")[:3]))


def _of_listener(deviation: Deviation, known: Circumstances) -> Cause:
    unit = fact_of(deviation).attributes.get("unit", "")
    if unit and known.has(FactKind.UNIT, unit):
        return Cause(FactKind.UNIT, leading_unit(unit, known))
    return Cause(FactKind.LISTENER, _listeners(known)[_sort_of_listener(deviation)])


def _listeners(known: Circumstances) -> Mapping[tuple[str, ...], str]:
    """The first socket of each sort, and of each program that belongs to no unit."""
    if not known.index:
        for key, other in sorted(known.of(FactKind.LISTENER).items()):
            known.index.setdefault(_sort_of_listener(other), key)
            if not fact_of(other).attributes.get("unit"):
                program = fact_of(other).attributes.get("program", "").rpartition("/")[2]
                known.index.setdefault((other.status, program), key)
    return known.index


def _sort_of_listener(deviation: Deviation) -> tuple[str, ...]:
    """The same port on several addresses is one thing."""
    attributes = fact_of(deviation).attributes
    protocol, _, rest = deviation.key.partition(" ")
    port = rest.rpartition(" ")[2]
    unit, program = attributes.get("unit", ""), attributes.get("program", "")
    return deviation.status, protocol, port, unit, program


def _of_process(deviation: Deviation, known: Circumstances) -> Cause:
    program = deviation.key.partition(" ")[2].rpartition("/")[2]
    key = _listeners(known).get((deviation.status, program))
    if key is None:
        return Cause(FactKind.PROCESS, deviation.key)
    return _of_listener(known.of(FactKind.LISTENER)[key], known)


def _of_mount(deviation: Deviation, known: Circumstances) -> Cause:
    is_in_fstab = known.has(FactKind.FSTAB, deviation.key)
    return Cause(FactKind.FSTAB if is_in_fstab else deviation.kind, deviation.key)


def _of_diversion(deviation: Deviation, known: Circumstances) -> Cause:
    by = fact_of(deviation).attributes.get("by", "")
    return known.packages.get(by, Cause(FactKind.DIVERSION, deviation.key))


def _of_debconf(deviation: Deviation, known: Circumstances) -> Cause:
    package = deviation.key.partition(" ")[0]
    if package == "locales" and known.has(FactKind.SETTING, "locale.LANG"):
        return Cause(FactKind.SETTING, "locale")
    if package in known.packages and package not in known.skewed:
        return known.packages[package]
    return Cause(FactKind.DEBCONF, package)


def _of_container(deviation: Deviation, known: Circumstances) -> Cause:
    del known
    project = fact_of(deviation).attributes.get("project", "")
    engine = deviation.key.partition(" ")[0]
    return Cause(FactKind.CONTAINER, f"{engine} project {project}" if project else deviation.key)


def _of_role(deviation: Deviation, known: Circumstances) -> Cause:
    """An account of one database that differs too, with it."""
    engine, _, name = deviation.key.partition(" ")
    grants = fact_of(deviation).attributes.get("grants", "")
    for word in [name.partition("@")[0], *re.findall(r"[\w-]+", grants)]:
        other = known.of(FactKind.DATABASE).get(f"{engine} {word}")
        if other is not None and other.status is deviation.status:
            return Cause(FactKind.DATABASE, other.key)
    return Cause(FactKind.DATABASE_ROLE, deviation.key)


def _of_variable(deviation: Deviation, known: Circumstances) -> Cause:
    """Another version of a server brings other values: together, they are one thing."""
    engine = deviation.key.partition(" ")[0]
    stem = "postgres" if engine.startswith("postgres") else engine
    brought = known.packages_of(stem)
    if deviation.status is not DeviationStatus.MODIFIED and brought:
        return min(brought)
    if brought or deviation.status is not DeviationStatus.MODIFIED:
        return Cause(FactKind.DATABASE_VARIABLE, engine, VERSIONS)
    return Cause(FactKind.DATABASE_VARIABLE, deviation.key)


_CHOOSERS: Final[Mapping[FactKind, Chooser]] = {
    FactKind.PACKAGE: _of_package,
    FactKind.USER: _of_user,
    FactKind.GROUP: _of_group,
    FactKind.SETTING: _of_setting,
    FactKind.UNIT: _of_unit,
    FactKind.CRON: _of_cron,
    FactKind.MODULE: _of_module,
    FactKind.FIREWALL: _of_firewall,
    FactKind.LISTENER: _of_listener,
    FactKind.PROCESS: _of_process,
    FactKind.MOUNT: _of_mount,
    FactKind.SWAP: _of_mount,
    FactKind.DIVERSION: _of_diversion,
    FactKind.DEBCONF: _of_debconf,
    FactKind.CONTAINER: _of_container,
    FactKind.DATABASE_ROLE: _of_role,
    FactKind.DATABASE_VARIABLE: _of_variable,
}
