"""Every step of a drill and of its undo; and the steps of any run, by its mode."""

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
from releve.model.run import Mode, Phase, RunInput, RunRecord
from releve.ports.journal import Journal
from releve.recovery.recover import catalogue_of as recovery_catalogue_of
from releve.recovery.recover import has_touched
from releve.recovery.recover import steps_to_undo as recovery_steps_to_undo
from releve.recovery.report.of_run import PHASES
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


def steps_for_drill(*, twins: int) -> tuple[str, ...]:
    return tuple(step.name for step in _chosen(with_second=twins > 1))


def drill_undo_steps() -> tuple[str, ...]:
    return tuple(step.name for step in UNDO)


def catalogue_of(run: RunInput) -> Mapping[str, Step]:
    """Name to step, for a run of either mode."""
    if run.mode is not Mode.DRILL:
        return recovery_catalogue_of(run)
    with_second = CreateSecond.name in run.steps
    return {step.name: step() for step in (*_chosen(with_second=with_second), *UNDO)}


def phases_of(run: RunInput) -> Mapping[str, Phase]:
    """Step name to its phase, whatever version of Relève recorded the run."""
    if run.mode is not Mode.DRILL:
        return PHASES
    return {step.name: step.phase for step in (*DRILL, *SECOND, *UNDO)}


def steps_to_undo(record: RunRecord, *, journal: Journal) -> Sequence[str]:
    """The undo steps of this run; none where it touched nothing."""
    if record.input.mode is not Mode.DRILL:
        return recovery_steps_to_undo(record, journal=journal)
    if not has_touched(record, catalogue_of(record.input), journal=journal):
        return ()
    return drill_undo_steps()


def _chosen(*, with_second: bool) -> tuple[type[Step], ...]:
    if not with_second:
        return DRILL
    first = DRILL[: DRILL.index(LearnNoise)]
    return (*first, *SECOND, LearnFromSecond, *DRILL[DRILL.index(LearnNoise) + 1 :])
