"""How a plan's hosts are watched, in words for a person; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from releve.model.incident import Pause
from releve.plan.durations import format_duration
from releve.plan.types import Automation, HostPlan, Plan
from releve.plan.watch_rules import count_controls
from releve.watch.pausing import tell_pause

_AUTOMATION: Final = {
    Automation.PROPOSE: "a person starts a recovery",
    Automation.APPROVE: "a recovery starts once a person approves it",
    Automation.AUTO: "a recovery starts by itself",
}


@dataclass(frozen=True)
class HostAccount:
    host: str
    is_watched: bool
    automation: Automation
    text: str  # one sentence


@dataclass(frozen=True)
class WatchAccount:
    hosts: tuple[HostAccount, ...]
    channels: tuple[str, ...]
    takes_alerts: bool  # whether /hooks/alert is open to who has the token
    controls: int  # of the storm guard, that this plan can have
    notes: tuple[str, ...]  # of what is missing, and of pauses


def describe_watch(plan: Plan, hosts: Sequence[str], pauses: Sequence[Pause]) -> WatchAccount:
    """`pauses`: those that hold now."""
    accounts = tuple(_describe_host(name, plan.hosts[name], plan) for name in hosts)
    chosen = {"", *hosts}
    watch = plan.watch
    return WatchAccount(
        hosts=accounts,
        channels=tuple(channel.name for channel in watch.notify),
        takes_alerts=bool(watch.listen and watch.hook_token_file),
        controls=count_controls(plan),
        notes=(
            *_list_lacks(plan, accounts),
            *(tell_pause(pause) for pause in pauses if pause.host in chosen),
        ),
    )


def _describe_host(name: str, host: HostPlan, plan: Plan) -> HostAccount:
    text = f"{name} is not watched"
    if host.watch.enabled:
        every = format_duration(plan.watch.interval)
        means = _AUTOMATION[host.automation]
        text = f"{name} is watched every {every}; automation is {host.automation.value}: {means}"
    return HostAccount(name, host.watch.enabled, host.automation, text)


def _list_lacks(plan: Plan, accounts: Sequence[HostAccount]) -> list[str]:
    if not any(account.is_watched for account in accounts):
        return []
    told = ", ".join(channel.name for channel in plan.watch.notify)
    return [f"told of incidents: {told}" if told else "nobody is told: watch.notify is empty"]
