"""A run: one execution of a plan for one host, and what its journal holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = Any  # None, bool, int, float, str, list, dict: what json.dumps takes
Output = Mapping[str, Json]  # what a step leaves for later steps; never a secret


class RunState(StrEnum):
    PENDING = "PENDING"  # under way, or interrupted and resumable
    DONE = "DONE"
    UNDONE = "UNDONE"  # cancelled after something had been touched; put back
    NEEDS_PERSON = "NEEDS_PERSON"
    CANCELLED = "CANCELLED"  # cancelled before anything was touched
    LEFT = "LEFT"  # closed by a person, who looks after all that it touched

    @property
    def is_over(self) -> bool:
        return self in {RunState.DONE, RunState.UNDONE, RunState.CANCELLED, RunState.LEFT}


class Mode(StrEnum):
    RECOVER = "recover"
    DRILL = "drill"  # the same run on a twin, apart from production
    AUTOPSY = "autopsy"  # looks back at the dead disk of a recovery
    SALVAGE = "salvage"  # fetches files from it


class Phase(StrEnum):
    """The bars of the report's timeline, in order; objectives are set per phase."""

    DECIDE = "decide"  # confirm, gates, preconditions, mark
    FENCE = "fence"
    CREATE = "create"  # port, instance, access
    MOVE = "move"  # snapshot, detach, attach, identify
    CONVERGE = "converge"
    VERIFY = "verify"
    STUDY = "study"  # of a drill: scans, idempotence, image, ageing; no part of a recovery's time
    CUTOVER = "cutover"  # move the address, verify from outside
    CLOSE = "close"  # quarantine, report
    AUTOPSY = "autopsy"  # the host is back; what was lost on the dead disk
    UNDO = "undo"


class EventKind(StrEnum):
    INTENT = "intent"  # durable before the act
    LOOKED = "looked"  # a look that changed nothing, with its reason
    EFFECT = "effect"  # the act was sent and answered
    DONE = "done"
    HALTED = "halted"
    STATE = "state"  # the run's state changed
    NOTE = "note"


@dataclass(frozen=True)
class RunInput:
    """Frozen when the run is proposed; every later resume reads this and nothing else."""

    format: int
    run_id: str
    host: str
    epoch: int
    plan: Output  # the plan of this host, as loaded, defaults filled in
    repository: str  # directory of releve.yml: playbooks, inventory, ansible.cfg
    fingerprint: str  # sha256 over plan, playbook commit and inventory
    steps: tuple[str, ...]
    proposed_at: str  # ISO 8601 UTC
    commit: str = ""  # of the team's repository; empty: not under git
    options: Output = field(default_factory=dict)  # what the caller chose, such as even_if_healthy

    @property
    def mode(self) -> Mode:
        return Mode(self.options.get("mode", Mode.RECOVER))


@dataclass(frozen=True)
class JournalEvent:
    run_id: str
    step: str  # empty: about the run itself
    kind: EventKind
    at: datetime  # UTC
    text: str  # one sentence for a person
    attempt: int = 1
    data: Output = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """One run as the journal shows it."""

    input: RunInput
    state: RunState
    started_at: datetime
    ended_at: datetime | None
    next_action: str  # one sentence, with the command where there is one
    cancel_requested: bool = False
