"""The account of every fact of a host: what explains it, or that nothing does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from releve.drift.compare import PACKAGE_CONTENT
from releve.drift.examine import Comparison, Examination, Facts, Step, take_steps
from releve.drift.file_places import package_of
from releve.drift.ledger_tree import TreeBuilder
from releve.drift.tiers import on_volume
from releve.drift.touches import Touches
from releve.model.converge import TaskEvent
from releve.model.finding import (
    Deviation,
    DeviationStatus,
    Explanation,
    FindingState,
    Ledger,
    Tier,
    TrackedFinding,
)
from releve.model.observed import Fact, FactKind

SIDE_EFFECT: Final = "a side effect of the playbooks"
_BY_TIER: Final = {
    Tier.VERSION: (Explanation.PACKAGE, "in another version"),
    Tier.IDENTITY: (Explanation.IDENTITY, ""),
}
Account = tuple[Explanation, str]


@dataclass(frozen=True)
class LedgerInput:
    comparison: Comparison
    examination: Examination  # of this very comparison
    base: Facts | None = None  # the twin's base, before any playbook
    tracked: tuple[TrackedFinding, ...] = ()  # the examination's findings with their state
    events: tuple[TaskEvent, ...] = ()  # of the converge that made the twin
    live_id: str = ""
    twin_id: str = ""
    base_id: str = ""
    commit: str = ""
    made_at: str = ""


def make_ledger(ledger_input: LedgerInput) -> Ledger:
    """One pass over the states, in bounded memory; its counts add up to every fact seen."""
    comparison, examination = ledger_input.comparison, ledger_input.examination
    accountant = _Accountant(ledger_input)
    tree = TreeBuilder(comparison.host)
    for spot in examination.blind_spots:
        explanation = (
            Explanation.VOLUME
            if on_volume(spot.key, comparison.volumes)
            else Explanation.NOT_CHECKED
        )
        tree.count(spot, explanation, because=spot.attributes.get("why", ""))
    base_facts = ledger_input.base or comparison.twin_base
    for step, base in _with_base_fact(
        take_steps(comparison), base_facts() if base_facts else iter(())
    ):
        explanation, because = accountant.explain(step, base)
        tree.count(_fact_of(step), explanation, because=because)
    return Ledger(
        host=comparison.host,
        live=ledger_input.live_id,
        twin=ledger_input.twin_id,
        base=ledger_input.base_id,
        commit=ledger_input.commit,
        made_at=ledger_input.made_at,
        tree=tree.build(),
        findings=ledger_input.tracked,
        blind_spots=examination.blind_spots,
        masked=tuple(hidden.deviation for hidden in examination.masked),
        volumes=comparison.volumes,
    )


def _with_base_fact(
    steps: Iterable[Step], base: Iterable[Fact]
) -> Iterator[tuple[Step, Fact | None]]:
    stream = iter(base)
    current = next(stream, None)
    for step in steps:
        order = _fact_of(step).order
        while current is not None and current.order < order:
            current = next(stream, None)
        yield step, current if current is not None and current.order == order else None


def _fact_of(step: Step) -> Fact:
    fact = step.ours or step.theirs
    if fact is None:
        raise ValueError("a step has a fact on one side at least")
    return fact


class _Accountant:
    def __init__(self, ledger_input: LedgerInput) -> None:
        self._touches = Touches(ledger_input.events)
        self._volumes = ledger_input.comparison.volumes
        self._findings = _FindingIndex(ledger_input)

    def explain(self, step: Step, base: Fact | None) -> Account:
        fact = _fact_of(step)
        if fact.kind is FactKind.FILE and on_volume(fact.key, self._volumes):
            return Explanation.VOLUME, self._volumes.get(fact.key, "")
        deviation = step.deviation
        if deviation is not None:
            if deviation.status is DeviationStatus.NOT_CHECKED:
                return Explanation.NOT_CHECKED, "one side could not tell"
            return self._findings.account_of(deviation)
        if step.hidden:
            return step.hidden[-1].explanation, step.hidden[-1].reason
        return self._explain_equal(fact, base)

    def _explain_equal(self, fact: Fact, base: Fact | None) -> Account:
        if base is not None and base.attributes == fact.attributes:
            return Explanation.BASE, ""
        task = self._touches.find_task(fact)
        if task:
            return Explanation.TASK, task
        package = fact.key if fact.kind is FactKind.PACKAGE else fact.evidence.get("package", "")
        if package:
            return Explanation.PACKAGE, self._touches.find_installer(package) or package
        if fact.attributes.get("content") == PACKAGE_CONTENT:
            return Explanation.PACKAGE, ""
        return Explanation.TASK, SIDE_EFFECT


class _FindingIndex:
    """Which finding a deviation belongs to, from what the findings list."""

    def __init__(self, ledger_input: LedgerInput) -> None:
        self._facts: dict[tuple[FactKind, str], Account] = {}
        self._packages: dict[str, Account] = {}
        self._trees: dict[str, Account] = {}
        states = {item.finding.fingerprint: item.state for item in ledger_input.tracked}
        for finding in ledger_input.examination.findings:
            is_accepted = states.get(finding.fingerprint) is FindingState.ACCEPTED
            usual = _BY_TIER.get(finding.tier, (Explanation.UNEXPLAINED, ""))
            account = (Explanation.ACCEPTED, finding.fingerprint) if is_accepted else usual
            for deviation in finding.deviations:
                self._add(deviation, account)

    def account_of(self, deviation: Deviation) -> Account:
        found = self._facts.get((deviation.kind, deviation.key))
        if found is None and deviation.kind is FactKind.FILE:
            found = self._packages.get(package_of(deviation)) or self._find_tree(deviation.key)
        return found or (Explanation.UNEXPLAINED, "")

    def _add(self, deviation: Deviation, account: Account) -> None:
        key = (deviation.kind, deviation.key)
        # a part that nothing explains outweighs one that is a number or a version
        if self._facts.get(key, (Explanation.IDENTITY, ""))[0] is not Explanation.UNEXPLAINED:
            self._facts[key] = account
        if deviation.kind is FactKind.PACKAGE:
            self._packages[deviation.key] = self._facts[key]
        elif deviation.kind is FactKind.FILE and deviation.status is not DeviationStatus.MODIFIED:
            fact = deviation.ours or deviation.theirs
            if fact is not None and fact.attributes.get("type") == "directory":
                self._trees[deviation.key] = account

    def _find_tree(self, path: str) -> Account | None:
        while path:
            path = path.rpartition("/")[0]
            if path in self._trees:
                return self._trees[path]
        return None
