"""Would a recovery of this host succeed now? Decided from what a drill left; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from releve.model.run import EventKind, JournalEvent, Output, Phase
from releve.model.server_text import show_server_text
from releve.plan.durations import format_duration
from releve.plan.types import DrillVolumes, HostPlan

STALE_AFTER = timedelta(days=31)
MEASURED: Final[Mapping[Phase, frozenset[str]]] = {  # the steps that a recovery has too
    Phase.CREATE: frozenset({"create_instance", "await_instance", "await_access"}),
    Phase.MOVE: frozenset({"attach_volumes", "mount_volumes"}),
    Phase.CONVERGE: frozenset({"converge"}),
    Phase.VERIFY: frozenset({"verify"}),
}
MOST_TASKS = 10


class Readiness(StrEnum):
    READY = "ready"
    NOT_READY = "not ready"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    readiness: Readiness
    reasons: tuple[str, ...]  # of this verdict; the first one is the main one
    notes: tuple[str, ...] = ()  # worth knowing, and no obstacle
    seconds: Mapping[str, float] = field(default_factory=dict)  # phase to what it took
    image: str = ""  # the image left, by name

    def as_output(self) -> dict[str, Any]:
        return {
            "readiness": self.readiness.value,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "seconds": dict(self.seconds),
            "image": self.image,
        }


@dataclass(frozen=True)
class Trace:
    """What a drill left in its journal."""

    outputs: Mapping[str, Output]  # of the steps that are done
    seconds: Mapping[str, tuple[float, float]]  # step to begin and end, since the drill began
    halted: str = ""  # why a step stopped the drill
    cancelled: bool = False


def read_trace(events: Sequence[JournalEvent], *, cancelled: bool) -> Trace:
    outputs: dict[str, Output] = {}
    seconds: dict[str, tuple[float, float]] = {}
    halted = ""
    for event in events:
        if event.kind is EventKind.DONE:
            outputs[event.step] = event.data.get("output") or {}
            took = float(event.data.get("seconds") or 0.0)
            end = (event.at - events[0].at).total_seconds()
            seconds[event.step] = (max(0.0, end - took), end)
            halted = "" if event.step == _step_of(halted) else halted
        elif event.kind is EventKind.HALTED and not event.step.startswith("undo_"):
            halted = f"{event.step}: {event.text}"
    return Trace(outputs, seconds, halted, cancelled)


def judge(trace: Trace, plan: HostPlan, *, commit: str) -> Verdict:
    seconds = measure_phases(trace)
    image = str(trace.outputs.get("capture_image", {}).get("name", ""))
    faults = list(list_faults(trace, plan))
    notes = tuple(list_notes(trace, plan, commit=commit, seconds=seconds))
    if faults:
        return Verdict(Readiness.NOT_READY, tuple(faults), notes, seconds, image)
    if doubts := list(list_doubts(trace)):
        return Verdict(Readiness.UNKNOWN, tuple(doubts), notes, seconds, image)
    return Verdict(Readiness.READY, (say_ready(trace, seconds),), notes, seconds, image)


def judge_later(
    spoken: Verdict, *, drilled_at: datetime, now: datetime, is_unchanged: bool
) -> Verdict:
    """The verdict of an earlier drill, held against what is so now."""
    age = now - drilled_at
    doubts = []
    if not is_unchanged:
        doubts.append("playbooks, inventory or plan changed since the last drill")
    if age > STALE_AFTER:
        doubts.append(f"the last drill is {age.days} days old")
    if spoken.readiness is not Readiness.READY or not doubts:
        return spoken
    return replace(spoken, readiness=Readiness.UNKNOWN, reasons=(*doubts, *spoken.reasons))


def list_faults(trace: Trace, plan: HostPlan) -> Iterator[str]:
    converged = trace.outputs.get("converge")
    if converged is not None and not converged.get("succeeded"):
        yield say_converge_failed(converged)
        return
    second = trace.outputs.get("idempotence", {})
    if second and not second.get("left_out"):
        if not second.get("succeeded"):
            yield f"the second converge failed: {show_server_text(str(second.get('reason', '')))}"
        elif second.get("changed"):
            yield say_changed(second)
    yield from list_failed_checks(trace, plan)


def list_failed_checks(trace: Trace, plan: HostPlan) -> Iterator[str]:
    """With empty volumes a check may want data that is not there: then it is a note."""
    if plan.drill.volumes is DrillVolumes.EMPTY and plan.volumes:
        return
    for name, why in failed_checks(trace, "verify"):
        yield f"check {name} fails on the twin: {why}"


def list_doubts(trace: Trace) -> Iterator[str]:
    if trace.cancelled:
        yield "the drill was broken off before its end"
    if trace.halted:
        yield f"the drill stopped at {show_server_text(trace.halted, limit=500)}"
    if "converge" not in trace.outputs and not trace.halted and not trace.cancelled:
        yield "the drill did not come to its converge"


def list_notes(
    trace: Trace, plan: HostPlan, *, commit: str, seconds: Mapping[str, float]
) -> Iterator[str]:
    yield from list_excused_checks(trace, plan)
    yield from list_missed(plan, seconds)
    if commit.endswith("+"):
        yield "files of the repository differ from the commit that was drilled"
    elif not commit:
        yield "the repository is not under git, so nobody can tell what was drilled"
    if trace.outputs.get("converge", {}).get("succeeded"):
        yield from list_left_out(trace)
    for step in ("clean_twin", "age_twin", "replay_packages"):
        for note in trace.outputs.get(step, {}).get("notes", [])[:MOST_TASKS]:
            yield f"{step}: {show_server_text(str(note))}"


def list_excused_checks(trace: Trace, plan: HostPlan) -> Iterator[str]:
    inside = failed_checks(trace, "verify")
    if plan.drill.volumes is DrillVolumes.EMPTY and plan.volumes:
        for name, why in inside:
            yield f"check {name} fails with empty volumes, it may want their data: {why}"
    for name, why in failed_checks(trace, "verify_image"):
        if (name, why) not in inside:
            yield f"check {name} fails on the twin from the image: {why}"


def list_left_out(trace: Trace) -> Iterator[str]:
    for step, what in (("capture_image", "no image was left"), ("scan_twin", "not scanned")):
        why = trace.outputs.get(step, {}).get("left_out")
        if why:
            yield f"{what}: {show_server_text(str(why))}"


def list_missed(plan: HostPlan, seconds: Mapping[str, float]) -> Iterator[str]:
    for phase in MEASURED:
        wanted, took = getattr(plan.objectives, phase.value), seconds.get(phase.value)
        if wanted is not None and took is not None and took > wanted.total_seconds():
            yield (f"{phase.value} took {took:.0f} s, the objective is {format_duration(wanted)}")
    total, took = plan.objectives.total, sum(seconds.values())
    if total is not None and took > total.total_seconds():
        yield f"these phases took {took:.0f} s, the objective is {format_duration(total)} in all"


def measure_phases(trace: Trace) -> dict[str, float]:
    """What each phase of a recovery took on the twin; studying it is no part of any."""
    found: dict[str, float] = {}
    for phase, steps in MEASURED.items():
        spans = [span for step, span in trace.seconds.items() if step in steps]
        if spans:
            found[phase.value] = round(union(spans), 3)
    return found


def union(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one of them was under way."""
    total, until = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def failed_checks(trace: Trace, step: str) -> list[tuple[str, str]]:
    checks = trace.outputs.get(step, {}).get("checks", [])
    return [
        (show_server_text(str(check["name"])), show_server_text(str(check["reason"])))
        for check in checks
        if not check["passed"]
    ]


def say_ready(trace: Trace, seconds: Mapping[str, float]) -> str:
    checks = trace.outputs.get("verify", {}).get("checks", [])
    passed = sum(bool(check["passed"]) for check in checks)
    return (
        f"the playbooks make the host in {sum(seconds.values()):.0f} s,"
        f" a second run changes nothing, {passed} of {len(checks)} checks pass"
    )


def say_converge_failed(converged: Output) -> str:
    failed = converged.get("failed_task") or {}
    where = ""
    if failed:
        task, location = str(failed.get("task", "")), str(failed.get("location", ""))
        where = f" at task '{show_server_text(task)}' ({show_server_text(location)})"
    why = str(failed.get("message") or converged.get("reason", ""))
    return f"the playbook failed{where}: {show_server_text(why, limit=500)}"


def say_changed(second: Output) -> str:
    tasks = [
        f"'{show_server_text(str(task['task']))}' ({show_server_text(str(task['location']))})"
        for task in second.get("tasks", [])
    ]
    more = f" and {len(tasks) - MOST_TASKS} more" if len(tasks) > MOST_TASKS else ""
    named = f": {', '.join(tasks[:MOST_TASKS])}{more}" if tasks else ""
    return f"the second converge changed {second['changed']} task(s) again{named}"


def _step_of(halted: str) -> str:
    return halted.partition(":")[0]
