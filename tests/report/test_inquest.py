"""What a report says of the autopsy: the answer, the error, and what could not be done."""

import json
from typing import Any

import pytest

from releve.recovery.report.as_html import render_html
from releve.recovery.report.as_json import render_json
from releve.recovery.report.as_markdown import render_markdown
from releve.recovery.report.build import build_report
from releve.recovery.report.types import Act, Outcome, Report
from tests.report.hostile_run import poison
from tests.report.payloads import PAYLOADS
from tests.report.sample_run import (
    DIGEST,
    INQUEST,
    LOST,
    PHASES,
    RUN_ID,
    events_until,
    events_with_inquest,
    make_record,
    make_tasks,
)

WHOLE = dict(next(output for name, _, _, output in INQUEST if name == "autopsy_compare"))


def build(changed: dict[str, dict[str, Any]] | None = None) -> Report:
    record = make_record(ended_after=111.5)
    return build_report(record, events_with_inquest(changed), make_tasks(), phases=PHASES)


def test_the_answer_has_its_denominator_and_names_what_is_lost() -> None:
    report = build()
    assert report.outcome is Outcome.RECOVERED
    assert report.autopsy is not None
    recount = report.autopsy.recount
    assert recount is not None
    parts = ("came_back", "noise", "changed", "missing", "unknown")
    assert sum(getattr(recount, part) for part in parts) == recount.facts == 28_412
    assert [lost.subject for lost in recount.findings] == [subject for _, _, _, subject, _ in LOST]
    for text in (render_html(report, "en"), render_markdown(report, "en").replace("\\", "")):
        assert "179 facts of the dead disk did not come back and 8 came back otherwise" in text
        assert "28,412" in text
        assert f"releve salvage {RUN_ID} /srv/old-uploads" in text
        assert f"releve salvage {RUN_ID} /etc/php/8.2/fpm/php.ini" in text
        assert "imagemagick" in text


def test_data_at_risk_stands_first_and_asks_for_an_act() -> None:
    acts = build().acts
    assert acts[:2] == (Act.SAVE_DATA, Act.CODIFY)
    page = render_html(build(), "fr")
    assert page.index("à sauver") < page.index("Réglages") < page.index("Déroulement")


def test_the_first_error_is_told_with_time_function_line_and_block() -> None:
    text = render_markdown(build(), "en").replace("\\", "").replace("\u00a0", " ")
    assert (
        "First error: 22 November 2026, 17:51:02 UTC: EIO in ext4_find_entry, line 1455,"
        " block 8,123,456, inode 131" in text
    )
    assert f"Its bytes are unchanged: sha256 {DIGEST}, before and after." in text
    assert "Remounting filesystem read-only" in text
    assert "mariadb.service: InnoDB: Error number 30" in text
    assert "61 units were running and 1 had failed" in text


def test_nothing_lost_is_said_as_plainly() -> None:
    whole = WHOLE | {"changed": 0, "missing": 0, "finding_count": 0, "findings": [], "tiers": {}}
    report = build({"autopsy_compare": whole})
    assert "Yes, as far as it can be told: of 28,412 facts" in render_html(report, "en")
    assert Act.CODIFY not in report.acts


@pytest.mark.parametrize("step", [name for name, *_ in INQUEST])
def test_what_could_not_be_done_is_said_and_the_host_is_back_all_the_same(step: str) -> None:
    report = build({step: {"failed": "the helper went away"}})
    assert report.outcome is Outcome.RECOVERED
    assert Act.REPEAT_AUTOPSY in report.acts
    for language in ("en", "fr"):
        for text in (render_html(report, language), render_markdown(report, language)):
            assert "the helper went away" in text
            assert f"releve autopsy {RUN_ID}" in text


def test_a_checksum_that_is_another_is_never_called_unchanged() -> None:
    for proof in ({"digest": "0" * 64, "why": ""}, {"digest": "", "why": "it has none"}, {}):
        report = build({"autopsy_proof": proof})
        assert report.autopsy is not None
        assert report.autopsy.disk is not None
        assert not report.autopsy.disk.is_proven_unchanged
        assert "are unchanged: sha256" not in render_html(report, "en")


def test_an_autopsy_takes_no_part_of_the_recovery_times() -> None:
    with_inquest = build().timing
    without = build_report(make_record(), events_until(), make_tasks(), phases=PHASES).timing
    assert with_inquest.back_after_seconds == without.back_after_seconds
    assert with_inquest.objective == without.objective
    assert with_inquest.own_seconds == pytest.approx(without.own_seconds, abs=0.5)


def test_a_later_autopsy_of_its_own_run_takes_the_place_of_the_first() -> None:
    failed = events_with_inquest({"autopsy_compare": {"failed": "no helper"}})
    later = ("laterrun", events_with_inquest())
    report = build_report(make_record(), failed, (), phases=PHASES, inquest=later)
    assert report.autopsy is not None
    assert (report.autopsy.run_id, report.autopsy.not_done) == ("laterrun", ())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_of_a_dead_disk_is_only_shown(payload: str) -> None:
    poisoned = {name: poison(output, payload) for name, _, _, output in INQUEST}
    report = build(poisoned)
    assert json.loads(render_json(report))["autopsy"]
    page = render_html(report, "en")
    assert not any(tag in page.lower() for tag in ("<script", "<img", "<iframe", "<a href"))
    assert "\x1b" not in page
    assert "\x1b" not in render_markdown(report, "en")


@pytest.mark.parametrize(
    "output", [{}, {"findings": "x"}, {"facts": float("inf"), "tiers": 3}, {"findings": [1, {}]}]
)
def test_what_another_version_left_does_not_break_the_report(output: dict[str, Any]) -> None:
    names = [name for name, *_ in INQUEST]
    for language in ("en", "fr"):
        assert render_html(build(dict.fromkeys(names, output)), language).endswith("</html>")
