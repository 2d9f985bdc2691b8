"""How long a run may still take, from how long its steps took before; pure."""

from collections.abc import Mapping, Sequence
from statistics import median


def estimate_rest(
    needs: Mapping[str, Sequence[str]],
    *,
    past: Mapping[str, Sequence[float]],
    done: set[str],
    running: Mapping[str, float],
) -> float | None:
    """Seconds along the longest chain of steps still to do; None where nobody can tell.

    `needs`: step to the steps before it, each listed before it is needed. `running`: step to the
    seconds it has run.
    """
    if any(step not in needs for step in running):
        return None
    finish: dict[str, float] = {}
    for step, before in needs.items():
        if step in done:
            finish[step] = 0.0
            continue
        if not past.get(step):
            return None
        start = max((finish.get(need, 0.0) for need in before), default=0.0)
        finish[step] = start + max(0.0, median(past[step]) - running.get(step, 0.0))
    return max(finish.values(), default=0.0)
