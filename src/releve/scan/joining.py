"""Joins modules into one text that any Python from 3.6 on runs: each after those it imports."""

import importlib.resources
import re
from collections.abc import Iterable
from functools import cache
from typing import Final

_IMPORT: Final = re.compile(r"^from (releve(?:\.\w+)+) import ", re.MULTILINE)

# The bytes of stdin are the program: it is compiled as a whole before it runs.
_LOADER: Final = """
import os, sys
sys.dont_write_bytecode = True

def load(name):
    for each, text in SOURCES:
        if name in sys.modules:
            break
        if each not in sys.modules:
            module = sys.modules[each] = type(sys)(each)
            exec(compile(text, "<" + each + ">", "exec"), module.__dict__)
    return sys.modules[name]
"""


def join_modules(names: Iterable[str]) -> str:
    """Python text in ASCII with `load(name)`: the module, once it and all before it have run."""
    order: list[str] = []
    for name in names:
        _add_with_needs(name, order)
    return f"SOURCES = {[(name, read_module(name)) for name in order]!a}\n{_LOADER}"


@cache
def read_module(name: str) -> str:
    package, _, module = name.rpartition(".")
    return importlib.resources.files(package).joinpath(f"{module}.py").read_text("utf-8")


def _add_with_needs(name: str, order: list[str]) -> None:
    if name in order:
        return
    for needed in _IMPORT.findall(read_module(name)):
        _add_with_needs(needed, order)
    order.append(name)
