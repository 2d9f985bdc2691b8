"""The sentences that both the page and the Markdown say."""

from dataclasses import dataclass

from releve.recovery.report.language import Wording
from releve.recovery.report.types import Act, Objective, Outcome, Report

_COMMANDS = {
    Act.RESUME: "releve resume {run}",
    Act.CANCEL: "releve cancel {run}",
    Act.CONTINUE_UNDO: "releve cancel {run}",
    Act.PROPOSE_AGAIN: "releve recover {host}",
    Act.DRILL_AGAIN: "releve drill {host}",
}


@dataclass(frozen=True)
class ActLine:
    text: str
    command: str  # empty: none


@dataclass(frozen=True)
class CheckCount:
    passed: int
    made: int


def tell_title(report: Report, wording: Wording) -> str:
    key = "page_title_drill" if report.is_drill else "page_title"
    return wording.say(key, host=report.run.host)


def tell_kind(report: Report, wording: Wording) -> str:
    return wording.say("kicker_drill" if report.is_drill else "kicker")


def tell_proof(report: Report, wording: Wording) -> str:
    """How what came out of an image is known; empty where there was none."""
    proof = report.proof
    if proof is None:
        return ""
    told = {True: "proof_holds", False: "proof_fails", None: "proof_open"}[proof.proven]
    return wording.say(told, image=proof.image, drill=proof.drill, why=proof.why)


def tell_outcome(report: Report, wording: Wording) -> str:
    host, back_after = report.run.host, report.timing.back_after_seconds
    if report.is_drill:
        return _tell_drill(report, wording)
    if report.outcome is Outcome.RECOVERED and back_after is None:
        return wording.say("outcome_recovered_untimed", host=host)
    shown = wording.write_duration(back_after or 0.0)
    return wording.say(f"outcome_{report.outcome.value}", host=host, seconds=shown)


def _tell_drill(report: Report, wording: Wording) -> str:
    if report.outcome in {Outcome.UNDER_WAY, Outcome.NEEDS_PERSON}:
        return wording.say("outcome_drill_open", host=report.run.host)
    readiness = report.drill.readiness if report.drill else "unknown"
    shown = wording.say(f"readiness_{readiness.replace(' ', '_')}")
    key = f"outcome_{report.outcome.value}"
    return wording.say(key, host=report.run.host, readiness=shown)


def tell_objective(objective: Objective | None, wording: Wording) -> str:
    """Objective 30 min: met."""
    if objective is None:
        return wording.say("objective_none")
    wanted = wording.say("objective_of", seconds=wording.write_round(objective.wanted_seconds))
    return f"{wanted}, {tell_verdict(objective, wording)}"


def tell_verdict(objective: Objective, wording: Wording) -> str:
    if objective.met is None:
        return wording.say("objective_open")
    if objective.met:
        return wording.say("objective_met")
    over = objective.took_seconds - objective.wanted_seconds
    return wording.say("objective_missed", seconds=wording.write_duration(over))


def tell_interruptions(report: Report, wording: Wording) -> str:
    holes = report.timing.interruptions
    if not holes:
        return wording.say("interrupted_none")
    seconds = wording.write_duration(sum(hole.seconds for hole in holes))
    key = "interrupted_once" if len(holes) == 1 else "interrupted_often"
    return wording.say(key, count=len(holes), seconds=seconds)


def list_acts(report: Report, wording: Wording) -> list[ActLine]:
    moves, ansible = report.moves, report.ansible
    values: dict[Act, dict[str, object]] = {
        Act.INSPECT_QUARANTINE: {
            "name": moves.quarantine.instance.name if moves.quarantine else ""
        },
        Act.DELETE_SNAPSHOTS: {"count": len(moves.snapshots)},
        Act.REVIEW_IGNORED: {"count": len(ansible.ignored) if ansible else 0},
    }
    return [
        ActLine(
            wording.say(f"act_{act.value}", **values.get(act, {})),
            _COMMANDS.get(act, "").format(run=report.run.run_id, host=report.run.host),
        )
        for act in report.acts
    ]


def count_checks_after(report: Report) -> CheckCount:
    """At the public address, or on the new instance where the address has not moved yet."""
    outside = [check.outside for check in report.checks if check.outside]
    found = outside or [check.inside for check in report.checks if check.inside]
    return CheckCount(sum(check.passed for check in found), len(found))


def count_checks_before(report: Report) -> CheckCount:
    found = [check.before for check in report.checks if check.before]
    return CheckCount(sum(check.passed for check in found), len(found))
