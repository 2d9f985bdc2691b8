"""Every step of a drill and of its undo."""

from collections.abc import Mapping, Sequence
from typing import Final

from releve.drill.steps.age import AgeTwin
from releve.drill.steps.capture import CaptureImage, CleanTwin, StopTwin
from releve.drill.steps.conclude import Conclude, UndoConclude
from releve.drill.steps.converge import ConvergeSecond, ConvergeTwin, Idempotence
from releve.drill.steps.create import (
    CreateAged,
    CreateSecond,
    CreateTwin,
    ReachAged,
    ReachSecond,
    StartAged,
)
from releve.drill.steps.destroy import DestroyTwin, UndoTwins
from releve.drill.steps.gates import DrillGates
from releve.drill.steps.learn import LearnFromSecond, LearnNoise
from releve.drill.steps.preconditions import DrillPreconditions
from releve.drill.steps.replay import ReplayPackages
from releve.drill.steps.scan import ScanAged, ScanBase, ScanMade, ScanReplayed, ScanSecond
from releve.drill.steps.verify import VerifyAged, VerifyTwin
from releve.drill.steps.volumes import (
    AttachSecondVolumes,
    AttachTwinVolumes,
    MountAgedVolumes,
    MountSecondVolumes,
    MountTwinVolumes,
    MoveVolumes,
    ProvideSecondVolumes,
    ProvideVolumes,
)
from releve.model.run import RunInput, RunRecord
from releve.ports.journal import Journal
from releve.recovery.recover import has_touched
from releve.recovery.steps.await_access import AwaitAccess
from releve.recovery.steps.await_instance import AwaitInstance
from releve.workflow.step import Step

DRILL: Final[tuple[type[Step], ...]] = (
    DrillGates,
    DrillPreconditions,
    CreateTwin,
    ProvideVolumes,
    AwaitInstance,
    AwaitAccess,
    ScanBase,
    AttachTwinVolumes,
    MountTwinVolumes,
    ConvergeTwin,
    ScanMade,
    VerifyTwin,
    Idempotence,
    CleanTwin,
    StopTwin,
    CaptureImage,
    CreateAged,
    MoveVolumes,
    StartAged,
    ReachAged,
    MountAgedVolumes,
    VerifyAged,
    AgeTwin,
    ScanAged,
    ReplayPackages,
    ScanReplayed,
    LearnNoise,
    DestroyTwin,
    Conclude,
)
SECOND: Final[tuple[type[Step], ...]] = (
    CreateSecond,
    ProvideSecondVolumes,
    ReachSecond,
    AttachSecondVolumes,
    MountSecondVolumes,
    ConvergeSecond,
    ScanSecond,
)
UNDO: Final[tuple[type[Step], ...]] = (UndoTwins, UndoConclude)
DRILL_PHASES: Final = {step.name: step.phase for step in (*DRILL, *SECOND, *UNDO)}


def steps_for_drill(*, twins: int) -> tuple[str, ...]:
    return tuple(step.name for step in _chosen(with_second=twins > 1))


def drill_undo_steps() -> tuple[str, ...]:
    return tuple(step.name for step in UNDO)


def drill_catalogue(run: RunInput) -> Mapping[str, Step]:
    """Name to step, of a drill and of its undo."""
    with_second = CreateSecond.name in run.steps
    return {step.name: step() for step in (*_chosen(with_second=with_second), *UNDO)}


def drill_steps_to_undo(record: RunRecord, *, journal: Journal) -> Sequence[str]:
    """The undo steps of this drill; none where it touched nothing."""
    if not has_touched(record, drill_catalogue(record.input), journal=journal):
        return ()
    return drill_undo_steps()


def _chosen(*, with_second: bool) -> tuple[type[Step], ...]:
    if not with_second:
        return DRILL
    first = DRILL[: DRILL.index(LearnNoise)]
    return (*first, *SECOND, LearnFromSecond, *DRILL[DRILL.index(LearnNoise) + 1 :])
