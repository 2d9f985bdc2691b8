"""The report of an incident holds detection, decision and every phase, at whatever moment."""

import json
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from releve.errors import PlanError, ReleveError
from releve.model.incident import IncidentEventKind, IncidentState
from releve.model.run import RunState
from releve.model.verdict import Cause, HostState, Witness
from releve.recovery.report.language import Language
from releve.watch.report import english, french
from releve.watch.report.as_html import render_html
from releve.watch.report.as_json import render_json
from releve.watch.report.as_markdown import render_markdown
from releve.watch.report.sentences import incident_wording, list_moments, tell_ending
from releve.watch.report.types import Ending
from releve.watch.report.write import write_incident_report
from tests.report.test_language import placeholders
from tests.watch.sample_incident import (
    HOST,
    ID,
    KERNEL,
    NOW,
    SEEN,
    SIGN,
    Kind,
    happened,
    make_events,
    make_incident,
    make_report,
    make_run,
)

OPEN, CONFIRMED = IncidentState.OPEN, IncidentState.CONFIRMED


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\\", "")


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_whole_story_is_in_every_form(render: object) -> None:
    page = plain(render(make_report(), "en"))  # type: ignore[operator] # one of two functions
    for text in (
        f"{HOST} is back, ",
        SIGN,
        KERNEL,
        "witnesses: 3",
        "HostReadOnly fires",
        "1 of 3 controls reachable",
        "anna on 22 November 2026",
        "a run began with it",
        "3 of 3 checks from outside fail",
        "Fence the old instance",
        "Wait until the volumes are free",
        "Check at the public address",
        "2 good rounds of the new instance",
        "it did not answer in 10 s",
        ID,
    ):
        assert text in page, text


def test_every_step_of_the_run_has_its_phase_time_and_reason() -> None:
    run = make_run()
    page = plain(render_markdown(make_report(), "en"))
    steps = [step for phase in run.timing.phases for step in phase.steps]
    assert len(steps) > 15
    wording = incident_wording("en")
    for step in steps:
        row = next(row for row in page.splitlines() if f"| {wording.name_step(step.name)} |" in row)
        assert wording.say(f"phase_{step.phase.value}") in row
        assert step.reason[:60] in row


def test_times_count_from_the_first_sign() -> None:
    report = make_report()
    assert report.detection.confirmed_after_seconds == pytest.approx(3.2)
    assert report.times.run_after_seconds == pytest.approx(9.4)
    back = make_run().timing.back_after_seconds
    assert back is not None
    assert report.times.back_after_seconds == pytest.approx(9.4 + back)
    assert report.times.lasted_seconds == 130


def test_json_holds_it_all() -> None:
    text = render_json(make_report())
    told = json.loads(text)
    assert text.isascii()
    assert told["incident"]["incident_id"] == ID
    assert told["ending"] == "recovered"
    assert [witness["witness"] for witness in told["detection"]["witnesses"]] == [
        "write",
        "kernel",
        "outside",
    ]
    assert told["decision"]["held_back"][0]["text"].startswith("1 of 3 controls")
    assert told["decision"]["approvals"][0]["used"] is True
    assert len(told["runs"][0]["timing"]["phases"]) >= 8
    assert [(notice["channel"], notice["sent"]) for notice in told["notices"]] == [
        ("on-call", 2),
        ("chat", 0),
    ]


@pytest.mark.parametrize(
    ("state", "last", "run", "ending"),
    [
        (OPEN, None, None, Ending.OPEN),
        (CONFIRMED, None, None, Ending.CONFIRMED),
        (CONFIRMED, Kind.HELD_BACK, None, Ending.CONFIRMED),
        (CONFIRMED, Kind.APPROVAL_WANTED, None, Ending.WAITING),
        (CONFIRMED, Kind.NEEDS_PERSON, None, Ending.NEEDS_PERSON),
        (CONFIRMED, Kind.RUN_STARTED, RunState.DONE, Ending.NOT_OVER),
        (CONFIRMED, Kind.RUN_STARTED, RunState.NEEDS_PERSON, Ending.NEEDS_PERSON),
        (IncidentState.CLEARED, None, None, Ending.BY_ITSELF),
        (IncidentState.CLEARED, None, RunState.CANCELLED, Ending.BY_ITSELF),
    ],
)
def test_ending_is_told_at_any_moment(
    state: IncidentState,
    last: IncidentEventKind | None,
    run: RunState | None,
    ending: Ending,
) -> None:
    events = [happened(Kind.OPENED, 0, SIGN)]
    if last:
        events.append(happened(last, 5, "a reason"))
    runs = [make_run(run)] if run else []
    report = make_report(make_incident(state), events, runs)
    assert report.ending is ending
    for language in Language:
        wording = incident_wording(language)
        assert HOST in tell_ending(report, wording)
        assert wording.say(f"badge_{ending.value}") in render_html(report, language)
        assert render_markdown(report, language)


def test_an_open_incident_counts_until_now() -> None:
    report = make_report(make_incident(CONFIRMED), [], [])
    assert report.times.lasted_seconds == (NOW - SEEN).total_seconds()
    page = plain(render_html(report, "en"))
    assert f"releve approve {ID}" in page
    assert "No run was started." in page
    assert "Nobody was told" in page


def test_an_approval_that_nothing_came_of_is_told_so() -> None:
    report = make_report(make_incident(CONFIRMED), make_events()[:8], [])
    assert "no run began with it" in render_html(report, "en")
    assert report.decision.approvals[0].used is False


def test_too_many_events_keep_both_ends_and_say_how_many_are_missing() -> None:
    events = [happened(Kind.CHANGED, number, f"change {number}") for number in range(5000)]
    report = make_report(events=events)
    assert report.omitted == 4600
    assert (report.timeline[0].text, report.timeline[-1].text) == ("change 0", "change 4999")
    page = render_html(report, "en")
    assert "4600 more in between" in page
    assert len(page) < 400_000


def test_events_with_broken_data_are_still_told() -> None:
    events = [
        happened(Kind.APPROVED, -5, "by whom?", by=None, expires="soon", fingerprint=7),
        happened(Kind.NOTIFIED, 1, "told", channel=["?"]),
    ]
    report = make_report(make_incident(CONFIRMED), events, [])
    assert report.timeline[0].after_seconds == 0.0
    assert "by whom?" in render_html(report, "fr")


def test_moments_are_in_order_with_the_steps_between() -> None:
    moments = list_moments(make_report(), incident_wording("en"))
    times = [moment.at_seconds for moment in moments]
    assert times == sorted(times)
    names = [moment.what for moment in moments]
    assert names.index("run started") < names.index("Fence the old instance")
    assert names.index("Check at the public address") < names.index("run ended")


def test_both_languages_say_everything_with_the_same_values() -> None:
    assert set(english.TEXTS) == set(french.TEXTS)
    for key, text in english.TEXTS.items():
        assert placeholders(text) == placeholders(french.TEXTS[key]), key
    wanted = [
        *(f"ending_{ending.value}" for ending in Ending),
        *(f"badge_{ending.value}" for ending in Ending),
        *(f"state_{state.value}" for state in IncidentState),
        *(f"host_{state.value}" for state in HostState),
        *(f"cause_{cause.value}" for cause in Cause),
        *(f"witness_{witness.value}" for witness in Witness),
        *(f"event_{kind.value}" for kind in IncidentEventKind),
    ]
    assert [key for key in wanted if not english.TEXTS.get(key)] == []
    same = {key for key, text in english.TEXTS.items() if text == french.TEXTS[key]}
    assert same <= {"incident", "cause"}
    for text in french.TEXTS.values():
        assert not re.search(r" [;:!?]", text), text
        assert "'" not in text, text


def test_three_files_are_written_for_their_owner_only(tmp_path: Path) -> None:
    paths = write_incident_report(make_report(), tmp_path / "reports", "fr")
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert names == [f"{ID}.html", f"{ID}.json", f"{ID}.md"]
    for path in (paths.json, paths.markdown, paths.html):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert 'lang="fr"' in paths.html.read_text()


@pytest.mark.parametrize("name", ["../x", "", "/etc/x", "a/b", "i\x00", ".hidden", "i" * 300])
def test_an_id_is_never_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleveError, match="cannot be named"):
        write_incident_report(
            make_report(make_incident(incident_id=name)), tmp_path / "reports", "en"
        )
    assert not (tmp_path / "reports").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReleveError) as caught:
        write_incident_report(make_report(), tmp_path / "file", "en")
    assert "--report" in caught.value.remedy


def test_language_that_is_not_there_is_named() -> None:
    with pytest.raises(PlanError, match="de"):
        incident_wording("de")


def test_markdown_is_markdown() -> None:
    kinds = [
        token.type
        for token in MarkdownIt().enable("table").parse(render_markdown(make_report(), "en"))
    ]
    assert kinds.count("table_open") >= 6
    assert kinds.count("heading_open") >= 7


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    incident = make_incident(
        confirmed_at=SEEN - timedelta(seconds=5), cleared_at=SEEN - timedelta(seconds=1)
    )
    report = make_report(incident)
    assert report.detection.confirmed_after_seconds == 0.0
    assert report.times.lasted_seconds == 0.0
