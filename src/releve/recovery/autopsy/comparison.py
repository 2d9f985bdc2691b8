"""Did we get everything back? The dead disk held against the new host: pure."""

from dataclasses import dataclass

from releve.drift.examine import Comparison, Step, take_steps
from releve.model.finding import DeviationStatus


@dataclass
class Recount:
    """Each fact of the dead disk is counted once; what only the new host has, apart."""

    facts: int = 0  # on the dead disk
    came_back: int = 0  # on the new host, and the same
    noise: int = 0  # differs by itself between machines that should be equal
    changed: int = 0  # there, and otherwise
    missing: int = 0  # not there
    unknown: int = 0  # one side could not tell
    only_new: int = 0


def count_facts(comparison: Comparison) -> Recount:
    recount = Recount()
    for step in take_steps(comparison):
        recount.facts += step.ours is not None
        _count(recount, step)
    return recount


def _count(recount: Recount, step: Step) -> None:
    if step.deviation is None:
        if step.ours is not None and step.hidden:
            recount.noise += 1
        elif step.ours is not None:
            recount.came_back += 1
    elif step.deviation.status is DeviationStatus.NOT_CHECKED:
        recount.unknown += step.ours is not None
    elif step.deviation.status is DeviationStatus.MODIFIED:
        recount.changed += 1
    elif step.deviation.status is DeviationStatus.EXTRA:
        recount.missing += 1
    else:
        recount.only_new += 1
