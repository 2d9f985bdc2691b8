"""The page in a real browser: nothing runs, nothing is asked for, and it fits a phone."""

import re
from pathlib import Path

import pytest

from releve.recovery.report.as_html import render_html
from releve.recovery.report.build import build_report
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
from tests.report.sample_run import PHASES, events_with_inquest, make_record, make_tasks

pytestmark = NEEDS_BROWSER
__all__ = ["site"]


def test_browser_would_tell_if_something_ran(site: Site, tmp_path: Path) -> None:
    """The same eyes on a page that is not ours: they see the script and the request."""
    page = "<script>document.title='ran';console.log('ran')</script><img src=/asked.png>"
    page += "<img src=http://evil.example/far.png>"
    dom, log = open_page(site, f"<!doctype html><body>{page}", profile=tmp_path)
    assert "<title>ran</title>" in dom
    assert console_lines(log)
    assert sorted(asked_by_page(site)) == ["127.0.0.1/asked.png", "evil.example/far.png"]


def body_of(page: str) -> str:
    return page.partition("<main>")[2].partition("</main>")[0]


def test_nothing_in_a_hostile_report_acts(site: Site, tmp_path: Path) -> None:
    payload = " ".join(p for p in PAYLOADS if len(p) < 200)
    poisoned = [f"{p} {payload}"[:480] for p in PAYLOADS if len(p) < 200]
    pages = "".join(body_of(render_html(hostile_report(p), "en")) for p in poisoned)
    whole = render_html(hostile_report(payload), "fr").replace("</main>", f"{pages}</main>")
    dom, log = open_page(site, whole, profile=tmp_path)
    assert console_lines(log) == []
    assert asked_by_page(site) == []
    assert "alert(1)" in dom
    assert not re.search(r"<(script|img|iframe|base|form|a|button|math)[\s>/]", dom)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_page_is_no_wider_than_its_window(tmp_path: Path, language: str, width: int) -> None:
    """Measured from outside, in a frame: the page itself can run no script."""
    report = build_report(make_record(), events_with_inquest(), make_tasks(), phases=PHASES)
    measured = measure_page(tmp_path, render_html(report, language), width=width)
    assert measured["window"] == width
    assert measured["page"] <= width
    assert measured["tall"] > 1000
