"""The collector as one text that any Python from 3.6 on runs from its stdin."""

import base64
import hashlib
import importlib.resources
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from releve.scan.joining import join_modules

_PACKAGE: Final = "releve.scan.collector"
_COLLECT: Final = re.compile(r"^def collect\(system\):", re.MULTILINE)
_KINDS: Final = re.compile(r"^KINDS = ", re.MULTILINE)
_LITERAL_COLUMNS: Final = 60_000  # one giant line is slow to read for old Pythons

_START: Final = """
def load_collectors():
    return {name: load(PACKAGE + "." + name) for name in COLLECTORS}

load(PACKAGE + "." + MAIN).main(REQUEST, load_collectors)
os._exit(0)  # threads still wait; ending them would load a library, in a dead root
"""


def build_program(request: Mapping[str, Any], *, main: str = "main") -> bytes:
    """Python text in ASCII; `request` stands in it, so that no argument shows it to others."""
    encoded = base64.b64encode(json.dumps(request).encode("ascii")).decode("ascii")
    pieces = range(0, len(encoded), _LITERAL_COLUMNS)
    literal = "\n".join(encoded[start : start + _LITERAL_COLUMNS] for start in pieces)
    return f'REQUEST = """{literal}"""\n{_sources_for(main)}{_START}'.encode("ascii")


@cache
def edition() -> str:
    """Changes with every change of the collector: then earlier answers are not comparable."""
    return hashlib.sha256("\0".join(read_sources().values()).encode()).hexdigest()


@cache
def read_sources() -> Mapping[str, str]:
    folder = importlib.resources.files(_PACKAGE)
    return {
        entry.name.removesuffix(".py"): entry.read_text("utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".py") and entry.name != "__init__.py"
    }


def list_collectors() -> tuple[str, ...]:
    """Modules that yield facts; the walk, which says lines of its own, is not one of them."""
    return tuple(
        name
        for name, text in read_sources().items()
        if _COLLECT.search(text) and _KINDS.search(text)
    )


@cache
def _sources_for(main: str) -> str:
    collectors = list_collectors() if main == "main" else ()
    names = [f"{_PACKAGE}.{name}" for name in (main, *collectors)]
    return (
        f"PACKAGE = {_PACKAGE!r}\nMAIN = {main!r}\nCOLLECTORS = {collectors!r}\n"
        f"{join_modules(names)}"
    )
