"""Joins the collector's modules into one text that any Python from 3.6 on runs from its stdin."""

import base64
import hashlib
import importlib.resources
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

_PACKAGE: Final = "releve.scan.collector"
_IMPORT: Final = re.compile(rf"^from {re.escape(_PACKAGE)}\.(\w+) import ", re.MULTILINE)
_COLLECT: Final = re.compile(r"^def collect\(system\):", re.MULTILINE)
_KINDS: Final = re.compile(r"^KINDS = ", re.MULTILINE)
_LITERAL_COLUMNS: Final = 60_000  # one giant line is slow to read for old Pythons

# The bytes of stdin are the program: it is compiled as a whole before it runs.
_LOADER: Final = """
import os, sys
sys.dont_write_bytecode = True

def load(sources):
    for name, text in sources:
        module = sys.modules[name] = type(sys)(name)
        exec(compile(text, "<" + name + ">", "exec"), module.__dict__)

load(SOURCES)
collectors = {name: sys.modules[PACKAGE + "." + name] for name in COLLECTORS}
sys.modules[PACKAGE + "." + MAIN].main(REQUEST, collectors)
os._exit(0)  # threads still wait; ending them would load a library, in a dead root
"""


def build_program(request: Mapping[str, Any], *, main: str = "main") -> bytes:
    """Python text in ASCII; `request` stands in it, so that no argument shows it to others."""
    encoded = base64.b64encode(json.dumps(request).encode("ascii")).decode("ascii")
    pieces = range(0, len(encoded), _LITERAL_COLUMNS)
    literal = "\n".join(encoded[start : start + _LITERAL_COLUMNS] for start in pieces)
    return f'REQUEST = """{literal}"""\n{_sources_for(main)}{_LOADER}'.encode("ascii")


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
    order: list[str] = []
    for name in (*collectors, main):
        _add_with_needs(name, order)
    sources = [(f"{_PACKAGE}.{name}", read_sources()[name]) for name in order]
    return (
        f"PACKAGE = {_PACKAGE!r}\nMAIN = {main!r}\nCOLLECTORS = {collectors!r}\n"
        f"SOURCES = {sources!a}\n"
    )


def _add_with_needs(name: str, order: list[str]) -> None:
    if name in order:
        return
    for needed in _IMPORT.findall(read_sources()[name]):
        _add_with_needs(needed, order)
    order.append(name)
