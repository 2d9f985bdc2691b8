"""What lasts of the signs: a dwell before they are believed, good rounds before they are over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from releve.model.reading import MountReading
from releve.model.verdict import DEAD, HostState, Verdict
from releve.watch.memory import HostMemory, Moment
from releve.watch.mounts import MUTE
from releve.watch.rules import WatchRules
from releve.watch.signs import Sign, Source

GOOD_ROUNDS: Final = 2  # in a row, before a sign is over
ATTENTION_SECONDS: Final = 60.0  # a sign that wants attention is believed after this


@dataclass(frozen=True)
class Standing:
    """One sign, from when it was first seen until good rounds end it."""

    sign: Sign
    first_at: float  # monotonic
    first_wall: datetime
    first_rounds: int
    inside_rounds: int  # counted when it was last seen
    outside_rounds: int
    doubly_at: float | None = None  # since when two witnesses say so without a break
    doubly_rounds: int = 0
    confirmed: bool = False

    def as_verdict(self) -> Verdict:
        return self.sign.as_verdict(since=self.first_wall, confirmed=self.confirmed)


Standings = Mapping[str, Standing]  # by topic


def update_standings(
    standings: Standings,
    signs: Sequence[Sign],
    memory: HostMemory,
    *,
    rules: WatchRules,
    moment: Moment,
) -> Standings:
    """Signs of death stay alone: while one stands, nothing else begins or ends."""
    if not standings and not signs:
        return standings
    dead = standings.get(DEAD)
    if dead is not None and not any(sign.is_dead for sign in signs):
        if is_muted(dead, memory):
            dead = mark_seen(dead, memory)
        is_over = is_proven_over(dead, memory)  # then all else is looked at anew, next time
        return {**({} if is_over else {DEAD: dead}), **freeze(standings, memory)}
    seen = {
        sign.topic: see(standings.get(sign.topic), sign, memory, rules=rules, moment=moment)
        for sign in signs
    }
    if DEAD in seen:
        return {**seen, **freeze(standings, memory)}
    return {**seen, **keep_unproven(standings, memory, seen=seen)}


def freeze(standings: Standings, memory: HostMemory) -> Standings:
    """All but death as they are; rounds of a dead host show nothing of them."""
    return {
        topic: mark_seen(standing, memory) for topic, standing in standings.items() if topic != DEAD
    }


def keep_unproven(standings: Standings, memory: HostMemory, *, seen: Collection[str]) -> Standings:
    return {
        topic: standing
        for topic, standing in standings.items()
        if topic not in seen and not is_proven_over(standing, memory)
    }


def see(
    standing: Standing | None,
    sign: Sign,
    memory: HostMemory,
    *,
    rules: WatchRules,
    moment: Moment,
) -> Standing:
    standing = mark_seen(standing, memory) if standing else begin(sign, memory, moment)
    if not sign.is_doubly_seen:
        standing = replace(standing, sign=sign, doubly_at=None)
    elif standing.doubly_at is None:
        standing = replace(
            standing, sign=sign, doubly_at=moment.monotonic, doubly_rounds=memory.rounds
        )
    else:
        standing = replace(standing, sign=sign)
    confirmed = standing.confirmed or is_believed(standing, memory, rules=rules, now=moment)
    return replace(standing, confirmed=confirmed)


def begin(sign: Sign, memory: HostMemory, moment: Moment) -> Standing:
    return Standing(
        sign=sign,
        first_at=moment.monotonic,
        first_wall=moment.wall,
        first_rounds=memory.rounds,
        inside_rounds=memory.inside_rounds,
        outside_rounds=memory.outside_rounds,
    )


def mark_seen(standing: Standing, memory: HostMemory) -> Standing:
    return replace(
        standing, inside_rounds=memory.inside_rounds, outside_rounds=memory.outside_rounds
    )


def is_believed(standing: Standing, memory: HostMemory, *, rules: WatchRules, now: Moment) -> bool:
    """Death: two witnesses for the dwell time, over a round at least; attention: that it lasts."""
    if standing.sign.is_dead:
        return (
            standing.doubly_at is not None
            and now.monotonic - standing.doubly_at >= rules.dwell
            and memory.rounds > standing.doubly_rounds
        )
    lasted = now.monotonic - standing.first_at >= ATTENTION_SECONDS
    return lasted and memory.rounds > standing.first_rounds


def is_muted(standing: Standing, memory: HostMemory) -> bool:
    """A crash that the last round could neither see nor rule out."""
    if standing.sign.state is not HostState.CRASHED or memory.inside is None:
        return False
    mount = find_mount(memory.inside.mounts, standing.sign.subject)
    return mount is not None and mount.write in MUTE


def find_mount(mounts: Sequence[MountReading], path: str) -> MountReading | None:
    return next((mount for mount in mounts if mount.path == path), None)


def is_proven_over(standing: Standing, memory: HostMemory) -> bool:
    """By fresh rounds of the side that saw it, one after the other."""
    inside = memory.inside_rounds - standing.inside_rounds >= GOOD_ROUNDS
    outside = memory.outside_rounds - standing.outside_rounds >= GOOD_ROUNDS
    is_well_inside = inside and memory.lost is None
    match standing.sign.source:
        case Source.INSIDE:
            return is_well_inside
        case Source.OUTSIDE:
            return outside
        case Source.EITHER:
            return is_well_inside or outside
