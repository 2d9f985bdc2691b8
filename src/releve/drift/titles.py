"""What a finding is, in one sentence of our words; a server's text only as an escaped quotation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from releve.drift.circumstances import DATA, LITTER, NUMBERS, VERSIONS, Cause, fact_of
from releve.drift.packages import is_installed
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind
from releve.model.server_text import show_server_text

_LIMIT: Final = 120
_ABSENT: Final = "is not installed, though the playbooks bring it"
Writer = Callable[[Cause, Sequence[Deviation]], str]


def write_title(cause: Cause, deviations: Sequence[Deviation], folded: int) -> str:
    writer = _ASPECTS.get(cause.aspect) or _WRITERS.get(cause.kind, _write_plain)
    return writer(cause, deviations) + _say_more(cause, deviations, folded)


def _say_more(cause: Cause, deviations: Sequence[Deviation], folded: int) -> str:
    more = len(deviations) - 1 + folded
    if not more or cause.aspect:
        return ""
    lead = deviations[0]
    is_tree = lead.kind is FactKind.FILE and fact_of(lead).attributes.get("type") == "directory"
    if is_tree and lead.status is not DeviationStatus.MODIFIED:
        return f" (+{more} inside)"
    return f" (+{more} that follow from it)"


def _show(text: str) -> str:
    return show_server_text(text, limit=_LIMIT)


def _write_plain(cause: Cause, deviations: Sequence[Deviation]) -> str:
    del cause
    lead = deviations[0]
    noun = _NOUNS.get(lead.kind, "entry")
    return f"{noun} {_show(lead.key)} {_say_status(lead)}"


def _say_status(lead: Deviation) -> str:
    if lead.status is DeviationStatus.EXTRA:
        return "is in no playbook"
    if lead.status is DeviationStatus.MISSING:
        return "is missing, though the playbooks bring it"
    return f"differs from the playbooks in {', '.join(lead.attributes) or 'its state'}"


def _write_package(cause: Cause, deviations: Sequence[Deviation]) -> str:
    if cause.aspect == "automatic":
        return "Packages were installed or removed that nothing new needs"
    lead, name = deviations[0], _show(cause.subject)
    if lead.kind is not FactKind.PACKAGE:
        return f"Package {name} differs in what it brought"
    if not is_installed(lead.ours):
        rest = "was removed, its configuration is still there" if lead.ours else _ABSENT
        return f"Package {name} {rest}"
    if not is_installed(lead.theirs):
        return f"Package {name} is installed by no playbook"
    ours, theirs = (
        fact.attributes if fact is not None else {} for fact in (lead.ours, lead.theirs)
    )
    if ours.get("hold", "") != theirs.get("hold", ""):
        return f"Package {name} is {'' if ours.get('hold') else 'no longer '}on hold"
    return f"Package {name} is marked as installed {'by hand' if _is_manual(ours) else 'by need'}"


def _is_manual(attributes: Mapping[str, str]) -> bool:
    return attributes.get("mark") != "auto"


def _write_user(cause: Cause, deviations: Sequence[Deviation]) -> str:
    lead, name = deviations[0], _show(cause.subject)
    if lead.kind is FactKind.GROUP:
        groups = ", ".join(_show(item.key) for item in deviations if item.kind is FactKind.GROUP)
        return f"The groups of user {name} differ: {groups}"
    return f"User {name} {_say_status(lead)}"


def _write_file(cause: Cause, deviations: Sequence[Deviation]) -> str:
    lead = deviations[0]
    if lead.kind is not FactKind.FILE:
        return _write_plain(cause, deviations)
    if lead.key != cause.subject and len(deviations) > 1:
        status = {
            DeviationStatus.EXTRA: "are in no playbook",
            DeviationStatus.MISSING: "are missing",
        }
        said = status.get(lead.status, "differ from the playbooks")
        return f"Files of {_show(cause.subject)} {said}"
    kind = fact_of(lead).attributes.get("type", "file")
    noun = _FILE_NOUNS.get(kind, "File")
    return f"{noun} {_show(lead.key)} {_say_status(lead)}"


def _write_unit(cause: Cause, deviations: Sequence[Deviation]) -> str:
    lead, name = deviations[0], _show(cause.subject)
    if lead.kind is not FactKind.UNIT:
        return f"Unit {name} differs in its files"
    ours, theirs = (
        fact.attributes if fact is not None else {} for fact in (lead.ours, lead.theirs)
    )
    if lead.status is not DeviationStatus.MODIFIED:
        return f"Unit {name} {_say_status(lead)}"
    if "enablement" in lead.attributes:
        now, then = _show(ours.get("enablement", "?")), _show(theirs.get("enablement", "?"))
        return f"Unit {name} is {now}, by the playbooks {then}"
    if "active" in lead.attributes:
        now, then = _show(ours.get("active", "inactive")), _show(theirs.get("active", "inactive"))
        return f"Unit {name} is {now}, on the twin {then}"
    return f"Unit {name} differs in {', '.join(lead.attributes)}"


def _write_setting(cause: Cause, deviations: Sequence[Deviation]) -> str:
    if deviations[0].kind is not FactKind.SETTING:
        return _write_plain(cause, deviations)
    return f"The {_show(cause.subject)} setting differs from the playbooks"


def _write_firewall(cause: Cause, deviations: Sequence[Deviation]) -> str:
    del deviations
    return f"Firewall rules of {_show(cause.subject)} differ in the running kernel"


def _write_versions(cause: Cause, deviations: Sequence[Deviation]) -> str:
    if cause.kind is FactKind.DATABASE_VARIABLE:
        return f"Variables of {_show(cause.subject)} follow from another version of it"
    count = sum(item.kind is FactKind.PACKAGE for item in deviations)
    return f"{count or 'Some'} packages have another version than on the twin"


def _write_numbers(cause: Cause, deviations: Sequence[Deviation]) -> str:
    del cause
    names = sorted({item.key for item in deviations})
    return f"User and group numbers differ for {len(names)} names: matters when data is restored"


def _write_litter(cause: Cause, deviations: Sequence[Deviation]) -> str:
    return f"{len(deviations)} backup copies and traces lie below {_show(cause.subject)}"


def _write_data(cause: Cause, deviations: Sequence[Deviation]) -> str:
    return f"Data in {_show(cause.subject)} is on the system disk only: {len(deviations)} entries"


def _write_modules(cause: Cause, deviations: Sequence[Deviation]) -> str:
    del cause
    return f"{len(deviations)} kernel modules are loaded on one side only"


_ASPECTS: Final[Mapping[str, Writer]] = {
    VERSIONS: _write_versions,
    NUMBERS: _write_numbers,
    LITTER: _write_litter,
    DATA: _write_data,
}
_WRITERS: Final[Mapping[FactKind, Writer]] = {
    FactKind.PACKAGE: _write_package,
    FactKind.USER: _write_user,
    FactKind.FILE: _write_file,
    FactKind.UNIT: _write_unit,
    FactKind.SETTING: _write_setting,
    FactKind.FIREWALL: _write_firewall,
    FactKind.MODULE: _write_modules,
}
_FILE_NOUNS: Final = {
    "directory": "Directory", "link": "Link", "fifo": "Named pipe", "socket": "Socket file",
    "character": "Device", "block": "Device",
}  # fmt: skip
_NOUNS: Final[Mapping[FactKind, str]] = {
    FactKind.PACKAGE: "Package",
    FactKind.REPOSITORY: "Package source",
    FactKind.USER: "User",
    FactKind.GROUP: "Group",
    FactKind.AUTHORIZED_KEY: "Login key",
    FactKind.HOST_KEY: "Host key",
    FactKind.SETTING: "Setting",
    FactKind.UNIT: "Unit",
    FactKind.CRON: "Scheduled line",
    FactKind.AT_JOB: "Job of at",
    FactKind.SYSCTL: "Running kernel parameter",
    FactKind.MODULE: "Kernel module",
    FactKind.FIREWALL: "Firewall rule",
    FactKind.ADDRESS: "Address",
    FactKind.ROUTE: "Route",
    FactKind.LISTENER: "Listening socket",
    FactKind.PROCESS: "Process",
    FactKind.MOUNT: "Mount",
    FactKind.SWAP: "Swap",
    FactKind.FSTAB: "Entry of fstab",
    FactKind.ALTERNATIVE: "Alternative",
    FactKind.DIVERSION: "Diversion",
    FactKind.STATOVERRIDE: "Override of owner and mode",
    FactKind.DEBCONF: "Answer to a package's question",
    FactKind.PIP: "Python package",
    FactKind.NPM: "Node package",
    FactKind.GEM: "Ruby gem",
    FactKind.CHECKOUT: "Git checkout",
    FactKind.CONTAINER: "Container",
    FactKind.DATABASE: "Database",
    FactKind.DATABASE_ROLE: "Database account",
    FactKind.DATABASE_VARIABLE: "Running database variable",
    FactKind.CERTIFICATE: "Certificate",
    FactKind.FILE: "File",
}
