"""Every fact is accounted for, once, with what explains it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from releve.drift.compare import compare
from releve.drift.examine import Comparison, examine
from releve.drift.ledger import LedgerInput, make_ledger
from releve.drift.ledger_tree import TreeBuilder
from releve.drift.noise import learn
from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.finding import Explanation, FindingState, Ledger, LedgerNode, TrackedFinding
from releve.model.observed import Fact, FactKind
from tests.drift.machines import Machine, hold, make_server
from tests.drift.test_examine import CHANGES, unpack


def account(comparison: Comparison, base: Machine, accept: str = "") -> Ledger:
    examination = examine(comparison)
    tracked = tuple(
        TrackedFinding(
            item,
            FindingState.ACCEPTED if item.subject == accept else FindingState.OPEN,
            None, "", "",
        )
        for item in examination.findings
    )  # fmt: skip
    touches = (
        Touch(TouchKind.PATH, "/etc/nginx/nginx.conf"),
        Touch(TouchKind.PACKAGE, "nginx"),
        Touch(TouchKind.PATH, "/var/www"),
    )
    event = TaskEvent(
        "web1", "site", "Write it", "web", "roles/web/tasks/main.yml:12", "template", "ok", "", 0.1,
        touches,
    )  # fmt: skip
    return make_ledger(
        LedgerInput(comparison, examination, base=base.facts, tracked=tracked, events=(event,))
    )


def walk(node: LedgerNode) -> list[LedgerNode]:
    return [node, *(found for child in node.children for found in walk(child))]


def find(ledger: Ledger, *names: str) -> LedgerNode:
    node = ledger.tree
    for name in names:
        node = next(child for child in node.children if child.name == name)
    return node


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(sorted(CHANGES)), max_size=8))
def test_the_counts_add_up_to_every_fact_of_either_side(names: set[str]) -> None:
    live, twin = make_server(), make_server()
    for name in names:
        CHANGES[name][0](live)
    ledger = account(hold(live, twin), Machine())
    everything = {fact.order for machine in (live, twin) for fact in machine.facts()}
    assert ledger.facts == len(everything)
    for node in walk(ledger.tree):
        below = sum(sum(child.counts.values()) for child in node.children)
        assert below <= sum(node.counts.values())
    assert sum(ledger.tree.counts.values()) == sum(
        sum(child.counts.values()) for child in ledger.tree.children
    )


def test_each_explanation_says_what_it_is() -> None:
    base = Machine().directory("/etc").directory("/usr").file("/etc/hosts", content="sha256:b")
    ledger = account(hold(make_server(), make_server()), base)
    assert find(ledger, "file").counts[Explanation.BASE] == 3
    assert find(ledger, "file", "etc", "nginx").because["roles/web/tasks/main.yml:12"] == 2
    assert find(ledger, "file", "var", "www").counts == {Explanation.TASK: 1}
    assert Explanation.UNEXPLAINED not in ledger.tree.counts
    assert find(ledger, "package").counts[Explanation.TASK] == 1


def test_an_accepted_finding_takes_its_facts_along() -> None:
    live = make_server()
    unpack(live)
    unexplained = account(hold(live, make_server()), Machine())
    assert unexplained.tree.counts[Explanation.UNEXPLAINED] == 622
    accepted = account(hold(live, make_server()), Machine(), accept="/opt/tool-9.4")
    assert accepted.tree.counts[Explanation.ACCEPTED] == 622
    assert Explanation.UNEXPLAINED not in accepted.tree.counts


def test_blind_spots_noise_and_volumes_are_accounts_of_their_own() -> None:
    twin, other = make_server(), make_server()
    other.edit("/var/log/nginx/access.log", content="sha256:o")
    noise = frozenset(learn(compare(other.facts(), twin.facts()), source="two twins"))
    live = make_server().edit("/var/log/nginx/access.log", content="sha256:l")
    live.put(FactKind.MOUNT, "/srv", source="v").file("/srv/data").file("/tmp/x")  # noqa: S108
    live.put(FactKind.EXCLUSION, "/secret", why="unreadable")
    comparison = Comparison(
        "web1", live.facts, twin.facts, noise=noise, volumes={"/srv": "volume-1"}
    )
    ledger = account(comparison, Machine())
    counts = ledger.tree.counts
    assert counts[Explanation.NOT_CHECKED] == 1
    assert counts[Explanation.NOISE] == 2
    assert counts[Explanation.VOLUME] == 3
    assert [spot.key for spot in ledger.blind_spots] == ["/secret"]
    assert "/var/log/nginx/access.log" in {item.key for item in ledger.masked}


def test_the_tree_stays_small_whatever_the_names() -> None:
    tree = TreeBuilder("web1")
    for number in range(30_000):
        fact = Fact(FactKind.FILE, f"/d{number}/e{number}/f/g/h/i")
        tree.count(fact, Explanation.BASE, because=f"reason {number}")
    root = tree.build()
    assert len(walk(root)) < 20_100
    assert sum(root.counts.values()) == 30_000
    assert all(len(node.because) <= 60 for node in walk(root))


def test_what_is_not_checked_on_one_side_is_never_in_sync() -> None:
    live = Machine(fact for fact in make_server().facts() if fact.kind is not FactKind.LISTENER)
    live.put(FactKind.NOT_CHECKED, "listener", why="needs a running kernel")
    comparison = hold(live, make_server())
    ledger = account(comparison, Machine(make_server().facts()))
    assert find(ledger, "listener").counts == {Explanation.NOT_CHECKED: 1}
    assert ledger.findings == ()
