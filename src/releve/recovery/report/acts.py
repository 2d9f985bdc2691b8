"""What is left for a person after the run."""

from releve.model.run import Phase
from releve.recovery.report.types import Act, AnsibleSummary, Autopsy, Moves, Outcome, Timing


def choose_acts(
    outcome: Outcome,
    timing: Timing,
    *,
    moves: Moves,
    ansible: AnsibleSummary | None,
    autopsy: Autopsy | None = None,
) -> tuple[Act, ...]:
    if outcome in {Outcome.NEEDS_PERSON, Outcome.UNDER_WAY}:
        undoing = any(phase.phase is Phase.UNDO for phase in timing.phases)
        return (Act.CONTINUE_UNDO,) if undoing else (Act.RESUME, Act.CANCEL)
    if outcome is Outcome.DRILLED:
        return (Act.MISSED_OBJECTIVE,) if _missed_one(timing) else ()
    if outcome is Outcome.DRILL_BROKEN_OFF:
        return (Act.DRILL_AGAIN,)
    if outcome in {Outcome.UNDONE, Outcome.CANCELLED, Outcome.LEFT}:
        return (Act.PROPOSE_AGAIN,)
    recount = autopsy.recount if autopsy else None
    reasons = {
        Act.SAVE_DATA: recount is not None and recount.data_at_risk > 0,
        Act.CODIFY: recount is not None and recount.finding_count > 0,
        Act.REPEAT_AUTOPSY: autopsy is not None and bool(autopsy.not_done),
        Act.INSPECT_QUARANTINE: moves.quarantine is not None,
        Act.DELETE_SNAPSHOTS: bool(moves.snapshots),
        Act.REVIEW_IGNORED: ansible is not None and bool(ansible.ignored),
        Act.MISSED_OBJECTIVE: _missed_one(timing),
    }
    return tuple(act for act, holds in reasons.items() if holds)


def _missed_one(timing: Timing) -> bool:
    objectives = [timing.objective, *(phase.objective for phase in timing.phases)]
    return any(objective is not None and objective.met is False for objective in objectives)
