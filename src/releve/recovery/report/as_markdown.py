"""The report as Markdown, for a ticket or a post-mortem."""

from collections.abc import Callable, Sequence

from releve.model.converge import TaskEvent
from releve.recovery.report.as_markdown_autopsy import write_autopsy, write_recount
from releve.recovery.report.drill_markdown import write_drill, write_proof
from releve.recovery.report.language import Language, Wording, wording_for
from releve.recovery.report.markdown_text import write_table, write_text
from releve.recovery.report.sentences import (
    count_checks_after,
    list_acts,
    tell_detection,
    tell_interruptions,
    tell_objective,
    tell_outcome,
)
from releve.recovery.report.types import AnsibleSummary, CheckFound, InstanceFacts, Report

Lines = list[str]
Section = Callable[[Report, Wording], Lines]


def render_markdown(report: Report, language: Language | str) -> str:
    wording = wording_for(language)
    sections: tuple[Section, ...] = (
        _write_head,
        _write_halt,
        write_drill,
        write_proof,
        write_recount,
        _write_timeline,
        _write_moves,
        _write_checks,
        _write_ansible,
        write_autopsy,
        _write_quarantine,
        _write_acts,
        _write_record,
    )
    lines = [line for section in sections for line in section(report, wording)]
    return "\n".join(lines).rstrip() + "\n"


def _write_head(report: Report, wording: Wording) -> Lines:
    timing, count = report.timing, count_checks_after(report)
    colon = wording.say("colon")
    took = timing.seconds if timing.back_after_seconds is None else timing.back_after_seconds
    facts = [
        (
            wording.say("fact_so_far" if timing.back_after_seconds is None else "fact_back"),
            f"{wording.write_duration(took)} ({tell_objective(timing.objective, wording)})",
        ),
        (wording.say("fact_own"), wording.write_duration(timing.own_seconds)),
        (wording.say("fact_checks"), f"{count.passed}/{count.made}"),
        (wording.say("why_down"), report.verdict or wording.say("unknown")),
    ]
    if report.detection:
        incident = f"{report.detection.incident_id}. {tell_detection(report, wording)}"
        facts.append((wording.say("incident"), incident))
    return [
        f"# {write_text(tell_outcome(report, wording))}",
        "",
        *(f"* **{write_text(label)}**{colon} {write_text(value)}" for label, value in facts),
        "",
    ]


def _write_halt(report: Report, wording: Wording) -> Lines:
    if report.halt is None:
        return []
    step = wording.name_step(report.halt.step)
    return [
        f"## {write_text(wording.say('stopped_at', step=step))}",
        "",
        *(f"> {write_text(text)}" for text in (report.halt.reason, report.halt.remedy)),
        "",
    ]


def _write_timeline(report: Report, wording: Wording) -> Lines:
    rows: list[tuple[str, ...]] = []
    for phase in report.timing.phases:
        objective = tell_objective(phase.objective, wording) if phase.objective else ""
        took = wording.write_duration(phase.seconds)
        name = wording.say(f"phase_{phase.phase.value}")
        rows.append((name, _since(phase.start_seconds, wording), took, objective))
        rows.extend(
            (
                f"· {wording.name_step(step.name)}",
                _since(step.start_seconds, wording),
                wording.write_duration(step.seconds),
                wording.say(f"state_{step.state.value}"),
            )
            for step in phase.steps
        )
    header = tuple(wording.say(key) for key in ("phase", "began_at", "took", "objective"))
    return [
        f"## {write_text(wording.say('timeline'))}",
        "",
        *write_table(header, rows),
        write_text(tell_interruptions(report, wording)),
        "",
    ]


def _since(seconds: float, wording: Wording) -> str:
    return f"+{wording.write_duration(seconds)}"


def _write_moves(report: Report, wording: Wording) -> Lines:
    moves, unknown = report.moves, wording.say("unknown")
    old, new = _name(moves.old_instance, unknown), _name(moves.new_instance, unknown)
    stayed = wording.say("not_moved")
    rows = [
        (
            f"{wording.say('volume')} {volume.name} ({volume.id}, {volume.mount_point})",
            wording.write_size(volume.size_bytes) if volume.size_bytes else unknown,
            volume.filesystem_uuid or unknown,
            old,
            new if volume.moved else stayed,
        )
        for volume in moves.volumes
    ]
    if moves.address:
        address = f"{wording.say('address')} {moves.address.address}"
        rows.append((address, "", "", old, new if moves.address.moved else stayed))
    if not rows:
        return []
    header = tuple(wording.say(key) for key in ("what", "size", "filesystem", "from", "to"))
    return [
        f"## {write_text(wording.say('moved'))}",
        "",
        *write_table(header, rows),
        *_write_snapshots(report, wording),
    ]


def _write_snapshots(report: Report, wording: Wording) -> Lines:
    moves = report.moves
    if moves.snapshots:
        names = ", ".join(f"{item.name} ({item.volume_id})" for item in moves.snapshots)
        return [_write_pair(wording.say("snapshots"), names, wording=wording), ""]
    if moves.snapshots_skipped:
        return [write_text(wording.say("snapshots_none", reason=moves.snapshots_skipped)), ""]
    return []


def _name(instance: InstanceFacts | None, unknown: str) -> str:
    return instance.name if instance else unknown


def _write_checks(report: Report, wording: Wording) -> Lines:
    if not report.checks:
        return []
    rows = []
    for check in report.checks:
        last = check.outside or check.inside or check.before
        found = [_judge(item, wording) for item in (check.before, check.inside, check.outside)]
        rows.append((check.name, *found, last.reason if last else ""))
    keys = ("check", "check_before", "check_inside", "check_outside", "check_reasons")
    header = tuple(wording.say(key) for key in keys)
    return [f"## {write_text(wording.say('checks'))}", "", *write_table(header, rows)]


def _judge(found: CheckFound | None, wording: Wording) -> str:
    if found is None:
        return wording.say("check_not_made")
    return (
        f"✓ {wording.say('check_passed')}" if found.passed else f"✗ {wording.say('check_failed')}"
    )


def _write_ansible(report: Report, wording: Wording) -> Lines:
    lines = [f"## {write_text(wording.say('ansible'))}", ""]
    if report.ansible is None:
        return [*lines, write_text(wording.say("ansible_none")), ""]
    summary = report.ansible
    seconds = wording.write_duration(summary.seconds)
    lines += [
        write_text(wording.say("ansible_tasks", tasks=summary.tasks, seconds=seconds)),
        "",
        _write_pair(wording.say("ansible_accelerator"), summary.accelerator, wording=wording)
        if summary.accelerator
        else "",
        "",
        *_write_stats(summary, wording),
    ]
    for title, tasks in (
        ("ansible_failures", summary.failed),
        ("ansible_ignored_errors", summary.ignored),
        ("ansible_slowest", summary.slowest),
    ):
        lines += _write_tasks(wording.say(title), tasks, wording=wording)
    return lines


def _write_stats(summary: AnsibleSummary, wording: Wording) -> Lines:
    keys = ("ok", "changed", "failed", "unreachable", "skipped", "rescued", "ignored")
    rows = [(stats.host, *(str(getattr(stats, key)) for key in keys)) for stats in summary.stats]
    header = (wording.say("host"), *(wording.say(f"ansible_{key}") for key in keys))
    return write_table(header, rows) if rows else []


def _write_tasks(title: str, tasks: Sequence[TaskEvent], *, wording: Wording) -> Lines:
    if not tasks:
        return []
    rows = [
        (task.task, task.location, wording.write_duration(task.seconds), task.message)
        for task in tasks
    ]
    header = tuple(wording.say(key) for key in ("task", "location", "took", "message"))
    return [f"### {write_text(title)}", "", *write_table(header, rows)]


def _write_quarantine(report: Report, wording: Wording) -> Lines:
    kept = report.moves.quarantine
    if kept is None:
        return []
    until = wording.write_date(kept.expires) if kept.expires else wording.say("unknown")
    return [
        f"## {write_text(wording.say('quarantine'))}",
        "",
        write_text(wording.say("quarantine_note", name=kept.instance.name)),
        "",
        f"* {_write_pair(wording.say('identity'), kept.instance.id, wording=wording)}",
        f"* {_write_pair(wording.say('quarantine_until'), until, wording=wording)}",
        "",
    ]


def _write_acts(report: Report, wording: Wording) -> Lines:
    acts = list_acts(report, wording)
    lines = [f"1. {write_text(act.text)} {write_text(act.command)}".rstrip() for act in acts] or [
        write_text(wording.say("actions_none"))
    ]
    return [f"## {write_text(wording.say('actions'))}", "", *lines, ""]


def _write_record(report: Report, wording: Wording) -> Lines:
    run = report.run
    facts = (
        ("host", run.host),
        ("run", run.run_id),
        ("began", wording.write_moment(run.started_at)),
        ("epoch", run.epoch),
        ("commit", run.commit or wording.say("not_under_git")),
        ("fingerprint", run.fingerprint),
    )
    lines = []
    for key, value in facts:
        label = wording.say("began_at") if key == "began" else wording.say(key)
        lines.append(f"* {_write_pair(label, value, wording=wording)}")
    return [f"## {write_text(wording.say('record'))}", "", *lines]


def _write_pair(label: str, value: object, *, wording: Wording) -> str:
    return f"{write_text(label)}{wording.say('colon')} {write_text(value)}"
