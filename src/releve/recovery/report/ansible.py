"""What the converge did, summed over its early and its full part."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from releve.model.converge import HostStats, TaskEvent
from releve.recovery.report.reading import (
    MAX_CHARACTERS,
    Fields,
    read_items,
    read_number,
    read_seconds,
    read_text,
)
from releve.recovery.report.types import AnsibleSummary

CONVERGE_STEPS = ("prepare", "converge", "converge_unproven")
SLOWEST = 10
LISTED = 50

_COUNTS = tuple(field.name for field in fields(HostStats) if field.name != "host")
_STATUSES = {
    "ok": ("ok",),
    "changed": ("ok", "changed"),
    "failed": ("failed",),
    "unreachable": ("unreachable",),
    "skipped": ("skipped",),
    "ignored": ("ok", "ignored"),
}


def summarize_ansible(
    outputs: Mapping[str, Fields], tasks: Sequence[TaskEvent]
) -> AnsibleSummary | None:
    """None where no converge began; without its result the tasks are counted."""
    tasks = [_bound(task) for task in tasks]
    results = [
        outputs[step]
        for step in CONVERGE_STEPS
        if step in outputs and not outputs[step].get("left_out")
    ]
    if not results and not tasks:
        return None
    last = results[-1] if results and not _is_early(outputs) else {}
    return AnsibleSummary(
        succeeded=last.get("succeeded") is True,
        reason=read_text(last, "reason"),
        accelerator=read_text(last, "accelerator"),
        seconds=sum(read_seconds(result) for result in results)
        or sum(task.seconds for task in tasks),
        tasks=sum(int(read_number(result, "tasks")) for result in results) or len(tasks),
        stats=_sum_stats(_read_stats(results) if last else _count_tasks(tasks)),
        slowest=tuple(sorted(tasks, key=lambda task: -task.seconds)[:SLOWEST]),
        ignored=_list_with(tasks, {"ignored"}),
        failed=_list_with(tasks, {"failed", "unreachable"}),
    )


def _is_early(outputs: Mapping[str, Fields]) -> bool:
    """Whether only the part that needs no data has ended."""
    return "converge" not in outputs


def _read_stats(results: Iterable[Fields]) -> list[HostStats]:
    return [
        HostStats(
            host=read_text(item, "host"), **{key: int(read_number(item, key)) for key in _COUNTS}
        )
        for result in results
        for item in read_items(result, "stats")
    ]


def _count_tasks(tasks: Iterable[TaskEvent]) -> list[HostStats]:
    """One task at a time, counted as Ansible's recap counts."""
    return [
        HostStats(host=task.host, **dict.fromkeys(_STATUSES[task.status], 1))
        for task in tasks
        if task.status in _STATUSES
    ]


def _sum_stats(parts: Iterable[HostStats]) -> tuple[HostStats, ...]:
    sums: dict[str, HostStats] = {}
    for part in parts:
        so_far = sums.get(part.host, HostStats(host=part.host))
        counts = {key: getattr(so_far, key) + getattr(part, key) for key in _COUNTS}
        sums[part.host] = replace(so_far, **counts)
    return tuple(sums.values())


def _list_with(tasks: Iterable[TaskEvent], statuses: set[str]) -> tuple[TaskEvent, ...]:
    return tuple([task for task in tasks if task.status in statuses][:LISTED])


def _bound(task: TaskEvent) -> TaskEvent:
    """The task without its touches, each text cut."""
    return replace(
        task,
        host=task.host[:MAX_CHARACTERS],
        play=task.play[:MAX_CHARACTERS],
        task=task.task[:MAX_CHARACTERS],
        role=task.role[:MAX_CHARACTERS],
        location=task.location[:MAX_CHARACTERS],
        action=task.action[:MAX_CHARACTERS],
        message=task.message[:MAX_CHARACTERS],
        seconds=read_seconds({"seconds": task.seconds}),
        touches=(),
    )
