"""What a report says, before it is put into words: frozen, bounded, free of any language."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releve.model.converge import HostStats, TaskEvent
from releve.model.run import Phase
from releve.recovery.report.autopsy_types import DiskFacts, LastWords, NotDone, Recount


class Outcome(StrEnum):
    RECOVERED = "recovered"
    UNDER_WAY = "under_way"
    NEEDS_PERSON = "needs_person"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    LEFT = "left"
    DRILLED = "drilled"
    DRILL_BROKEN_OFF = "drill_broken_off"


class StepState(StrEnum):
    DONE = "done"
    HALTED = "halted"
    RUNNING = "running"  # begun and, as far as the journal knows, not ended
    STOPPED = "stopped"  # at a safe point, because a person asked


class Act(StrEnum):
    """What is left for a person; put into words by the language tables."""

    RESUME = "resume"
    CANCEL = "cancel"
    CONTINUE_UNDO = "continue_undo"
    INSPECT_QUARANTINE = "inspect_quarantine"
    REVIEW_IGNORED = "review_ignored"
    MISSED_OBJECTIVE = "missed_objective"
    DELETE_SNAPSHOTS = "delete_snapshots"
    PROPOSE_AGAIN = "propose_again"
    DRILL_AGAIN = "drill_again"
    SAVE_DATA = "save_data"
    CODIFY = "codify"
    REPEAT_AUTOPSY = "repeat_autopsy"


@dataclass(frozen=True)
class RunFacts:
    run_id: str
    host: str
    epoch: int
    commit: str
    fingerprint: str
    state: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Detection:
    """How the watch saw that the host had crashed, before the run."""

    incident_id: str
    seen_at: datetime
    confirmed_after_seconds: float | None  # None: not confirmed when the run was proposed
    begun_after_seconds: float  # the run, since it was seen


@dataclass(frozen=True)
class Objective:
    wanted_seconds: float
    took_seconds: float
    met: bool | None  # None: not over yet, and still within


@dataclass(frozen=True)
class StepBar:
    name: str
    phase: Phase
    start_seconds: float  # since the run started
    seconds: float
    state: StepState
    reason: str
    acts: int


@dataclass(frozen=True)
class PhaseBar:
    phase: Phase
    start_seconds: float
    seconds: float  # from its first step's start to its last step's end
    objective: Objective | None
    steps: tuple[StepBar, ...]


@dataclass(frozen=True)
class Interruption:
    """The controller was gone, or a person was waited for."""

    at_seconds: float
    seconds: float


@dataclass(frozen=True)
class InstanceFacts:
    id: str
    name: str


@dataclass(frozen=True)
class VolumeMove:
    name: str
    id: str
    size_bytes: int  # 0: not known
    filesystem_uuid: str
    mount_point: str
    moved: bool  # identified and mounted on the new instance


@dataclass(frozen=True)
class AddressMove:
    address: str
    moved: bool


@dataclass(frozen=True)
class SnapshotFacts:
    id: str
    volume_id: str
    name: str


@dataclass(frozen=True)
class CheckFound:
    passed: bool
    reason: str
    seconds: float


@dataclass(frozen=True)
class CheckLine:
    """One declared check, as it was found before, on the new instance and at the address."""

    name: str
    before: CheckFound | None
    inside: CheckFound | None
    outside: CheckFound | None


@dataclass(frozen=True)
class AnsibleSummary:
    succeeded: bool
    reason: str
    accelerator: str
    seconds: float
    tasks: int
    stats: tuple[HostStats, ...]
    slowest: tuple[TaskEvent, ...]
    ignored: tuple[TaskEvent, ...]
    failed: tuple[TaskEvent, ...]


@dataclass(frozen=True)
class QuarantineFacts:
    instance: InstanceFacts
    expires: datetime | None


@dataclass(frozen=True)
class Halt:
    step: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Timing:
    seconds: float  # of the whole run, so far
    back_after_seconds: float | None  # until the checks passed at the public address
    objective: Objective | None  # total; measured until the host was back
    own_seconds: float  # none of the provider, the playbooks or the checks at work, nor interrupted
    phases: tuple[PhaseBar, ...]
    interruptions: tuple[Interruption, ...]


@dataclass(frozen=True)
class Moves:
    """What was where before, and where it is now."""

    old_instance: InstanceFacts | None
    new_instance: InstanceFacts | None
    image: str
    volumes: tuple[VolumeMove, ...]
    address: AddressMove | None
    snapshots: tuple[SnapshotFacts, ...]
    snapshots_skipped: str
    quarantine: QuarantineFacts | None


@dataclass(frozen=True)
class ScanLine:
    step: str
    facts: int
    seconds: float


@dataclass(frozen=True)
class DrillFacts:
    """What a drill has shown."""

    readiness: str  # ready, not ready, unknown
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    image: str  # that it left; empty: none
    scans: tuple[ScanLine, ...]


@dataclass(frozen=True)
class ImageProof:
    """How a recovery that started from a drill's image knows what came out of it."""

    image: str
    drill: str  # the run that made it
    proven: bool | None  # None: not tried yet
    why: str  # it is not proven
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Autopsy:
    run_id: str  # the run that made it
    instance: InstanceFacts | None
    disk: DiskFacts | None
    words: LastWords | None
    recount: Recount | None
    not_done: tuple[NotDone, ...]


@dataclass(frozen=True)
class Report:
    run: RunFacts
    outcome: Outcome
    next_action: str  # the journal's own sentence
    acts: tuple[Act, ...]
    verdict: str  # why the host was taken for down
    halt: Halt | None
    timing: Timing
    moves: Moves
    checks: tuple[CheckLine, ...]
    ansible: AnsibleSummary | None
    is_drill: bool = False
    drill: DrillFacts | None = None
    proof: ImageProof | None = None
    autopsy: Autopsy | None = None
    detection: Detection | None = None
