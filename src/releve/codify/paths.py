"""Files, directories and links: in the source that the team writes them from, or in the role."""

from releve.codify.attributes import write_extras
from releve.codify.managed import managing_task, write_managed
from releve.codify.never import why_never
from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_account,
    require_path,
)
from releve.codify.readers import is_apt_file, is_sudoers, reader_of
from releve.codify.scalars import NotExpressible, Value
from releve.codify.secret_files import write_secret_file
from releve.codify.secrets import find_secrets, is_secret_throughout
from releve.codify.sections import section
from releve.codify.tasks_text import arguments_of
from releve.codify.types import LARGEST_CONTENT
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

_SKELETON = {".bashrc", ".profile", ".bash_logout"}
_CONTENT = {"content", "type", "target"}
_SETTINGS = {
    "/etc/hostname": "hostname",
    "/etc/timezone": "timezone",
    "/etc/localtime": "timezone",
}
_ACCOUNTS = (FactKind.USER, FactKind.GROUP)
_ONE_BY_ONE = {
    "/etc/fstab": (FactKind.FSTAB,),
    "/var/spool/cron/": (FactKind.CRON,),
    "/etc/passwd": _ACCOUNTS,
    "/etc/group": _ACCOUNTS,
    "/etc/shadow": _ACCOUNTS,
    "/etc/gshadow": _ACCOUNTS,
    "/etc/subuid": _ACCOUNTS,
    "/etc/subgid": _ACCOUNTS,
}


def write_path(deviation: Deviation, work: Work) -> Outcome:
    if derived := why_derived(deviation, work):
        return Derived(derived)
    if never := why_never(deviation.key):
        return leave_out(deviation, never)
    path = require_path(deviation.key)
    if deviation.ours is None:
        return _remove(deviation, path, work=work)
    writers = {"file": _write_file, "directory": _write_directory, "link": _write_link}
    kind = deviation.ours.attributes.get("type", "file")
    if kind == "fifo":
        mode = deviation.ours.attributes.get("mode", "0644")
        work.catch_up.add(section("fifos"), {"path": path, "mode": mode})
        return Written("the catch-up role makes the pipe")
    if kind not in writers:
        return leave_out(deviation, "such a special file is made by the program that uses it")
    outcome = writers[kind](deviation, deviation.ours, work=work)
    if isinstance(outcome, Written):
        write_extras(deviation, work)
    return outcome


def why_derived(deviation: Deviation, work: Work) -> str:
    """What else in the finding makes the path, or empty."""
    if _belongs_to_new_package(deviation, work):
        return "the package brings it"
    return _derived_link(deviation, work) or _derived_file(deviation.key, work)


def _derived_link(deviation: Deviation, work: Work) -> str:
    directory, _, name = deviation.key.rpartition("/")
    is_units = directory == "/etc/systemd/system" and _is_link(deviation)
    if directory.endswith((".wants", ".requires")) or is_units:
        return "systemd makes the link" if work.has(FactKind.UNIT, name) else ""
    if directory == "/etc/alternatives" and work.has(FactKind.ALTERNATIVE, name):
        return "update-alternatives makes the link"
    return ""


def _derived_file(path: str, work: Work) -> str:
    directory, _, name = path.rpartition("/")
    if path in _SETTINGS and work.has(FactKind.SETTING, _SETTINGS[path]):
        return "the setting writes it"
    for beginning, kinds in _ONE_BY_ONE.items():
        if path.startswith(beginning) and any(work.of_kind(kind) for kind in kinds):
            return "what it holds is set one by one"
    homes = {
        found.ours.attributes.get("home") for found in work.of_kind(FactKind.USER) if found.ours
    }
    return "making the account copies it" if directory in homes and name in _SKELETON else ""


def _remove(deviation: Deviation, path: str, *, work: Work) -> Outcome:
    if task := managing_task(path, work):
        return leave_out(
            deviation,
            f"{task.location} makes it, and would make it again",
            remedy="take it out of that task",
        )
    work.catch_up.add(section("absent", reader=reader_of(path)), path)
    return Written("the catch-up role removes it")


def _write_file(deviation: Deviation, ours: Fact, *, work: Work) -> Outcome:
    if deviation.status == DeviationStatus.MODIFIED and not _CONTENT & set(deviation.attributes):
        return _write_mode(deviation, ours, work=work)
    content = work.situation.contents.live.get(deviation.key)
    if content is None:
        return leave_out(
            deviation,
            "its content was not captured: it is too large, it is no longer there, or the host "
            "does not answer",
            remedy="keep it where the playbooks can fetch it, with its checksum",
        )
    if len(content) > LARGEST_CONTENT:
        return leave_out(
            deviation,
            "it is larger than a repository should hold",
            remedy="keep it where the playbooks can fetch it, with its checksum",
            artefact=deviation.key,
        )
    if managing_task(deviation.key, work):
        return write_managed(deviation, content, work=work)
    return _ship(deviation, ours, content=content, work=work)


def _ship(deviation: Deviation, ours: Fact, *, content: bytes, work: Work) -> Outcome:
    path = require_path(deviation.key)
    placed = {"path": path, "source": "", **_owner_and_mode(ours)}
    _ensure_parents(path, work)
    if is_secret_throughout(path, content) or find_secrets(content):
        return write_secret_file(deviation, placed, content=content, work=work)
    placed["source"] = work.catch_up.ship(path, content)
    if is_apt_file(path):
        target = section("repository_files")
    elif is_sudoers(path):
        target = section("sudoers_files")
    else:
        target = section("files", reader=reader_of(path))
    work.catch_up.add(target, placed)
    reader = reader_of(path)
    told = f", and tells {reader.partition('_v_')[0].replace('_', '-')}" if reader else ""
    return Written(f"no task writes it, so the catch-up role copies it{told}")


def _write_directory(deviation: Deviation, ours: Fact, *, work: Work) -> Outcome:
    if deviation.status == DeviationStatus.MODIFIED and "type" not in deviation.attributes:
        return _write_mode(deviation, ours, work=work)
    _ensure_parents(deviation.key, work)
    work.catch_up.add(section("directories"), {"path": deviation.key, **_owner_and_mode(ours)})
    return Written("the catch-up role makes the directory")


def _write_link(deviation: Deviation, ours: Fact, *, work: Work) -> Outcome:
    if task := managing_task(deviation.key, work):
        return leave_out(
            deviation,
            f"{task.location} makes the link, and would set it back",
            remedy="change the target in that task",
        )
    target = ours.attributes.get("target", "")
    if not target or require_path("/" + target.lstrip("./")) == "/":
        raise NotExpressible("nothing is known of where it leads")
    _ensure_parents(deviation.key, work)
    fields: dict[str, Value] = {"path": deviation.key, "target": target}
    work.catch_up.add(section("links", reader=reader_of(deviation.key)), fields)
    return Written("the catch-up role makes the link")


def _write_mode(deviation: Deviation, ours: Fact, *, work: Work) -> Outcome:
    changed = {"mode", "owner", "group"} & set(deviation.attributes)
    if changed:
        task = managing_task(deviation.key, work)
        given = arguments_of(task.location, work.draft) if task else {"path": deviation.key}
        if task is not None and (not given or changed & given.keys()):
            return leave_out(
                deviation,
                f"{task.location} sets its {' and '.join(sorted(changed))}, and would set it back",
                remedy="change it in that task",
            )
        fields = {"path": deviation.key, "type": ours.attributes.get("type", "file")}
        work.catch_up.add(section("modes"), {**fields, **_owner_and_mode(ours)})
    return Written("the catch-up role sets owner, mode and attributes")


def _owner_and_mode(ours: Fact) -> dict[str, Value]:
    wanted = ours.attributes
    return {
        "owner": require_account(wanted.get("owner", "root")),
        "group": require_account(wanted.get("group", "root")),
        "mode": wanted.get("mode", "0644").rjust(4, "0"),
    }


def _ensure_parents(path: str, work: Work) -> None:
    """Directories above it that only the host has, from whichever finding they are in."""
    above = {path[: index + 1] for index, letter in enumerate(path) if letter == "/"}
    for finding in work.situation.findings:
        for found in finding.deviations:
            is_directory = (
                found.ours is not None and found.ours.attributes.get("type") == "directory"
            )
            is_new = found.kind == FactKind.FILE and found.status == DeviationStatus.EXTRA
            if is_new and is_directory and f"{found.key}/" in above and found.ours is not None:
                fields = {"path": require_path(found.key), **_owner_and_mode(found.ours)}
                work.catch_up.add(section("directories"), fields)


def _belongs_to_new_package(deviation: Deviation, work: Work) -> bool:
    leading = work.finding.deviations[0]
    if leading.kind != FactKind.PACKAGE or leading.status == DeviationStatus.MODIFIED:
        return False
    fact = deviation.ours or deviation.theirs
    content = fact.attributes.get("content", "=") if fact else "="
    is_packaged = bool(fact and fact.evidence.get("package"))
    if not deviation.key.startswith("/etc/"):
        return True
    return is_packaged and content == "="


def _is_link(deviation: Deviation) -> bool:
    return deviation.ours is not None and deviation.ours.attributes.get("type") == "link"


KINDS = {FactKind.FILE: write_path}
