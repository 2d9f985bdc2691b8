"""The report of an incident, from its events and its runs' journals: pure, whole at any time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind, IncidentState
from releve.recovery.report.reading import read_text, read_time
from releve.recovery.report.types import Outcome, Report
from releve.watch.report.types import (
    ApprovalFacts,
    ChannelCount,
    Decision,
    Detection,
    Ending,
    IncidentFacts,
    IncidentReport,
    Line,
    Times,
)

_MOST_CHARACTERS: Final = 2000  # of one text
_MOST_LINES: Final = 400  # half of them the first, half of them the last
_MOST_CHANNELS: Final = 50
_MOST_TESTIMONIES: Final = 20

_DECIDING: Final = {
    IncidentEventKind.HELD_BACK,
    IncidentEventKind.PROPOSED,
    IncidentEventKind.APPROVAL_WANTED,
    IncidentEventKind.APPROVED,
    IncidentEventKind.RUN_STARTED,
    IncidentEventKind.NEEDS_PERSON,
}
_NOTICES: Final = {IncidentEventKind.NOTIFIED, IncidentEventKind.NOT_NOTIFIED}


def build_incident_report(
    incident: Incident,
    events: Sequence[IncidentEvent],
    runs: Sequence[Report],
    *,
    now: datetime,
) -> IncidentReport:
    """`events` and `runs`: oldest first."""
    lines = [_to_line(event, incident) for event in events]
    shown = _cut_middle([line for line in lines if line.kind not in _NOTICES])
    return IncidentReport(
        incident=_describe(incident),
        ending=_decide_ending(incident, lines, runs),
        times=_measure(incident, runs, now),
        detection=_describe_detection(incident, lines),
        decision=_describe_decision(events, lines, runs),
        runs=tuple(runs),
        notices=tuple(_count_notices(events))[:_MOST_CHANNELS],
        timeline=shown,
        omitted=sum(line.kind not in _NOTICES for line in lines) - len(shown),
    )


def _to_line(event: IncidentEvent, incident: Incident) -> Line:
    after = (event.at - incident.opened_at).total_seconds()
    return Line(event.kind, max(0.0, after), event.at, event.text[:_MOST_CHARACTERS])


def _cut_middle(lines: Sequence[Line]) -> tuple[Line, ...]:
    if len(lines) <= _MOST_LINES:
        return tuple(lines)
    return (*lines[: _MOST_LINES // 2], *lines[-_MOST_LINES // 2 :])


def _describe(incident: Incident) -> IncidentFacts:
    return IncidentFacts(
        incident_id=incident.incident_id,
        host=incident.host,
        state=incident.state,
        host_state=incident.verdict.state,
        cause=incident.verdict.cause,
        reason=incident.verdict.reason[:_MOST_CHARACTERS],
        opened_at=incident.opened_at,
        confirmed_at=incident.confirmed_at,
        cleared_at=incident.cleared_at,
        next_action=incident.next_action[:_MOST_CHARACTERS],
    )


def _decide_ending(incident: Incident, lines: Sequence[Line], runs: Sequence[Report]) -> Ending:
    is_back = any(run.outcome is Outcome.RECOVERED for run in runs)
    if incident.state.is_over:
        return Ending.RECOVERED if is_back else Ending.BY_ITSELF
    outcome = runs[-1].outcome if runs else None
    of_run = {Outcome.UNDER_WAY: Ending.UNDER_WAY, Outcome.RECOVERED: Ending.NOT_OVER}
    if outcome in of_run:
        return of_run[outcome]
    if outcome is Outcome.NEEDS_PERSON or _last_decision(lines) is IncidentEventKind.NEEDS_PERSON:
        return Ending.NEEDS_PERSON
    if _last_decision(lines) is IncidentEventKind.APPROVAL_WANTED:
        return Ending.WAITING
    is_confirmed = incident.state is IncidentState.CONFIRMED
    return Ending.CONFIRMED if is_confirmed else Ending.OPEN


def _last_decision(lines: Sequence[Line]) -> IncidentEventKind | None:
    return next((line.kind for line in reversed(lines) if line.kind in _DECIDING), None)


def _measure(incident: Incident, runs: Sequence[Report], now: datetime) -> Times:
    def since(moment: datetime) -> float:
        return max(0.0, (moment - incident.opened_at).total_seconds())

    back = [
        since(run.run.started_at) + run.timing.back_after_seconds
        for run in runs
        if run.timing.back_after_seconds is not None
    ]
    return Times(
        lasted_seconds=since(incident.cleared_at or now),
        run_after_seconds=since(runs[0].run.started_at) if runs else None,
        back_after_seconds=back[-1] if back else None,
    )


def _describe_detection(incident: Incident, lines: Sequence[Line]) -> Detection:
    confirmed_at = incident.confirmed_at
    after = (confirmed_at - incident.opened_at).total_seconds() if confirmed_at else None
    opened = [line.text for line in lines if line.kind is IncidentEventKind.OPENED]
    reported = [line for line in lines if line.kind is IncidentEventKind.REPORTED]
    return Detection(
        first_sign=opened[0] if opened else incident.verdict.reason[:_MOST_CHARACTERS],
        witnesses=incident.verdict.testimonies[:_MOST_TESTIMONIES],
        confirmed_after_seconds=max(0.0, after) if after is not None else None,
        reported=_cut_middle(reported),
    )


def _describe_decision(
    events: Sequence[IncidentEvent], lines: Sequence[Line], runs: Sequence[Report]
) -> Decision:
    deciding = _cut_middle([line for line in lines if line.kind in _DECIDING])
    return Decision(
        lines=deciding,
        held_back=tuple(line for line in deciding if line.kind is IncidentEventKind.HELD_BACK),
        approvals=tuple(_list_approvals(events, runs)),
    )


def _list_approvals(
    events: Sequence[IncidentEvent], runs: Sequence[Report]
) -> Iterator[ApprovalFacts]:
    for event in events:
        if event.kind is not IncidentEventKind.APPROVED:
            continue
        fingerprint = read_text(event.data, "fingerprint")
        yield ApprovalFacts(
            by=read_text(event.data, "by"),
            at=event.at,
            expires=read_time(event.data, "expires"),
            fingerprint=fingerprint,
            used=any(
                run.run.fingerprint == fingerprint and run.run.started_at >= event.at
                for run in runs
            ),
        )


def _count_notices(events: Sequence[IncidentEvent]) -> Iterator[ChannelCount]:
    """By channel, in the order in which each was first used."""
    told = [event for event in events if event.kind in _NOTICES]
    for channel in dict.fromkeys(read_text(event.data, "channel") for event in told):
        mine = [event for event in told if read_text(event.data, "channel") == channel]
        failed = [event for event in mine if event.kind is IncidentEventKind.NOT_NOTIFIED]
        yield ChannelCount(
            channel=channel,
            sent=len(mine) - len(failed),
            failed=len(failed),
            last_failure=failed[-1].text[:_MOST_CHARACTERS] if failed else "",
        )
