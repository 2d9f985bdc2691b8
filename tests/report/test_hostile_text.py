"""Whatever an instance said is shown as text, in every form of the report (T3, T4, T17)."""

import html
import json
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from releve.model.run import RunState
from releve.model.server_text import show_server_text
from releve.recovery.report.as_html import render_html
from releve.recovery.report.as_json import render_json
from releve.recovery.report.as_markdown import render_markdown
from releve.recovery.report.markdown_text import write_text
from tests.report.hostile_run import hostile_report
from tests.report.payloads import PAYLOADS

NAMES = [show_server_text(payload, limit=24) for payload in PAYLOADS]
OURS = frozenset(
    {
        *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer"),
        *("p", "b", "span", "br", "h1", "h2", "h3", "dl", "div", "dt", "dd", "figure"),
        *("figcaption", "svg", "rect", "line", "text", "ol", "ul", "li", "code", "strong"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
)


class Reader(HTMLParser):
    """What a browser would see: tags, attributes, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
@pytest.mark.parametrize("state", [RunState.NEEDS_PERSON, RunState.DONE])
def test_page_holds_only_our_elements(payload: str, state: RunState) -> None:
    page = render_html(hostile_report(payload, state=state), "en")
    reader = Reader()
    reader.feed(page)
    assert reader.tags <= OURS
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "href", "style", "action", "srcset", "xlink:href", "formaction"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert len(page) < 300_000


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_page_shows_the_payload_itself(payload: str) -> None:
    reader = Reader()
    reader.feed(render_html(hostile_report(payload), "fr"))
    assert show_server_text(payload[:500], limit=2000).strip()[:60] in reader.said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_forbids_all_but_its_own_style(language: str) -> None:
    page = render_html(hostile_report("x"), language)
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def without_table_plugin() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_markdown_has_no_structure_but_ours(payload: str) -> None:
    shape = structure_of(render_markdown(hostile_report("plain"), "en"))
    assert structure_of(render_markdown(hostile_report(payload), "en")) == shape


def structure_of(text: str) -> list[str]:
    """Every block and inline element that a parser sees, texts left out."""
    seen = []
    for token in without_table_plugin().parse(text):
        seen.append(token.type)
        seen += [child.type for child in token.children or () if child.type != "text"]
    return [name for name in seen if name not in {"text_special", "softbreak"}] + [
        name for name in seen if name == "softbreak"
    ]


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_markdown_shows_the_payload_itself(payload: str) -> None:
    shown = show_server_text(payload, limit=500).strip()
    (_, inline, _) = without_table_plugin().parse(f"{write_text(payload)}")
    assert "".join(child.content for child in inline.children or ()) == shown


@pytest.mark.parametrize("payload", PAYLOADS, ids=NAMES)
def test_json_gives_the_payload_back(payload: str) -> None:
    text = render_json(hostile_report(payload))
    assert text.isascii()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    assert json.loads(text)["verdict"] == payload[:500]
