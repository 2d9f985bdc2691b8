"""Which scans the ledger is made from, and what becomes of findings that cannot be seen."""

from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.errors import PlanError
from releve.model.finding import Explanation, FindingState
from releve.model.noise import EVERY_ATTRIBUTE, NoiseMark
from releve.model.observed import FactKind, ScanRole
from releve.recovery.ledger.of_host import (
    Sources,
    TwinChoice,
    account_for,
    choose_states,
    choose_twin,
)
from tests.fakes.finding_store import FakeFindingStore
from tests.fakes.observed_store import FakeObservedStore
from tests.ledger.stored_host import (
    DRILL,
    HOST,
    TASK,
    make_base,
    make_live,
    make_twin,
    save,
    save_all,
)
from tests.workflow.toy import toy_run

MONDAY, TUESDAY = "2026-11-23T12:00:00+00:00", "2026-11-24T12:00:00+00:00"
VOLUMES = {"/srv/data": "volume-1"}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    journal, _ = open_store(tmp_path)
    journal.open_run(toy_run(DRILL, host=HOST))
    journal.append_task(DRILL, "converge", TASK)
    return Sources(FakeObservedStore(), FakeFindingStore(), journal)


def states_of(sources: Sources, at: str) -> dict[str, FindingState]:
    return {one.finding.subject: one.state for one in sources.findings.list_findings(HOST, at=at)}


def test_every_fact_is_accounted_for(sources: Sources) -> None:
    save_all(sources.observed)
    ledger = account_for(HOST, sources, volumes=VOLUMES, at=MONDAY)
    assert ledger.facts == 8
    assert ledger.tree.counts == {
        Explanation.BASE: 4,
        Explanation.TASK: 2,
        Explanation.UNEXPLAINED: 1,
        Explanation.NOT_CHECKED: 1,
    }
    assert ledger.tree.because["roles/shop/tasks/main.yml:4"] == 1
    assert (ledger.live, ledger.twin, ledger.base) == ("scan-live", "scan-twin", "scan-base")
    assert (ledger.commit, ledger.made_at, ledger.volumes) == ("c0ffee", MONDAY, VOLUMES)
    assert ledger.live_at == ledger.twin_at == "2026-11-22T12:00:00+00:00"
    (tracked,) = ledger.findings
    assert (tracked.finding.cause, tracked.finding.subject) == (FactKind.USER, "deploy")
    assert states_of(sources, MONDAY) == {"deploy": FindingState.OPEN}


def test_one_that_was_put_right_is_gone(sources: Sources) -> None:
    save_all(sources.observed)
    account_for(HOST, sources, volumes={}, at=MONDAY)
    save(sources.observed, ScanRole.LIVE, make_twin().facts(), scan_id="l2", taken_at=TUESDAY)
    ledger = account_for(HOST, sources, volumes={}, at=TUESDAY)
    assert ledger.findings == ()
    assert ledger.live == "l2"
    assert states_of(sources, TUESDAY) == {"deploy": FindingState.GONE}


def test_one_that_cannot_be_seen_is_not_gone(sources: Sources) -> None:
    save_all(sources.observed)
    account_for(HOST, sources, volumes={}, at=MONDAY)
    blind = make_twin().put(FactKind.NOT_CHECKED, "user", why="no permission")
    save(sources.observed, ScanRole.LIVE, blind.facts(), scan_id="l2", taken_at=TUESDAY)
    ledger = account_for(HOST, sources, volumes={}, at=TUESDAY)
    assert [one.finding.subject for one in ledger.findings] == ["deploy"]
    assert states_of(sources, TUESDAY) == {"deploy": FindingState.OPEN}


def test_a_scan_that_was_cut_makes_nothing_go(sources: Sources) -> None:
    save(sources.observed, ScanRole.TWIN, make_twin().facts())
    save(sources.observed, ScanRole.LIVE, make_live().facts(), complete=False)
    account_for(HOST, sources, volumes={}, at=MONDAY)
    cut = make_base().facts()
    save(sources.observed, ScanRole.LIVE, cut, scan_id="l2", taken_at=TUESDAY, complete=False)
    account_for(HOST, sources, volumes={}, at=TUESDAY)
    assert states_of(sources, TUESDAY) == {"deploy": FindingState.OPEN}


def test_learned_noise_of_the_twins_base_is_used(sources: Sources) -> None:
    save_all(sources.observed)
    live = make_live().file("/opt/session")
    save(sources.observed, ScanRole.LIVE, live.facts(), scan_id="l2", taken_at=TUESDAY)
    mark = NoiseMark(FactKind.FILE, "/opt/session", EVERY_ATTRIBUTE, learned_from="two twins")
    sources.findings.save_noise(HOST, "image-2", [mark])
    before = account_for(HOST, sources, volumes={}, at=MONDAY)
    sources.findings.save_noise(HOST, "image-1", [mark])
    after = account_for(HOST, sources, volumes={}, at=MONDAY)
    assert before.tree.counts[Explanation.UNEXPLAINED] == 2
    assert after.tree.counts[Explanation.UNEXPLAINED] == 1
    assert [item.key for item in after.masked] == ["/opt/session"]


def test_states_are_of_one_drill_and_whole_ones_come_first(sources: Sources) -> None:
    observed = sources.observed
    save_all(observed)
    save(observed, ScanRole.REPLAYED, make_live().facts(), run_id="another", scan_id="r0")
    states = choose_states(HOST, observed)
    assert states.replayed is None
    assert states.twin_base is not None
    assert states.live_base is None
    save(observed, ScanRole.REPLAYED, make_live().facts())
    save(observed, ScanRole.LIVE, (), scan_id="cut", taken_at=TUESDAY, complete=False)
    states = choose_states(HOST, observed)
    assert states.replayed is not None
    assert states.replayed.scan_id == "scan-replayed"
    assert states.live.scan_id == "scan-live"


def test_the_twin_of_a_proof_is_no_twin_of_the_commit_checked_out(sources: Sources) -> None:
    observed = sources.observed
    save(observed, ScanRole.TWIN, (), scan_id="old", run_id="r0", commit="c0")
    save(observed, ScanRole.TWIN, (), scan_id="ours", run_id="r1", commit="c1+", taken_at=TUESDAY)
    save(observed, ScanRole.TWIN, (), scan_id="proof", run_id="r2", commit="c2", taken_at=TUESDAY)
    chosen = {
        choice: choose_twin(HOST, observed, choice)
        for choice in (
            TwinChoice(),
            TwinChoice(commit="c1"),
            TwinChoice(commit="c9"),
            TwinChoice(run_id="r2", commit="c1"),
            TwinChoice(run_id="none"),
        )
    }
    ids = [scan.scan_id if scan else None for scan in chosen.values()]
    assert ids == ["proof", "ours", "proof", "proof", None]


def test_another_base_of_the_host_is_subtracted_where_it_was_scanned(sources: Sources) -> None:
    observed = sources.observed
    save(observed, ScanRole.TWIN, make_twin().facts())
    save(observed, ScanRole.BASE, make_base().facts())
    old_base = make_base().edit("/etc/hosts", content="sha256:older")
    live = make_twin().edit("/etc/hosts", content="sha256:older")
    save(observed, ScanRole.LIVE, live.facts(), base_image="image-0")
    assert len(account_for(HOST, sources, volumes={}, at=MONDAY).findings) == 1
    save(observed, ScanRole.BASE, old_base.facts(), scan_id="b0", run_id="", base_image="image-0")
    ledger = account_for(HOST, sources, volumes={}, at=MONDAY)
    assert ledger.findings == ()
    assert ledger.tree.counts[Explanation.BASE] == 4


@pytest.mark.parametrize(
    ("role", "remedy"), [(ScanRole.TWIN, "releve scan"), (ScanRole.LIVE, "releve drill")]
)
def test_what_is_missing_is_told_with_its_command(
    sources: Sources, role: ScanRole, remedy: str
) -> None:
    save(sources.observed, role, make_twin().facts())
    with pytest.raises(PlanError) as caught:
        account_for(HOST, sources, volumes={}, at=MONDAY)
    assert f"{remedy} {HOST}" in caught.value.remedy
