"""All that the watch holds at one moment, for the commands, the metrics and /healthz."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from releve.model.verdict import HostState, Verdict
from releve.plan.types import Automation


@dataclass(frozen=True)
class WatchedHost:
    host: str  # its name in the plan
    verdict: Verdict
    automation: Automation
    reading_age_seconds: float | None = None  # since the last reading from inside; None: none yet
    round_seconds: float = 0.0  # between its last two readings from inside
    is_paused: bool = False  # by a pause of its own or of every host
    incident_ids: tuple[str, ...] = ()  # of those that are not over


@dataclass(frozen=True)
class WatchSnapshot:
    """Made anew at each call, in the watch's own event loop; costs no I/O."""

    hosts: tuple[WatchedHost, ...]  # those of the plan that are watched
    since_turn_seconds: float  # since the watch's loop last went round; grows where it is stuck
    lag_seconds: float = 0.0  # by how much that last round came later than it was due
    storm: str = ""  # why the storm guard lets no run start by itself; empty: it would
    unsaved: int = 0  # changes of incidents that the store has not taken yet
    delivered: Mapping[str, int] = field(default_factory=dict)  # by channel, since the start
    failed: Mapping[str, int] = field(default_factory=dict)  # by channel, since the start

    def count(self, state: HostState) -> int:
        return sum(host.verdict.state is state for host in self.hosts)
