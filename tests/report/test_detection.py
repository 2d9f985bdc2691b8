"""A run that answers an incident says when the watch had seen it, in every form."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releve.errors import PlanError
from releve.model.run import RunRecord
from releve.recovery.report.as_html import render_html
from releve.recovery.report.as_json import render_json
from releve.recovery.report.as_markdown import render_markdown
from releve.recovery.report.build import build_report
from releve.recovery.report.types import Report
from releve.watch.belonging import list_runs_of, name_incident
from tests.fakes.incident_store import FakeIncidentStore
from tests.report.sample_run import BEGAN, PHASES, RUN_ID, events_until, make_record, make_tasks
from tests.store.test_incident_contract import incident

INCIDENT_ID = incident().incident_id


def run_with(options: dict[str, Any]) -> RunRecord:
    record = make_record()
    return replace(record, input=replace(record.input, options=options))


def report_of(options: dict[str, Any]) -> Report:
    return build_report(run_with(options), events_until(), make_tasks(), phases=PHASES)


def options_of(seen: float, confirmed: float | None) -> dict[str, Any]:
    store = FakeIncidentStore()
    moment = BEGAN - timedelta(seconds=seen)
    confirmed_at = moment + timedelta(seconds=confirmed) if confirmed is not None else None
    store.save(incident(opened_at=moment, confirmed_at=confirmed_at))
    return dict(name_incident("blog", "", store=store))


def test_report_tells_when_it_was_seen() -> None:
    report = report_of(options_of(seen=12.5, confirmed=3.2))
    assert report.detection is not None
    assert report.detection.begun_after_seconds == 12.5
    told = "confirmed after 3.2 s, the recovery began after 12 s".replace(" s", "\u00a0s")
    for page in (render_html(report, "en"), render_markdown(report, "en").replace("\\", "")):
        assert told in page
        assert INCIDENT_ID in page
    assert json.loads(render_json(report))["detection"]["incident_id"] == INCIDENT_ID


def test_one_not_confirmed_yet_is_told_so() -> None:
    page = render_html(report_of(options_of(seen=2.0, confirmed=None)), "fr")
    assert "a constaté le" in page
    assert "confirmé" not in page.partition("<dl")[0]


@pytest.mark.parametrize(
    "options",
    [{}, {"incident": INCIDENT_ID}, {"incident": INCIDENT_ID, "detection": {"opened_at": "soon"}}],
    ids=["nobody watched", "no times", "no time"],
)
def test_nothing_is_told_where_nothing_is_known(options: dict[str, Any]) -> None:
    report = report_of(options)
    assert report.detection is None
    assert INCIDENT_ID not in render_html(report, "en")


def test_a_clock_that_is_behind_makes_no_negative_time() -> None:
    report = report_of(options_of(seen=-60.0, confirmed=-5.0))
    assert report.detection is not None
    assert report.detection.begun_after_seconds == 0.0
    assert report.detection.confirmed_after_seconds == 0.0


def test_an_incident_of_another_host_is_refused() -> None:
    store = FakeIncidentStore()
    store.save(incident())
    with pytest.raises(PlanError, match="is not of shop"):
        name_incident("shop", INCIDENT_ID, store=store)
    assert name_incident("shop", "", store=store) == {}


def test_runs_of_an_incident_are_found_from_both_sides(tmp_path: Path) -> None:
    from releve.adapters.store import open_store  # noqa: PLC0415 - the one test that needs it

    journal, _ = open_store(tmp_path)
    for number, options in enumerate([{}, {"incident": INCIDENT_ID}, {}]):
        run = replace(
            make_record().input, run_id=f"{RUN_ID[:-1]}{number}", epoch=number, host="blog"
        )
        journal.open_run(replace(run, options=options))
    by_watch = incident(run_ids=(f"{RUN_ID[:-1]}2",))
    found = [record.input.run_id[-1] for record in list_runs_of(by_watch, journal=journal)]
    assert found == ["1", "2"]
