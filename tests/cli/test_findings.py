"""releve findings and accept, on a real store."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releve.adapters.store import open_observed_store
from releve.cli.main import main
from releve.model.finding import Deviation, DeviationStatus, Finding, Tier
from releve.model.observed import Fact, FactKind
from releve.ports.finding_store import FindingStore
from tests.report.payloads import PAYLOADS

MONDAY = "2026-11-23T12:00:00+00:00"
ROUTE = Fact(FactKind.FILE, "/etc/nginx/conf.d/redirects.conf", {"mode": "0644", "content": "=a"})
FINDING = Finding(
    "a1b2c3d4e5f6",
    "blog",
    FactKind.FILE,
    ROUTE.key,
    DeviationStatus.MODIFIED,
    "File /etc/nginx/conf.d/redirects.conf differs",
    Tier.CONFIGURATION,
    (
        Deviation(
            FactKind.FILE,
            ROUTE.key,
            DeviationStatus.MODIFIED,
            ROUTE,
            replace(ROUTE, attributes={"mode": "0600"}),
            ("content", "mode"),
        ),
        Deviation(FactKind.UNIT, "redirects.timer", DeviationStatus.EXTRA, ROUTE, None),
    ),
    folded=2,
)
USER = replace(
    FINDING, fingerprint="b1b2c3d4e5f6", tier=Tier.SECURITY, title="User ops is in no playbook"
)
Read = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FindingStore:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path))
    monkeypatch.delenv("RELEVE_DATABASE_URL", raising=False)
    monkeypatch.delenv("RELEVE_KEY_FILE", raising=False)
    store = open_observed_store(tmp_path)[1]
    store.save_findings("blog", [FINDING, USER], at=MONDAY)
    return store


def test_open_findings_are_listed_by_tier(store: FindingStore, capsys: Read) -> None:
    del store
    assert main(["findings", "blog"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "security",
        "  b1b2c3d4e5f6  User ops is in no playbook",
        "configuration",
        "  a1b2c3d4e5f6  File /etc/nginx/conf.d/redirects.conf differs",
        "2 open",
    ]


def test_a_host_without_findings_names_the_next_command(store: FindingStore, capsys: Read) -> None:
    del store
    assert main(["findings", "shop"]) == 0
    assert capsys.readouterr().out == "shop has no finding. Next: releve ledger shop\n"


def test_accepted_ones_leave_the_list_and_stay_on_record(store: FindingStore, capsys: Read) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    reason = ["--reason", "the agency asked for it"]
    assert main(["accept", "blog", "a1b2", *reason, "--until", tomorrow]) == 0
    assert capsys.readouterr().out.startswith("a1b2c3d4e5f6  accepted  File /etc/nginx")
    assert main(["findings", "blog"]) == 0
    listed = capsys.readouterr().out
    assert "a1b2c3d4e5f6" not in listed
    assert listed.endswith("1 open, 1 accepted\n")
    assert main(["findings", "blog", "--state", "accepted"]) == 0
    assert f"(accepted until {tomorrow})" in capsys.readouterr().out
    (decision,) = store.read_decisions("blog", "a1b2c3d4e5f6")
    assert (decision.reason, decision.until) == ("the agency asked for it", tomorrow)
    assert decision.who


def test_an_acceptance_can_be_withdrawn(store: FindingStore, capsys: Read) -> None:
    assert main(["accept", "blog", "a1b2", "b1b2", "--reason", "for now"]) == 0
    assert main(["accept", "blog", "a1b2", "--reason", "after all not", "--withdraw"]) == 0
    capsys.readouterr()
    assert main(["findings", "blog"]) == 0
    assert capsys.readouterr().out.endswith("1 open, 1 accepted\n")
    assert len(store.read_decisions("blog", "a1b2c3d4e5f6")) == 2


def test_a_finding_is_shown_whole(store: FindingStore, capsys: Read) -> None:
    del store
    main(["accept", "blog", "a1b2", "--reason", "for now"])
    main(["accept", "blog", "a1b2", "--reason", "not any more", "--withdraw"])
    capsys.readouterr()
    assert main(["findings", "blog", "a1b2c3d4e5f6"]) == 0
    told = capsys.readouterr().out
    for text in (
        FINDING.title,
        f"first seen {MONDAY}",
        "file /etc/nginx/conf.d/redirects.conf",
        "0644",
        "0600",
        "unit redirects.timer",
        "and 2 more that have the same cause",
        "said accepted: for now",
        "said open: not any more",
        "releve codify blog a1b2c3d4e5f6",
    ):
        assert text in told


def test_as_json(store: FindingStore, capsys: Read) -> None:
    del store
    assert main(["findings", "blog", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["fingerprint"] for one in told["findings"]] == ["b1b2c3d4e5f6", "a1b2c3d4e5f6"]
    assert told["findings"][1]["facts"] == 4
    assert main(["accept", "blog", "a1b2", "--reason", "for now", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["state"] == "accepted"
    assert main(["findings", "blog", "a1b2", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["deviations"][0]["ours"]["attributes"]["mode"] == "0644"
    assert [decision["reason"] for decision in whole["history"]] == ["for now"]


WRONG = {
    "no such state": (["findings", "blog", "--state", "opn"], "write open"),
    "no such finding": (["findings", "blog", "a1b2c3d4e5f7"], "a1b2c3d4e5f6"),
    "too short": (["findings", "blog", "a1"], "a1 is no finding"),
    "no reason": (["accept", "blog", "a1b2", "--reason", " "], "needs a reason"),
    "no date": (["accept", "blog", "a1b2", "--reason", "x", "--until", "soon"], "not a date"),
    "over": (["accept", "blog", "a1b2", "--reason", "x", "--until", "2020-01-01"], "is over"),
    "one of two": (["accept", "blog", "a1b2", "zzzz", "--reason", "x"], "zzzz is no finding"),
}


@pytest.mark.parametrize(("arguments", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_decides_nothing(
    store: FindingStore, arguments: list[str], says: str, capsys: Read
) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
    assert store.read_decisions("blog", "a1b2c3d4e5f6") == ()


def test_two_of_the_same_beginning_are_told_apart(store: FindingStore, capsys: Read) -> None:
    store.save_findings("blog", [FINDING, replace(FINDING, fingerprint="a1b2ffffffff")], at=MONDAY)
    assert main(["accept", "blog", "a1b2", "--reason", "x"]) == 2
    told = capsys.readouterr().err
    assert "a1b2c3d4e5f6" in told
    assert "a1b2ffffffff" in told


def test_nothing_that_was_said_acts_on_the_terminal(store: FindingStore, capsys: Read) -> None:
    payloads = [payload for payload in PAYLOADS if len(payload) < 5000]
    facts = [Fact(FactKind.FILE, said, {"owner": said}, {"mtime": said}) for said in payloads]
    deviations = tuple(
        Deviation(FactKind.FILE, fact.key, DeviationStatus.EXTRA, fact, None) for fact in facts
    )
    hostile = [
        replace(
            FINDING,
            fingerprint=f"{number:012x}",
            title=payload,
            subject=payload,
            deviations=deviations,
        )
        for number, payload in enumerate(payloads)
    ]
    store.save_findings("blog", hostile, at=MONDAY)
    assert main(["findings", "blog"]) == 0
    assert main(["findings", "blog", f"{1:012x}"]) == 0
    told = capsys.readouterr().out
    assert told.count("alert(1)") > 5
    assert not set(told) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))
    assert not set(told) & set("\u202e\u2066\u200f")
