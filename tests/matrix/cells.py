"""The cells of the fault matrix that this suite covers, and what each step is to the provider."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.recovery.catalogue import RECOVER


@dataclass(frozen=True)
class Cell:
    name: str  # S08-F03
    row: str  # S08
    fault: str  # F03
    expected: str  # RESUME, ADOPT, WAIT, HALT, CRASH-ONLY…

    @property
    def subject(self) -> "Subject":
        return SUBJECTS[self.row]


@dataclass(frozen=True)
class Subject:
    """One step, and the provider calls by which it acts and looks; empty: it has none."""

    step: str
    act: str = ""
    look: str = ""

    @property
    def only_looks(self) -> bool:
        return not self.act and self.step not in ACTS_BESIDE_THE_PROVIDER


ACTS_BESIDE_THE_PROVIDER: Final = {
    "confirm",
    "mount_volumes",
    "converge",
    "verify",
    "verify_outside",
}
SUBJECTS: Final = {
    "S01": Subject("confirm"),
    "S02": Subject("gates"),
    "S03": Subject("preconditions", look="get_image"),
    "S04": Subject("mark", act="label_instance", look="get_instance"),
    "S05": Subject("snapshot_volumes", act="snapshot_volume", look="find_snapshots"),
    "S06": Subject("fence", act="stop_instance", look="get_instance"),
    "S07": Subject("reserve_port", act="create_port", look="find_ports"),
    "S08": Subject("create_instance", act="create_instance", look="find_instances"),
    "S09": Subject("await_instance", look="get_instance"),
    "S10": Subject("await_access"),
    "S11": Subject("detach_volumes", act="detach_volume", look="get_volume"),
    "S12": Subject("await_volumes", look="get_volume"),
    "S13": Subject("attach_volumes", act="attach_volume", look="get_volume"),
    "S14": Subject("mount_volumes"),
    "S15": Subject("converge"),
    "S16": Subject("verify"),
    "S17": Subject("cut_over", act="move_address", look="get_address"),
    "S18": Subject("verify_outside"),
    "S19": Subject("quarantine", act="label_instance", look="get_instance"),
    "S20": Subject("close"),
}


def read_cells(*faults: str) -> list[Cell]:
    """The cells of these columns, in the order of the matrix."""
    return [cell for cell in _all_cells() if cell.fault in faults]


def _all_cells() -> Iterator[Cell]:
    with (Path(__file__).parent / "cells.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            expected = row["expected"].split(":")[0].split()[0]
            yield Cell(row["cell"], row["step"], row["fault"], expected)


def steps_of_row(row: str) -> set[str]:
    """The steps that say of themselves that they are this row of the matrix."""
    return {step.name for step in RECOVER if step.cell == row}
