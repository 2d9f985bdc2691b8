"""Whatever a host, a monitor or a person said is shown as text, in every form of the report."""

import json
import re
from dataclasses import replace

import pytest

from releve.model.incident import IncidentState
from releve.model.server_text import show_server_text
from releve.model.verdict import Testimony, Witness
from releve.watch.report.as_html import render_html
from releve.watch.report.as_json import render_json
from releve.watch.report.as_markdown import render_markdown
from releve.watch.report.types import IncidentReport
from tests.browser import (
    NEEDS_BROWSER,
    Site,
    asked_by_page,
    console_lines,
    measure_page,
    open_page,
    site,
)
from tests.report.hostile_run import hostile_report
from tests.report.payloads import PAYLOADS
from tests.report.test_hostile_text import NAMES, OURS, Reader, structure_of
from tests.report.test_page_in_browser import body_of
from tests.watch.sample_incident import VERDICT, Kind, happened, make_incident, make_report

__all__ = ["site"]


def hostile_incident(payload: str) -> IncidentReport:
    verdict = replace(
        VERDICT,
        reason=payload,
        subject=payload,
        testimonies=tuple(Testimony(witness, payload) for witness in Witness),
    )
    incident = make_incident(
        IncidentState.CONFIRMED, host=payload, verdict=verdict, next_action=payload
    )
    data = {"by": payload, "fingerprint": payload, "channel": payload, "expires": payload}
    events = [happened(kind, number, payload, **data) for number, kind in enumerate(Kind)]
    return make_report(incident, events, [hostile_report(payload)])


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_page_holds_only_our_elements_and_shows_the_payload(payload: str) -> None:
    page = render_html(hostile_incident(payload), "fr")
    reader = Reader()
    reader.feed(page)
    assert reader.tags <= OURS
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "href", "style", "action", "srcset", "xlink:href", "formaction"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert len(page) < 400_000
    assert show_server_text(payload[:500], limit=2000).strip()[:60] in reader.said


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_markdown_has_no_structure_but_ours(payload: str) -> None:
    shape = structure_of(render_markdown(hostile_incident("plain"), "en"))
    assert structure_of(render_markdown(hostile_incident(payload), "en")) == shape


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_json_gives_the_payload_back(payload: str) -> None:
    text = render_json(hostile_incident(payload))
    assert text.isascii()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    assert json.loads(text)["incident"]["reason"] == payload[:2000]


class TestInBrowser:
    pytestmark = NEEDS_BROWSER

    def test_nothing_in_a_hostile_report_acts(
        self, site: Site, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        payload = " ".join(p for p in PAYLOADS if len(p) < 200)
        poisoned = [f"{p} {payload}"[:480] for p in PAYLOADS[::5] if len(p) < 200]
        pages = "".join(body_of(render_html(hostile_incident(p), "en")) for p in poisoned)
        whole = render_html(hostile_incident(payload), "fr").replace("</main>", f"{pages}</main>")
        dom, log = open_page(site, whole, profile=tmp_path_factory.mktemp("browser"))
        assert console_lines(log) == []
        assert asked_by_page(site) == []
        assert "alert(1)" in dom
        assert not re.search(r"<(script|img|iframe|base|form|a|button|math)[\s>/]", dom)

    @pytest.mark.parametrize(("language", "width"), [("en", 320), ("fr", 390), ("fr", 1280)])
    def test_page_is_no_wider_than_its_window(
        self, tmp_path_factory: pytest.TempPathFactory, language: str, width: int
    ) -> None:
        directory = tmp_path_factory.mktemp("page")
        measured = measure_page(directory, render_html(make_report(), language), width=width)
        assert measured["window"] == width
        assert measured["page"] <= width
        assert measured["tall"] > 1000
