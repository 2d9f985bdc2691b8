"""No cell of the fault matrix is left without a test that bears its name."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator

import tests.matrix
from releve.recovery.catalogue import RECOVER
from tests.matrix.cells import SUBJECTS, Cell, read_cells, steps_of_row

COLUMNS = [f"F{number:02}" for number in range(1, 29)]


def cells_under_test() -> Iterator[str]:
    for module in pkgutil.iter_modules(tests.matrix.__path__):
        if not module.name.startswith("test_"):
            continue
        for thing in vars(importlib.import_module(f"tests.matrix.{module.name}")).values():
            for mark in getattr(thing, "pytestmark", ()):
                if mark.name == "parametrize" and "cell" in mark.args[0]:
                    yield from names_in(mark.args[1])


def names_in(values: list[object]) -> Iterator[str]:
    for value in values:
        parts = getattr(value, "values", (value,))
        yield from (part.name for part in parts if isinstance(part, Cell))


def test_every_cell_has_a_test() -> None:
    wanted = {cell.name for cell in read_cells(*COLUMNS)}
    assert len(wanted) == 317
    assert wanted == set(cells_under_test())


def test_every_row_is_the_step_that_says_so() -> None:
    for row, subject in SUBJECTS.items():
        assert subject.step in steps_of_row(row)
    rows = Counter(step.cell for step in RECOVER)
    assert set(rows) == set(SUBJECTS)
