"""A page that a client can read: nothing runs in it, nothing is fetched by it."""

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from releve.model.server_text import show_server_text

MAX_SHOWN_CHARACTERS = 2000
_REPORT = "releve.recovery.report"  # whose parts other pages may include


@cache
def open_template(package: str) -> Any:
    """The `page.html.j2` of the package; every text is escaped and bounded on its way in."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        loader=FunctionLoader(lambda name: _read_part(package, name)),
    )
    environment.filters["per_cent"] = _write_per_cent
    environment.globals.clear()
    return environment.get_template("page.html.j2")


def style_values(style: str) -> dict[str, object]:
    """What the head of a page needs: our own style, and the policy that allows no other."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "style": Markup(style),  # noqa: S704 - our own file; it holds nothing from a run
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none';"
        " form-action 'none'",
    }


@cache
def read_resource(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _read_part(package: str, name: str) -> str:
    is_shared = name == "timeline.html.j2"
    return read_resource(_REPORT if is_shared else package, name)


def _clean(value: object) -> object:
    """Every text that enters the page passes here, wherever it came from."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return show_server_text(value, limit=MAX_SHOWN_CHARACTERS)


def _write_per_cent(value: float) -> str:
    return f"{value:.3f}%"
