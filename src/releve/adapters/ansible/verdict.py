"""Whether a converge succeeded: judged on the stats of exactly the target host."""

from dataclasses import dataclass

from releve.model.converge import HostStats


@dataclass(frozen=True)
class Outcome:
    """What is known when the Ansible process has ended, however it ended."""

    exit_code: int
    stats: tuple[HostStats, ...] = ()
    has_stats: bool = False  # the recap was reached
    interruption: str = ""  # why we ended it: a prompt, the deadline, a person's stop
    lost: str = ""  # why it ended without us and without a recap
    unreachable_hosts: tuple[
        str, ...
    ] = ()  # that did not answer a task, even where the playbook ignores it
    ignored_tasks: tuple[str, ...] = ()
    failed_task: str = ""
    failure: str = ""  # the failed task's message, or the end of Ansible's own output
    fault_of_mitogen: bool = False


@dataclass(frozen=True)
class Verdict:
    succeeded: bool
    reason: str


def judge(outcome: Outcome, *, target: str) -> Verdict:
    """The exit code is named, never trusted: it is 0 where no host matched."""
    if refusal := _refusal(outcome, target):
        return Verdict(succeeded=False, reason=refusal)
    mine = next(stats for stats in outcome.stats if stats.host == target)
    reason = f"{target}: {mine.ok} tasks ok, {mine.changed} changed, none failed"
    if mine.rescued:
        reason += f", {mine.rescued} rescued"
    if mine.ignored:
        reason += f"; errors ignored by the playbook: {_listed(outcome.ignored_tasks)}"
    others = sorted(set(outcome.unreachable_hosts) - {target})
    if others:
        reason += f"; not reached, ignored by the playbook: {_listed(others)}"
    return Verdict(succeeded=True, reason=reason)


def deserves_second_run(outcome: Outcome, *, target: str) -> str:
    """Why one more full run may help (playbooks are idempotent), or empty."""
    if outcome.interruption:
        return ""
    if outcome.lost:
        return outcome.lost
    for stats in outcome.stats:
        if stats.host == target and stats.unreachable and stats.ok:
            return f"{target} went away in the middle of the playbook"
    return ""


def _refusal(outcome: Outcome, target: str) -> str:
    ended = outcome.interruption or outcome.lost
    if ended or not outcome.has_stats:
        before_recap = f"Ansible ended before its recap with exit code {outcome.exit_code}"
        return ended or before_recap + _because(outcome.failure)
    by_host = {stats.host: stats for stats in outcome.stats}
    if target not in by_host:
        return f"no play matched {target} (exit code {outcome.exit_code})"
    refusals = (_refusal_of(stats, outcome) for stats in (by_host[target], *outcome.stats))
    return next(filter(None, refusals), "") or _emptiness(by_host[target], outcome)


def _emptiness(mine: HostStats, outcome: Outcome) -> str:
    if mine.host in outcome.unreachable_hosts:
        return f"{mine.host} did not answer a task, and ignore_unreachable hid it"
    return "" if mine.ok else f"no task ran on {mine.host}: every one was skipped"


def _refusal_of(stats: HostStats, outcome: Outcome) -> str:
    if stats.unreachable:
        return f"{stats.host} could not be reached" + _because(outcome.failure)
    if stats.failed:
        task = f" in “{outcome.failed_task}”" if outcome.failed_task else ""
        return f"{stats.failed} task failed on {stats.host}{task}" + _because(outcome.failure)
    return ""


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _listed(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:5]) or "unnamed"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
