"""When a file system will be full, from how its free space went lately; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from releve.model.reading import MountReading

SAMPLE_SECONDS: Final = 60.0
MOST_SAMPLES: Final = 30
FEWEST_SAMPLES: Final = 10


@dataclass(frozen=True)
class Sample:
    at: float  # monotonic
    free: int
    free_inodes: int


@dataclass(frozen=True)
class Space:
    """Free space of one mount, one sample a minute, oldest first."""

    samples: tuple[Sample, ...] = ()
    seconds_to_full: float | None = None  # None: it does not fill, or that cannot be told yet


def remember_space(
    space: Mapping[str, Space], mounts: Sequence[MountReading], *, at: float
) -> Mapping[str, Space]:
    """The same mapping where no sample is due."""
    due = [
        mount
        for mount in mounts
        if mount.bytes_total and _is_due(space.get(mount.path, Space()), at)
    ]
    if not due:
        return space
    return {**space, **{mount.path: _add(space.get(mount.path), mount, at) for mount in due}}


def _is_due(space: Space, at: float) -> bool:
    return not space.samples or at - space.samples[-1].at >= SAMPLE_SECONDS


def _add(space: Space | None, mount: MountReading, at: float) -> Space:
    earlier = space.samples if space else ()
    sample = Sample(at, mount.bytes_free, mount.inodes_free)
    samples = (*earlier, sample)[-MOST_SAMPLES:]
    return Space(samples, estimate_seconds_to_full(samples, has_inodes=mount.inodes_total > 0))


def estimate_seconds_to_full(samples: Sequence[Sample], *, has_inodes: bool) -> float | None:
    """By the median slope over all pairs (Theil-Sen), which a burst or a clean-up bends little.

    Its later half must fill too: what has ended is not carried on into the future.
    """
    if len(samples) < FEWEST_SAMPLES:
        return None
    kinds = [[(item.at, item.free) for item in samples]]
    if has_inodes:
        kinds.append([(item.at, item.free_inodes) for item in samples])
    found = [seconds for points in kinds if (seconds := _seconds_left(points)) is not None]
    return min(found, default=None)


def _seconds_left(points: Sequence[tuple[float, int]]) -> float | None:
    if points[0][1] <= points[-1][1]:
        return None  # nothing was lost over the whole time
    slope = max(_median_slope(points), _median_slope(points[len(points) // 2 :]))
    return points[-1][1] / -slope if slope < 0 else None


def _median_slope(points: Sequence[tuple[float, int]]) -> float:
    return median(
        (after - before) / (end - begin)
        for (begin, before), (end, after) in combinations(points, 2)
    )
