"""From findings to a branch that the team can merge, and to the proof that it holds."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from releve.codify.logins import is_same_login
from releve.codify.message import write_message
from releve.codify.plan import list_needed_contents, list_needed_logins, plan_changes
from releve.codify.types import CodifyPlan, Contents, Encrypt, RepositoryView, Situation
from releve.errors import PlanError
from releve.model.converge import TaskEvent
from releve.model.finding import Decision, Finding, FindingState
from releve.ports.finding_store import FindingStore
from releve.ports.journal import Journal
from releve.ports.observed_store import ObservedStore
from releve.ports.team_repository import CommitDraft, TeamRepository

Fetch = Callable[[Sequence[str]], Mapping[str, bytes]]  # bodies of paths on the live host
# quoted accounts of its databases to how they log in, with what is stored
FetchLogins = Callable[[Sequence[str]], Mapping[str, str]]

_WROTE = {"ok", "changed"}


@dataclass(frozen=True)
class Sources:
    """Where a proposal takes its facts from."""

    repository: TeamRepository
    observed: ObservedStore
    journal: Journal
    fetch: Fetch
    fetch_logins: FetchLogins
    encrypt: Encrypt | None
    drill_id: str  # the run whose twin the findings were made against; empty: none is known


@dataclass(frozen=True)
class Proposal:
    commit: str  # that the changes build on
    plan: CodifyPlan
    overlapping: tuple[str, ...]  # files that the person has changed and not committed


@dataclass(frozen=True)
class Proof:
    """What a drill of the branch found; `gone` are fingerprints not found any more."""

    run_id: str
    gone: frozenset[str]
    reasons_against: tuple[str, ...] = ()  # a change on the second converge, what lint says


def propose(
    findings: Sequence[Finding],
    *,
    open_findings: Sequence[Finding],
    view: RepositoryView,
    sources: Sources,
) -> Proposal:
    """Touches nothing; `view` comes without its files, which are read from the last commit."""
    commit = sources.repository.head()
    situation = Situation(
        repository=replace(view, files=sources.repository.read_files(commit)),
        contents=_read_contents(findings, sources),
        touches=read_touches(sources, findings, inventory_name=view.host),
        encrypt=sources.encrypt,
        findings=tuple(open_findings),
        logins=_read_logins(findings, sources),
    )
    plan = plan_changes(findings, situation)
    changed = {path for change in plan.changes for path in change.files}
    uncommitted = [path for path in sources.repository.list_uncommitted() if path in changed]
    return Proposal(commit, plan, tuple(uncommitted))


def is_content_of(digest: str, content: bytes, *, secret: bytes) -> bool:
    """Whether it still is what the scan saw: the host may be another instance by now."""
    if digest.startswith("hmac:"):
        return digest == f"hmac:{hmac.new(secret, content, hashlib.sha256).hexdigest()}"
    return digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


def make_branch(proposal: Proposal, name: str, repository: TeamRepository) -> tuple[str, ...]:
    """One commit per finding on a new branch; PlanError where the person is changing the same."""
    if proposal.overlapping:
        raise PlanError(
            f"{', '.join(proposal.overlapping[:5])} holds changes that are not committed",
            why="the branch starts from the last commit and would conflict with them",
            remedy="commit or stash them, and codify again",
        )
    drafts = [CommitDraft(write_message(change), change.files) for change in proposal.plan.changes]
    return repository.make_branch(name, proposal.commit, drafts)


def conclude(
    proposal: Proposal,
    proof: Proof,
    *,
    branch: str,
    commits: Sequence[str],
    findings: FindingStore,
    at: str,
) -> dict[str, str]:
    """Decide CODIFIED for what is proven; why not, by fingerprint, for the rest."""
    refused: dict[str, str] = {}
    for change, commit in zip(proposal.plan.changes, commits, strict=True):
        finding = change.finding
        if proof.reasons_against:
            refused[finding.fingerprint] = "; ".join(proof.reasons_against)
        elif finding.fingerprint not in proof.gone:
            refused[finding.fingerprint] = "the fresh twin still differs from the host in it"
        else:
            evidence = {"branch": branch, "commit": commit, "run": proof.run_id}
            findings.decide(
                Decision(
                    finding.fingerprint,
                    finding.host,
                    FindingState.CODIFIED,
                    at,
                    reason=f"a twin made from branch {branch} does not differ in it any more",
                    evidence=evidence,
                )
            )
    return refused


def read_touches(
    sources: Sources, findings: Sequence[Finding], *, inventory_name: str
) -> tuple[TaskEvent, ...]:
    """What the playbooks wrote on the twin, in their order."""
    names = {inventory_name, *(finding.host for finding in findings)}
    events = sources.journal.read_tasks(sources.drill_id) if sources.drill_id else ()
    return tuple(
        event
        for event in events
        if event.touches and event.status in _WROTE and event.host in names
    )


def _read_contents(findings: Sequence[Finding], sources: Sources) -> Contents:
    """From the store what it has by digest; the rest from the host, if it answers."""
    needed = list_needed_contents(findings)
    host = findings[0].host if findings else ""
    live: dict[str, bytes] = {}
    for path, digest in needed.items():
        content = sources.observed.read_content(host, digest) if digest else None
        if content is not None:
            live[path] = content
    missing = [path for path in needed if path not in live]
    if missing:
        secret = sources.observed.secret_for(host)
        for path, content in sources.fetch(missing).items():
            digest = needed.get(path, "")
            if not digest or is_content_of(digest, content, secret=secret):
                live[path] = content
    return Contents(live, _read_twin_contents(findings, sources.observed, host))


def _read_logins(findings: Sequence[Finding], sources: Sources) -> dict[str, str]:
    """Never kept anywhere; what is not as the scan saw it is left out."""
    needed = list_needed_logins(findings)
    if not needed:
        return {}
    secret = sources.observed.secret_for(findings[0].host)

    def holds(digest: str, stored: bytes) -> bool:
        return is_content_of(digest, stored, secret=secret)

    told = sources.fetch_logins(list(needed))
    return {
        account: told[account]
        for account, seen in needed.items()
        if account in told and is_same_login(account, seen, told=told[account], holds=holds)
    }


def _read_twin_contents(
    findings: Sequence[Finding], observed: ObservedStore, host: str
) -> dict[str, bytes]:
    twin: dict[str, bytes] = {}
    for finding in findings:
        for deviation in finding.deviations:
            digest = deviation.theirs.attributes.get("content", "") if deviation.theirs else ""
            content = observed.read_content(host, digest) if ":" in digest else None
            if content is not None:
                twin[deviation.key] = content
    return twin
