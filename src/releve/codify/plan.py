"""Decide what to change in a team's repository so that a host's findings come back by themselves.

Pure: the same findings, contents and repository give the same plan, but for the vault's salt.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from releve.codify import accounts, databases, jobs, packages, paths, runtime, settings
from releve.codify.draft import Draft
from releve.codify.outcome import Derived, Outcome, Work, Written, leave_out
from releve.codify.scalars import NotExpressible
from releve.codify.types import Change, CodifyPlan, LeftOut, NotCodifiable, Situation
from releve.codify.yaml_text import NotEditable
from releve.model.finding import Deviation, Finding
from releve.model.observed import FactKind
from releve.model.server_text import show_server_text

Writer = Callable[[Deviation, Work], Outcome]

_WRITERS: Final[Mapping[FactKind, Writer]] = {
    **packages.KINDS,
    **accounts.KINDS,
    **jobs.KINDS,
    **settings.KINDS,
    **paths.KINDS,
    **databases.KINDS,
    **runtime.KINDS,
}
# Content of these is needed beside that of the files that differ.
ACCOUNT_FILES: Final = "/etc/shadow"


def plan_changes(findings: Sequence[Finding], situation: Situation) -> CodifyPlan:
    """One change per finding, each building on those before it."""
    draft = Draft(situation.repository.files)
    changes: list[Change] = []
    refused: list[NotCodifiable] = []
    for finding in findings:
        outcomes = [
            (deviation, _write(deviation, Work(finding, situation, draft)))
            for deviation in finding.deviations
        ]
        left_out = tuple(_list_left_out(outcomes))
        files = draft.take_changes()
        if files:
            changes.append(Change(finding, files, _list_reasons(outcomes), left_out))
        else:
            refused.append(NotCodifiable(finding, left_out or (_nothing_to_do(finding),)))
    return CodifyPlan(tuple(changes), tuple(refused))


def list_needed_contents(findings: Sequence[Finding]) -> dict[str, str]:
    """Paths whose bytes a plan needs, with the digest of the host's content."""
    needed: dict[str, str] = {}
    for deviation in (found for finding in findings for found in finding.deviations):
        wanted = deviation.ours.attributes if deviation.ours is not None else {}
        if deviation.kind == FactKind.FILE and wanted.get("type", "") == "file":
            needed[deviation.key] = wanted.get("content", "")
        if deviation.kind == FactKind.USER and "hmac:" in wanted.get("password", ""):
            needed[ACCOUNT_FILES] = ""
    return needed


def list_needed_logins(findings: Sequence[Finding]) -> dict[str, str]:
    """Accounts of databases, quoted, of which a plan must know what is stored; with their login."""
    deviations = (found for finding in findings for found in finding.deviations)
    return dict(filter(None, map(databases.find_needed_login, deviations)))


def _write(deviation: Deviation, work: Work) -> Outcome:
    writer = _WRITERS.get(deviation.kind)
    mark = work.draft.mark()
    try:
        return writer(deviation, work) if writer else _say(deviation, work)
    except NotExpressible as error:
        reason, remedy = f"no playbook can hold it: {error}", ""
    except NotEditable as error:
        reason, remedy = f"the repository cannot take it: {error}", "write the role by hand"
    work.draft.go_back(mark)
    return leave_out(deviation, reason, remedy=remedy)


def _say(deviation: Deviation, work: Work) -> Outcome:
    if deviation.kind in {FactKind.REPOSITORY, FactKind.CERTIFICATE}:
        fact = deviation.ours or deviation.theirs
        file = fact.evidence.get("file", "") if fact else ""
        if work.of_kind(FactKind.FILE) and (not file or work.has(FactKind.FILE, file)):
            return Derived("its file is copied")
    return runtime.say_runtime(deviation, work)


def _list_left_out(outcomes: Sequence[tuple[Deviation, Outcome]]) -> Iterator[LeftOut]:
    for _, found in outcomes:
        if isinstance(found, LeftOut):
            yield found
        elif isinstance(found, Written):
            yield from found.left_out


def _list_reasons(outcomes: Sequence[tuple[Deviation, Outcome]]) -> tuple[str, ...]:
    """Ours, each once; the leading deviation's first."""
    said = [found.reason for _, found in outcomes if isinstance(found, Written)]
    return tuple(dict.fromkeys(said))


def _nothing_to_do(finding: Finding) -> LeftOut:
    leading = finding.deviations[0]
    ours = leading.ours
    if leading.kind is FactKind.UNIT and ours and ours.attributes.get("active") == "failed":
        unit = show_server_text(leading.key, limit=100)
        return leave_out(
            leading, "a unit that failed is no setting", remedy=f"see `journalctl -u {unit}`"
        )
    return leave_out(leading, "nothing of it is left to write", remedy="scan the host again")
