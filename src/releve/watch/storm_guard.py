"""Many hosts dead at once is the network until shown otherwise; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from releve.watch.signs import count

WINDOW_SECONDS: Final = 600.0
COOL_DOWN_SECONDS: Final = 600.0
GATHERING_SECONDS: Final = 20.0  # another host looks dead: wait and see whether more do
MOST_SHARE: Final = 0.10  # of the fleet, newly dead within the window
CONTROLS_NEEDED: Final = 2
RUNS_AT_ONCE: Final = 1
RUNS_PER_DAY: Final = 3  # of one host, by themselves


@dataclass(frozen=True)
class FleetView:
    """What fresh probes of this process say of all watched hosts."""

    watched: int
    heard: int  # hosts of which a probe has told anything since this process began
    heard_lately: int  # ... within the last half of the cool-down
    looking_dead: Mapping[str, float]  # host to since when it looks dead now, confirmed or not
    confirmed_dead: frozenset[str] = frozenset()  # those of them that are, by two witnesses


@dataclass(frozen=True)
class Controls:
    """Three things that answer when the network does; None: not configured, or not known."""

    provider: bool | None = None
    outside: bool | None = None
    healthy_host: bool | None = None

    @property
    def reachable(self) -> int:
        return sum(control is True for control in (self.provider, self.outside, self.healthy_host))


@dataclass(frozen=True)
class StormGuard:
    died: Mapping[str, float] = field(default_factory=dict)  # confirmed, in the last ten minutes
    storm_since: float | None = None  # None: no storm
    last_over: float = 0.0  # when more than allowed were last seen
    storms: int = 0

    @property
    def is_open(self) -> bool:
        """Open as a circuit breaker is: nothing starts by itself."""
        return self.storm_since is not None


@dataclass(frozen=True)
class Permission:
    allowed: bool
    reason: str


def allowed_dead(watched: int) -> int:
    return max(1, int(watched * MOST_SHARE))


def turn(guard: StormGuard, fleet: FleetView, *, now: float) -> StormGuard:
    """Asked each second; a confirmed death counts for ten minutes, though it be mended by then."""
    confirmed = {host: fleet.looking_dead.get(host, now) for host in fleet.confirmed_dead}
    died = {
        host: since
        for host, since in {**confirmed, **guard.died}.items()
        if now - since < WINDOW_SECONDS
    }
    guard = replace(guard, died=died)
    if is_over(guard, fleet, now=now):
        if guard.is_open:
            return replace(guard, last_over=now)
        return replace(guard, storm_since=now, last_over=now, storms=guard.storms + 1)
    if guard.is_open and may_arm_again(guard, fleet, now=now):
        return replace(guard, storm_since=None, died={})
    return guard


def is_over(guard: StormGuard, fleet: FleetView, *, now: float) -> bool:
    """More newly dead than allowed; in a storm, all that are dead, however long ago they died."""
    dead = len(fleet.looking_dead) if guard.is_open else count_newly_dead(guard, fleet, now=now)
    return dead > allowed_dead(fleet.watched)


def count_newly_dead(guard: StormGuard, fleet: FleetView, *, now: float) -> int:
    """Who only looks dead, and answers again before that is confirmed, is counted no more."""
    looking = {h for h, since in fleet.looking_dead.items() if now - since < WINDOW_SECONDS}
    return len(looking | guard.died.keys())


def may_arm_again(guard: StormGuard, fleet: FleetView, *, now: float) -> bool:
    return now - guard.last_over >= COOL_DOWN_SECONDS and are_enough(fleet.heard_lately, fleet)


def is_gathering(fleet: FleetView, host: str, *, now: float) -> bool:
    """Whether another host began to look dead just now: this may be the start of a storm."""
    return any(
        other != host and now - since < GATHERING_SECONDS
        for other, since in fleet.looking_dead.items()
    )


@dataclass(frozen=True)
class Candidate:
    """The host that a run would be started for."""

    host: str
    runs_under_way: int  # automatic ones, of any host
    runs_lately: int  # automatic ones of this host, in 24 hours


def permit(
    guard: StormGuard,
    fleet: FleetView,
    controls: Controls,
    *,
    candidate: Candidate,
    now: float,
) -> Permission:
    """Whether a run may start by itself now, and why, in one sentence."""
    objections = list_objections(guard, fleet, controls, candidate=candidate, now=now)
    if objection := next(objections, ""):
        return Permission(allowed=False, reason=objection)
    newly = count_newly_dead(guard, fleet, now=now)
    return Permission(
        allowed=True,
        reason=f"{newly} of {count(fleet.watched, 'host')} newly dead,"
        f" {controls.reachable} of 3 controls reachable",
    )


def list_objections(
    guard: StormGuard,
    fleet: FleetView,
    controls: Controls,
    *,
    candidate: Candidate,
    now: float,
) -> Iterator[str]:
    if guard.is_open:
        yield describe_storm(guard, fleet, now=now)
    if not are_enough(fleet.heard, fleet):
        yield f"only {fleet.heard} of {count(fleet.watched, 'host')} probed since this watch began"
    if is_gathering(fleet, candidate.host, now=now):
        yield (
            f"{count(len(fleet.looking_dead), 'host')} look dead, some of them since just now:"
            f" it waits {GATHERING_SECONDS:.0f} s to see whether more do"
        )
    if controls.reachable < CONTROLS_NEEDED:
        yield describe_controls(controls)
    if candidate.runs_under_way >= RUNS_AT_ONCE:
        yield "another run that this watch started is under way"
    if candidate.runs_lately >= RUNS_PER_DAY:
        yield (
            f"{count(candidate.runs_lately, 'run')} of {candidate.host} started by themselves"
            " in the last 24 h"
        )


def describe_storm(guard: StormGuard, fleet: FleetView, *, now: float) -> str:
    if is_over(guard, fleet, now=now):
        allowed = allowed_dead(fleet.watched)
        return (
            f"storm: {len(fleet.looking_dead)} of {count(fleet.watched, 'host')} look dead at once,"
            f" more than {allowed}; the network is suspected first, and nothing starts by itself"
        )
    return (
        f"after a storm, {now - guard.last_over:.0f} s of calm: {COOL_DOWN_SECONDS:.0f} s of it"
        " and fresh probes are needed before anything starts by itself"
    )


def describe_controls(controls: Controls) -> str:
    named = {
        "the provider's API": controls.provider,
        "the host outside": controls.outside,
        "a healthy host": controls.healthy_host,
    }
    words = ", ".join(f"{name} {_say_control(state)}" for name, state in named.items())
    return f"{controls.reachable} of 3 controls reachable, {CONTROLS_NEEDED} needed: {words}"


def _say_control(state: bool | None) -> str:  # noqa: FBT001 - three states of one control
    if state is None:
        return "is not known"
    return "answers" if state else "does not answer"


def are_enough(heard: int, fleet: FleetView) -> bool:
    """All but as many as may be dead; every one of a single host."""
    return heard >= max(1, fleet.watched - allowed_dead(fleet.watched))
