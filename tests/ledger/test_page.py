"""The page of a ledger: complete, bounded, and without a scrap of what a host said acting."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from releve.model.finding import Ledger
from releve.model.observed import Fact, FactKind
from releve.recovery.ledger.as_html import render_html
from tests.browser import (
    NEEDS_BROWSER,
    Site,
    asked_by_page,
    console_lines,
    measure_page,
    open_page,
    site,
)
from tests.ledger.sample_ledger import differ, make_ledger, node
from tests.report.payloads import PAYLOADS

__all__ = ["site"]

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer"),
    *("h1", "h2", "h3", "p", "b", "span", "br", "code", "ul", "ol", "li", "dl", "dt", "dd", "div"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    *("svg", "rect", "text"),
}


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def poison(payload: str) -> Ledger:
    """Everything that a host can say is the payload."""
    ledger = make_ledger()
    fact = Fact(FactKind.FILE, payload, {"owner": payload, "why": payload}, {"mtime": payload})
    deviations = (differ(fact), differ(fact, replace(fact, attributes={"owner": payload * 2})))
    findings = tuple(
        replace(
            one,
            finding=replace(one.finding, title=payload, subject=payload, deviations=deviations),
            decision=replace(one.decision, reason=payload, who=payload) if one.decision else None,
        )
        for one in ledger.findings
    )
    inner = node(payload, node(payload, base=400, unexplained=2), base=30)
    tree = replace(node(payload, inner, base=30), because={payload: 7})
    return replace(
        ledger,
        tree=tree,
        findings=findings,
        blind_spots=(fact,),
        masked=deviations,
        volumes={payload: payload},
        commit=payload,
        live=payload,
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_hostile_becomes_an_element(language: str) -> None:
    for payload in PAYLOADS:
        page = render_html(poison(payload), language)
        elements = Elements(page)
        assert elements.tags <= TAGS, payload
        assert not {name for name in elements.attributes if name.startswith("on")}, payload
        assert not {"href", "src", "action", "style", "srcdoc"} & elements.attributes, payload
        assert len(page) < 1_000_000


def test_the_page_says_it_all() -> None:
    ledger = make_ledger()
    page = render_html(ledger, "en")
    for one in ledger.findings:
        assert one.finding.title in page
    for text in (
        "31 of the 28,412 facts of blog are explained by nothing.",
        "28,379 <span",
        "99.9 %",
        "no login as postgres",
        "other-file-system",
        "roles/shop/tasks/main.yml:14",
        "the agency renews it itself",
        "Show the 40 hidden differences",
        "drill-19c2-twin",
        "As the host was on 25\u00a0November 2026, 06:12:40",
        "24\u00a0November 2026, 02:30:00",
        "blog-data/data",
    ):
        assert text in page, text
    assert page.index("Data at risk") < page.index("Where the facts lie")


def test_a_ledger_with_nothing_to_say_says_so() -> None:
    clean = replace(
        make_ledger(),
        tree=node("blog", base=12),
        findings=(),
        blind_spots=(),
        masked=(),
        volumes={},
    )
    page = render_html(clean, "en")
    for text in (
        "Every one of the 12 facts of blog is explained.",
        "All explained",
        "Nothing differs that is not explained.",
        "Nothing is hidden.",
        "100.0 %",
    ):
        assert text in page, text
    assert 'class="alarm"' not in page


def test_many_findings_and_much_noise_stay_bounded() -> None:
    ledger = make_ledger()
    one = ledger.findings[0]
    long = replace(one.finding, deviations=one.finding.deviations * 1_000)
    many = tuple(
        replace(one, finding=replace(long, fingerprint=f"{number:012x}")) for number in range(3_000)
    )
    page = render_html(
        replace(
            ledger, findings=many, masked=ledger.masked * 250, blind_spots=ledger.blind_spots * 900
        ),
        "en",
    )
    assert len(page) < 4_000_000
    assert "and 1,600 more" in page


def test_only_our_own_style_is_allowed() -> None:
    page = render_html(make_ledger(), "en")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "<script" not in page


class TestInBrowser:
    pytestmark = NEEDS_BROWSER

    def test_nothing_in_a_hostile_ledger_acts(self, site: Site, tmp_path: Path) -> None:
        payload = " ".join(p for p in PAYLOADS if len(p) < 200)
        poisoned = [f"{p} {payload}"[:480] for p in PAYLOADS if len(p) < 200]
        bodies = "".join(
            render_html(poison(p), "en").partition("<main>")[2].partition("</main>")[0]
            for p in poisoned[:20]
        )
        whole = render_html(poison(payload), "fr").replace("</main>", f"{bodies}</main>")
        dom, log = open_page(site, whole, profile=tmp_path)
        assert console_lines(log) == []
        assert asked_by_page(site) == []
        assert "alert(1)" in dom
        assert not re.search(r"<(script|img|iframe|base|form|a|button|math)[\s>/]", dom)

    @pytest.mark.parametrize(("language", "width"), [("fr", 320), ("en", 390), ("fr", 1280)])
    def test_page_is_no_wider_than_its_window(
        self, tmp_path: Path, language: str, width: int
    ) -> None:
        measured = measure_page(tmp_path, render_html(make_ledger(), language), width=width)
        assert measured["window"] == width
        assert measured["page"] <= width
        assert measured["tall"] > 1000
