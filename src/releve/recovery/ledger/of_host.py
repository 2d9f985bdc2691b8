"""The ledger of a host from what is stored: its newest scan against the newest drill's twin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from releve.drift.examine import Comparison, Examination, Facts, examine
from releve.drift.ledger import LedgerInput, make_ledger
from releve.errors import PlanError
from releve.model.finding import Finding, FindingState, Ledger, TrackedFinding
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole
from releve.plan.problems import show_word
from releve.plan.types import HostPlan
from releve.ports.finding_store import FindingStore
from releve.ports.journal import Journal
from releve.ports.observed_store import ObservedStore


@dataclass(frozen=True)
class Sources:
    observed: ObservedStore
    findings: FindingStore
    journal: Journal


@dataclass(frozen=True)
class TwinChoice:
    """The twin of this drill; else the newest of this commit, as a proof's is of its branch."""

    run_id: str = ""
    commit: str = ""


ANY_TWIN: Final = TwinChoice()  # the newest


@dataclass(frozen=True)
class States:
    """What is held against what; the base scans only where they are known."""

    live: ScanRecord
    twin: ScanRecord
    replayed: ScanRecord | None
    twin_base: ScanRecord | None
    live_base: ScanRecord | None  # only where the host was made from another base image


def account_for(
    host: str,
    sources: Sources,
    *,
    volumes: Mapping[str, str],
    at: str,
    twin: TwinChoice = ANY_TWIN,
) -> Ledger:
    """Compare, keep the findings, and account for every fact; PlanError where a scan is missing.

    `volumes`: mount point to volume id, as the plan has them.
    """
    states = choose_states(host, sources.observed, twin=twin)
    comparison = _compare(host, states, sources=sources, volumes=volumes)
    examination = examine(comparison)
    tracked = keep_findings(host, examination, states, findings=sources.findings, at=at)
    ledger = make_ledger(
        LedgerInput(
            comparison=comparison,
            examination=examination,
            base=_facts_of(states.twin_base, sources.observed),
            tracked=tracked,
            events=sources.journal.read_tasks(states.twin.run_id),
            live_id=states.live.scan_id,
            twin_id=states.twin.scan_id,
            base_id=states.twin_base.scan_id if states.twin_base else "",
            commit=states.twin.commit,
            made_at=at,
        )
    )
    return replace(ledger, live_at=states.live.taken_at, twin_at=states.twin.taken_at)


def volumes_of(plan: HostPlan) -> dict[str, str]:
    return {volume.mount: volume.id for volume in plan.volumes.values()}


def choose_states(host: str, observed: ObservedStore, *, twin: TwinChoice = ANY_TWIN) -> States:
    live = choose_best(observed.find_scans(host, role=ScanRole.LIVE, limit=10))
    return _complete_states(host, live, choose_twin(host, observed, twin), observed=observed)


def choose_twin(host: str, observed: ObservedStore, choice: TwinChoice) -> ScanRecord | None:
    found = observed.find_scans(host, role=ScanRole.TWIN, run_id=choice.run_id, limit=50)
    commit = choice.commit.rstrip(
        "+"
    )  # with files that were not committed, it still is the nearest
    of_commit = [scan for scan in found if commit and scan.commit.rstrip("+") == commit]
    return choose_best(of_commit) or choose_best(found)


def choose_best(newest_first: Sequence[ScanRecord]) -> ScanRecord | None:
    """A whole one before one that was cut."""
    whole = (scan for scan in newest_first if scan.complete)
    return next(whole, newest_first[0] if newest_first else None)


def _complete_states(
    host: str, live: ScanRecord | None, twin: ScanRecord | None, *, observed: ObservedStore
) -> States:
    if live is None:
        raise PlanError(
            f"{show_word(host)} has not been scanned yet",
            remedy=f"Run `releve scan {show_word(host)}`",
        )
    if twin is None:
        raise PlanError(
            f"there is no twin to hold {show_word(host)} against",
            why="no drill has made and scanned one yet",
            remedy=f"Run `releve drill {show_word(host)}`",
        )
    own = observed.find_scans(host, run_id=twin.run_id) if twin.run_id else ()
    by_role = {scan.role: scan for scan in reversed(own) if scan.complete}
    is_other_base = live.base_image not in {"", twin.base_image}
    return States(
        live=live,
        twin=twin,
        replayed=by_role.get(ScanRole.REPLAYED),
        twin_base=by_role.get(ScanRole.BASE),
        live_base=_find_base(host, live.base_image, observed) if is_other_base else None,
    )


def keep_findings(
    host: str,
    examination: Examination,
    states: States,
    *,
    findings: FindingStore,
    at: str,
) -> tuple[TrackedFinding, ...]:
    """What stands open now; one that this scan could not see is kept as it was, never GONE."""
    seen = {finding.fingerprint for finding in examination.findings}
    is_cut = not (states.live.complete and states.twin.complete)
    unread = {spot.key for spot in examination.blind_spots if spot.kind is FactKind.NOT_CHECKED}
    unseen = [
        one.finding
        for one in findings.list_findings(host, at=at)
        if one.finding.fingerprint not in seen and one.state is not FindingState.GONE
    ]
    kept = [finding for finding in unseen if is_cut or _is_unread(finding, unread)]
    findings.save_findings(host, [*examination.findings, *kept], at=at)
    tracked = findings.list_findings(host, at=at)
    return tuple(one for one in tracked if one.state is not FindingState.GONE)


def _find_base(host: str, image: str, observed: ObservedStore) -> ScanRecord | None:
    scans: Sequence[ScanRecord] = observed.find_scans(host, role=ScanRole.BASE, limit=500)
    return next((scan for scan in scans if scan.base_image == image and scan.complete), None)


def _compare(
    host: str, states: States, *, sources: Sources, volumes: Mapping[str, str]
) -> Comparison:
    observed = sources.observed
    has_bases = states.live_base is not None and states.twin_base is not None
    return Comparison(
        host=host,
        live=_reader(states.live, observed),
        twin=_reader(states.twin, observed),
        replayed=_facts_of(states.replayed, observed),
        live_base=_facts_of(states.live_base, observed) if has_bases else None,
        twin_base=_facts_of(states.twin_base, observed) if has_bases else None,
        noise=sources.findings.read_noise(host, states.twin.base_image),
        volumes=volumes,
        live_partial=not states.live.complete,
        twin_partial=not states.twin.complete,
        names=frozenset({states.live.instance_id, states.twin.instance_id} - {""}),
    )


def _facts_of(scan: ScanRecord | None, observed: ObservedStore) -> Facts | None:
    return None if scan is None else _reader(scan, observed)


def _reader(scan: ScanRecord, observed: ObservedStore) -> Facts:
    def read() -> Iterator[Fact]:
        return observed.read_facts(scan.scan_id)

    return read


def _is_unread(finding: Finding, unread: set[str]) -> bool:
    """Its whole kind could not be read, so nobody knows whether it is still there."""
    return finding.cause.value in unread
