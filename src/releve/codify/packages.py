"""Packages, their holds and marks, and the answers that they were given."""

import re

from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_account,
    require_package,
    require_path,
)
from releve.codify.package_lists import add_to_team_list, drop_from_team_list, find_contrary
from releve.codify.scalars import NotExpressible, Value
from releve.codify.sections import section
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind

_INSTALLED = "installed"


def write_package(deviation: Deviation, work: Work) -> Outcome:
    name = require_package(deviation.key)
    if deviation.status == DeviationStatus.EXTRA or _was(deviation, "state"):
        return _write_state(deviation, name, work=work)
    return _write_change(deviation, name, work=work)


def write_debconf(deviation: Deviation, work: Work) -> Outcome:
    package, _, question = deviation.key.partition(" ")
    ours = deviation.ours
    if ours is None:
        return leave_out(deviation, "an answer that was withdrawn cannot be withdrawn by a module")
    value = ours.attributes.get("value", "")
    if value.startswith("hmac:"):
        return leave_out(deviation, "the answer is a password that no scan keeps")
    work.catch_up.add(
        section("debconf"),
        {
            "package": require_package(package),
            "question": question,
            "type": ours.evidence.get("type", "string"),
            "value": value,
        },
    )
    return Written("the answer is given to debconf before packages are installed")


def write_statoverride(deviation: Deviation, work: Work) -> Outcome:
    if deviation.ours is None:
        return leave_out(deviation, "an override that was withdrawn is not withdrawn by a module")
    wanted = deviation.ours.attributes
    mode = wanted.get("mode", "").lstrip("0")
    if not re.fullmatch(r"[0-7]{1,4}", mode):
        raise NotExpressible("its mode is not four octal digits")
    fields: dict[str, Value] = {
        "path": require_path(deviation.key),
        "owner": require_account(wanted.get("owner", "")),
        "group": require_account(wanted.get("group", "")),
        "permissions": mode,  # as dpkg lists it, without a leading zero
    }
    work.catch_up.add(section("statoverrides"), fields)
    return Written("dpkg keeps owner and mode over upgrades")


def write_diversion(deviation: Deviation, work: Work) -> Outcome:
    if deviation.ours is None:
        return leave_out(deviation, "a diversion that was withdrawn is not withdrawn by a module")
    wanted = deviation.ours.attributes
    if wanted.get("by", "LOCAL") not in {"", "LOCAL", "local"}:
        return Derived("the package that diverts it is installed")
    fields = {"path": require_path(deviation.key), "to": require_path(wanted.get("to", ""))}
    work.catch_up.add(section("diversions"), fields)
    return Written("dpkg diverts the packaged file")


def _write_state(deviation: Deviation, name: str, *, work: Work) -> Outcome:
    ours = deviation.ours
    if ours is None:
        return _remove(deviation, name, work=work, purge=True)
    state = ours.attributes.get("state", _INSTALLED)
    if state != _INSTALLED:
        return _remove(deviation, name, work=work, purge=False)
    if ours.evidence.get("origin") == "local":
        return leave_out(
            deviation,
            "no repository has this package: it was installed from a file that no scan can rebuild",
            remedy="put the .deb where the playbooks can fetch it, and install it with "
            "ansible.builtin.apt deb:",
        )
    if ours.attributes.get("mark") == "auto" and work.finding.deviations[0] is not deviation:
        return Derived("it comes as a dependency")
    return _install(deviation, name, work=work, hold=ours.attributes.get("hold", ""))


def _install(deviation: Deviation, name: str, *, work: Work, hold: str) -> Outcome:
    reason = add_to_team_list(name, work)
    if not reason and (contrary := find_contrary(name, work, removal=False)):
        return _undone(deviation, contrary.location, "removes")
    if not reason:
        work.catch_up.add(section("packages_present"), name)
        reason = "no list of packages is this host's alone, so the catch-up role installs it"
    if hold:
        _select(name, "hold", work)
    return Written(reason)


def _remove(deviation: Deviation, name: str, *, work: Work, purge: bool) -> Outcome:
    reason = drop_from_team_list(name, work)
    if reason:
        return Written(reason)
    if contrary := find_contrary(name, work, removal=True):
        return _undone(deviation, contrary.location, "installs")
    work.catch_up.add(section("packages_purged" if purge else "packages_absent"), name)
    return Written("the catch-up role removes it, as was done by hand")


def _write_change(deviation: Deviation, name: str, *, work: Work) -> Outcome:
    """Of a package that both have, or that only the twin has."""
    ours = deviation.ours
    if ours is None:
        return _remove(deviation, name, work=work, purge=True)
    written = False
    if "hold" in deviation.attributes:
        _select(name, "hold" if ours.attributes.get("hold") else "install", work)
        written = True
    if "mark" in deviation.attributes:
        mark = "auto" if ours.attributes.get("mark") == "auto" else "manual"
        work.catch_up.add(section("packages_marked"), {"name": name, "mark": mark})
        written = True
    if written:
        return Written("apt keeps the package as it was told by hand")
    return leave_out(
        deviation, "a version is upgraded, not codified", remedy="upgrade, or pin the version"
    )


def _undone(deviation: Deviation, location: str, verb: str) -> Outcome:
    return leave_out(
        deviation,
        f"{location} {verb} it on other hosts too, and would undo the catch-up",
        remedy="decide for each host in that task's variables",
    )


def _select(name: str, selection: str, work: Work) -> None:
    work.catch_up.add(section("packages_held"), {"name": name, "selection": selection})


def _was(deviation: Deviation, attribute: str) -> bool:
    return deviation.status == DeviationStatus.MODIFIED and attribute in deviation.attributes


KINDS = {
    FactKind.PACKAGE: write_package,
    FactKind.DEBCONF: write_debconf,
    FactKind.STATOVERRIDE: write_statoverride,
    FactKind.DIVERSION: write_diversion,
}
