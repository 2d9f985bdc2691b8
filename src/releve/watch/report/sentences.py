"""The sentences that both the page and the Markdown say of an incident."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from releve.recovery.report.language import Language, Wording, wording_for
from releve.recovery.report.types import Report, StepState
from releve.watch.report import english, french
from releve.watch.report.types import ApprovalFacts, Ending, IncidentReport

_TEXTS: Final = {Language.ENGLISH: english.TEXTS, Language.FRENCH: french.TEXTS}


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    note: str


@dataclass(frozen=True)
class StepLine:
    """One step of a run, told in the time of the incident."""

    at_seconds: float  # since the first sign
    phase: str
    step: str
    after: str
    took: str
    reason: str
    state: StepState


@dataclass(frozen=True)
class Moment:
    """An event of the watch, or a step of a run."""

    at_seconds: float  # since the first sign
    after: str
    what: str
    took: str  # empty: no step
    text: str


def incident_wording(language: Language | str) -> Wording:
    """Those of a run's report, and those of an incident. PlanError for another language."""
    wording = wording_for(language)
    return replace(wording, texts={**wording.texts, **_TEXTS[wording.language]})


def tell_ending(report: IncidentReport, wording: Wording) -> str:
    back_after = report.times.back_after_seconds
    key = f"ending_{report.ending.value}"
    if report.ending is Ending.RECOVERED and back_after is None:
        key = "ending_recovered_untimed"
    seconds = report.times.lasted_seconds if back_after is None else back_after
    return wording.say(
        key,
        host=report.incident.host,
        seconds=wording.write_duration(seconds),
        cause=tell_cause(report, wording),
    )


def tell_cause(report: IncidentReport, wording: Wording) -> str:
    return wording.say(f"cause_{report.incident.cause.value}")


def list_figures(report: IncidentReport, wording: Wording) -> list[Figure]:
    times, confirmed = report.times, report.detection.confirmed_after_seconds
    is_over = report.incident.cleared_at is not None
    count = len({testimony.witness for testimony in report.detection.witnesses})
    witnesses = wording.say("fact_confirmed_note", count=count) if count else ""
    known = {
        "fact_confirmed": (confirmed, witnesses, "fact_not_confirmed"),
        "fact_run": (times.run_after_seconds, wording.say("fact_run_note"), "fact_no_run"),
        "fact_back": (times.back_after_seconds, wording.say("fact_back_note"), "fact_not_back"),
    }
    figures = [
        Figure(wording.say(key), "-", wording.say(otherwise))
        if seconds is None
        else Figure(wording.say(key), wording.write_duration(seconds), note)
        for key, (seconds, note, otherwise) in known.items()
    ]
    note = wording.say("fact_lasted_note" if is_over else "fact_lasts_note")
    lasted = wording.write_duration(times.lasted_seconds)
    return [*figures, Figure(wording.say("fact_lasted"), lasted, note)]


def tell_approval(approval: ApprovalFacts, wording: Wording) -> str:
    unknown = wording.say("unknown")
    given = wording.say(
        "approval_given",
        by=approval.by or unknown,
        moment=wording.write_moment(approval.at),
        expires=wording.write_moment(approval.expires) if approval.expires else unknown,
    )
    return f"{given}, {wording.say('approval_used' if approval.used else 'approval_unused')}"


def list_steps(report: IncidentReport, run: Report, wording: Wording) -> Iterator[StepLine]:
    """As they began, with the phase of each."""
    offset = max(0.0, (run.run.started_at - report.incident.opened_at).total_seconds())
    steps = [step for phase in run.timing.phases for step in phase.steps]
    for step in sorted(steps, key=lambda step: step.start_seconds):
        yield StepLine(
            at_seconds=offset + step.start_seconds,
            phase=wording.say(f"phase_{step.phase.value}"),
            step=wording.name_step(step.name),
            after=tell_after(offset + step.start_seconds, wording),
            took=wording.write_duration(step.seconds),
            reason=step.reason,
            state=step.state,
        )


def list_moments(report: IncidentReport, wording: Wording) -> list[Moment]:
    """What the watch saw and did, with the steps of its runs, as they came."""
    moments = [
        Moment(
            line.after_seconds,
            tell_after(line.after_seconds, wording),
            wording.say(f"event_{line.kind.value}"),
            took="",
            text=line.text,
        )
        for line in report.timeline
    ]
    for run in report.runs:
        moments += [
            Moment(step.at_seconds, step.after, step.step, took=step.took, text=step.reason)
            for step in list_steps(report, run, wording)
        ]
    return sorted(moments, key=lambda moment: moment.at_seconds)


def tell_after(seconds: float, wording: Wording) -> str:
    return f"+{wording.write_duration(seconds)}"
