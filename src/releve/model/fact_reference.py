"""The reference page of facts, written from their shapes."""

from collections.abc import Iterator
from typing import Final

from releve.model.fact_shapes import SHAPES, FactShape
from releve.model.observed import FactKind

_INTRODUCTION: Final = """\
# Facts

<!-- Written by `releve schema --facts > docs/reference/facts.md`; change the shapes instead. -->

A scan reads a machine as facts. Each has a kind, a key that names it, attributes that are compared
one by one, and evidence that is shown and never compared. Facts come in the order of this page.

Every value is text; `yes` and absence stand for a flag. A digest is `sha256:HEX`, or `hmac:HEX`
under a key of this installation where the content could be guessed: no password hash is ever kept.
`=` is the very content that the package brought.

An attribute that could not be read is absent, and a `not_checked` or `exclusion` fact says so: a
blind spot is never counted as in sync. The kinds that need a running system are `not_checked` when
a dead disk is read.

Keys and values are what the machine says of itself, so they are kept encrypted
(`STATE/keys/observed.key`, or the file that `RELEVE_KEY_FILE` names) and shown escaped.

| kind | what it is, and its key | attributes | evidence | read from a dead disk |
|---|---|---|---|---|
"""


def write_fact_reference() -> str:
    return _INTRODUCTION + "".join(_write_row(kind, SHAPES[kind]) for kind in FactKind)


def _write_row(kind: FactKind, shape: FactShape) -> str:
    cells = (
        f"`{kind.value}`",
        shape.says.replace("|", "\\|"),
        ", ".join(_quote(shape.attributes)) or "none",
        ", ".join(_quote(shape.evidence)) or "none",
        "no" if shape.live else "yes",
    )
    return f"| {' | '.join(cells)} |\n"


def _quote(names: tuple[str, ...]) -> Iterator[str]:
    return (f"`{name}`" for name in names)
