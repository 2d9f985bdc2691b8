"""What the plan says of watching one host, in the units that judging counts in."""

from dataclasses import dataclass

from releve.plan.types import HostPlan
from releve.plan.watch_types import WatchPlan


@dataclass(frozen=True)
class WatchRules:
    interval: float  # all in seconds
    dwell: float
    unreachable_after: float
    check_interval: float
    read_only: frozenset[str] = frozenset()  # mount points meant to be so
    ignore_units: frozenset[str] = frozenset()


def rules_for(watch: WatchPlan, host: HostPlan) -> WatchRules:
    return WatchRules(
        interval=watch.interval.total_seconds(),
        dwell=watch.dwell.total_seconds(),
        unreachable_after=watch.unreachable_after.total_seconds(),
        check_interval=watch.check_interval.total_seconds(),
        read_only=frozenset(host.watch.read_only),
        ignore_units=frozenset(host.watch.ignore_units),
    )
