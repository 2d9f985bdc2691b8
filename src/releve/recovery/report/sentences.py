"""The sentences that both the page and the Markdown say."""

import re
from dataclasses import dataclass
from typing import Final

from releve.recovery.report.autopsy_types import (
    DiskErrorFacts,
    DiskFacts,
    Lost,
    Recount,
)
from releve.recovery.report.language import Wording
from releve.recovery.report.types import (
    Act,
    Objective,
    Outcome,
    Report,
)

_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9._@%+=:,/-]+")
_COMMANDS = {
    Act.RESUME: "releve resume {run}",
    Act.CANCEL: "releve cancel {run}",
    Act.CONTINUE_UNDO: "releve cancel {run}",
    Act.PROPOSE_AGAIN: "releve recover {host}",
    Act.DRILL_AGAIN: "releve drill {host}",
    Act.SAVE_DATA: "releve salvage {run} --list",
    Act.CODIFY: "releve codify {host}",
    Act.REPEAT_AUTOPSY: "releve autopsy {run}",
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


def tell_detection(report: Report, wording: Wording) -> str:
    """When the watch saw it, and how soon the run began; empty where nobody watched."""
    seen = report.detection
    if seen is None:
        return ""
    key = "detected" if seen.confirmed_after_seconds is not None else "detected_unconfirmed"
    return wording.say(
        key,
        moment=wording.write_moment(seen.seen_at),
        confirmed=wording.write_duration(seen.confirmed_after_seconds or 0.0),
        begun=wording.write_duration(seen.begun_after_seconds),
    )


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
    recount = report.autopsy.recount if report.autopsy else None
    values: dict[Act, dict[str, object]] = {
        Act.INSPECT_QUARANTINE: {
            "name": moves.quarantine.instance.name if moves.quarantine else ""
        },
        Act.DELETE_SNAPSHOTS: {"count": len(moves.snapshots)},
        Act.SAVE_DATA: {"count": recount.data_at_risk if recount else 0},
        Act.CODIFY: {"count": recount.finding_count if recount else 0},
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


def tell_recount(recount: Recount, wording: Wording) -> str:
    """Did we get everything back? In one sentence, with its denominator."""
    numbers = {
        key: wording.write_number(getattr(recount, key))
        for key in ("facts", "came_back", "missing", "changed", "noise", "unknown")
    }
    if recount.missing or recount.changed:
        count = wording.write_number(recount.finding_count)
        return wording.say("recount_lost", count=count, **numbers)
    return wording.say("recount_whole", **numbers)


def tell_disk_error(error: DiskErrorFacts, wording: Wording) -> str:
    """22 November 2026, 18:04:09 UTC: EIO in ext4_find_entry, line 1455, block 8123, inode 131."""
    moment = wording.write_moment(error.at) if error.at else wording.say("unknown")
    parts = [
        wording.say(
            "disk_error_where",
            error=error.error or wording.say("disk_error"),
            function=error.function or wording.say("unknown"),
            line=error.line,
        )
    ]
    parts += [
        wording.say(f"disk_error_{name}", number=wording.write_number(number))
        for name, number in (("block", error.block), ("inode", error.inode))
        if number
    ]
    return f"{moment}{wording.say('colon')} {', '.join(parts)}"


def list_disk_facts(disk: DiskFacts, wording: Wording) -> list[tuple[str, str]]:
    """What the dead disk says of itself, each with the key of its label; the error first."""
    facts = [
        ("disk_first_error", disk.first_error and tell_disk_error(disk.first_error, wording)),
        ("disk_last_error", disk.last_error and tell_disk_error(disk.last_error, wording)),
        ("disk_errors", disk.error_count and wording.write_number(disk.error_count)),
        ("filesystem_kind", disk.filesystem),
        ("disk_state", disk.state),
        ("disk_journal", disk.journal),
        ("disk_mounted_at", disk.mounted_at and wording.write_moment(disk.mounted_at)),
        ("disk_written_at", disk.written_at and wording.write_moment(disk.written_at)),
        ("disk_proof", tell_unchanged(disk, wording)),
    ]
    return [(key, str(value)) for key, value in facts if value]


def tell_unchanged(disk: DiskFacts, wording: Wording) -> str:
    if disk.is_proven_unchanged:
        return wording.say("disk_unchanged", digest=disk.digest)
    return wording.say("disk_unproven", why=disk.why or wording.say("unknown"))


def salvage_command(lost: Lost, report: Report) -> str:
    """Empty where no file of the dead disk is meant, or its name is not plain enough to type."""
    is_there = lost.status in {"extra", "modified"} and lost.cause == "file"
    if not is_there or not _PLAIN_PATH.fullmatch(lost.subject):
        return ""
    return f"releve salvage {report.run.run_id} {lost.subject}"
