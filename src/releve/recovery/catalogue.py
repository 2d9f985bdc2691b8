"""Every step of a recovery and of its undo, in the order in which a person reads them."""

from collections.abc import Mapping

from releve.plan.types import AutopsyPolicy, HostPlan
from releve.recovery.autopsy.compare import Compare
from releve.recovery.autopsy.last_words import HearLastWords
from releve.recovery.autopsy.reader import (
    AttachDisk,
    RemoveHelper,
    RemoveHelperAfterSalvage,
    StartHelper,
    StartHelperAlone,
    UndoHelper,
)
from releve.recovery.autopsy.salvage import SalvageFiles
from releve.recovery.autopsy.scans import ScanDead, ScanRecovered
from releve.recovery.autopsy.system_disk import ProveUnchanged, ReadDisk, ReadDiskAlone
from releve.recovery.steps.attach_volumes import AttachVolumes
from releve.recovery.steps.await_access import AwaitAccess
from releve.recovery.steps.await_instance import AwaitInstance
from releve.recovery.steps.await_volumes import AwaitVolumes
from releve.recovery.steps.close import Close
from releve.recovery.steps.confirm import Confirm
from releve.recovery.steps.converge import Converge, ConvergeAfterPrepare, Prepare
from releve.recovery.steps.create_instance import CreateInstance
from releve.recovery.steps.cut_over import CutOver
from releve.recovery.steps.detach_volumes import DetachVolumes
from releve.recovery.steps.fence import Fence
from releve.recovery.steps.from_image import (
    AttachBeforeBoot,
    AwaitStarted,
    CloseProven,
    ConvergeImage,
    ConvergeUnproven,
    CreateFromImage,
    StartInstance,
    VerifyConverged,
    VerifyImage,
)
from releve.recovery.steps.gates import Gates
from releve.recovery.steps.mark import Mark
from releve.recovery.steps.mount_volumes import MountVolumes
from releve.recovery.steps.preconditions import Preconditions
from releve.recovery.steps.prove_image import ProveImage
from releve.recovery.steps.quarantine import Promote, Quarantine
from releve.recovery.steps.reserve_port import ReservePort
from releve.recovery.steps.snapshot_volumes import SnapshotVolumes
from releve.recovery.steps.verify import Verify, VerifyOutside
from releve.recovery.undo.release_port import ReleasePort
from releve.recovery.undo.return_service import DiscardNewInstance, OpenFence, ReturnAddress
from releve.recovery.undo.return_volumes import AttachToOld, DetachFromNew
from releve.recovery.undo.stop_new_instance import StopNewInstance
from releve.workflow.step import Step

RECOVER: tuple[type[Step], ...] = (
    Gates,
    Confirm,
    Preconditions,
    Mark,
    Fence,
    ReservePort,
    CreateInstance,
    SnapshotVolumes,
    DetachVolumes,
    AwaitVolumes,
    AwaitInstance,
    AwaitAccess,
    AttachVolumes,
    MountVolumes,
    Prepare,
    Converge,
    Verify,
    CutOver,
    VerifyOutside,
    Quarantine,
    Promote,
    Close,
)
FROM_IMAGE: tuple[type[Step], ...] = (
    Gates,
    Confirm,
    Preconditions,
    Mark,
    Fence,
    ReservePort,
    CreateFromImage,
    SnapshotVolumes,
    DetachVolumes,
    AwaitVolumes,
    AttachBeforeBoot,
    StartInstance,
    AwaitStarted,
    AwaitAccess,
    MountVolumes,
    ConvergeImage,
    ProveImage,
    VerifyImage,
    CutOver,
    VerifyOutside,
    ConvergeUnproven,
    VerifyConverged,
    Quarantine,
    Promote,
    CloseProven,
)
AUTOPSY: tuple[type[Step], ...] = (  # once the host is back
    ReadDisk,
    StartHelper,
    AttachDisk,
    HearLastWords,
    ScanDead,
    ScanRecovered,
    Compare,
    RemoveHelper,
    ProveUnchanged,
)
SALVAGE: tuple[type[Step], ...] = (
    ReadDiskAlone,
    StartHelperAlone,
    AttachDisk,
    SalvageFiles,
    RemoveHelperAfterSalvage,
    ProveUnchanged,
)
AUTOPSY_ALONE: tuple[type[Step], ...] = (ReadDiskAlone, StartHelperAlone, *AUTOPSY[2:])
UNDO_LOOK_BACK: tuple[type[Step], ...] = (UndoHelper,)
UNDO: tuple[type[Step], ...] = (
    UndoHelper,
    StopNewInstance,
    DetachFromNew,
    AttachToOld,
    OpenFence,
    ReturnAddress,
    DiscardNewInstance,
    ReleasePort,
)


def steps_for(plan: HostPlan, *, image: bool = False) -> tuple[str, ...]:
    """Names of the steps of a recovery under this plan, in order; `image`: from a drill's image."""
    steps = FROM_IMAGE if image else RECOVER
    if plan.autopsy is AutopsyPolicy.ALWAYS:
        steps = (*steps, *AUTOPSY)
    with_prepare = plan.converge.early_tags and not image
    return tuple(step.name for step in steps if step is not Prepare or with_prepare)


def autopsy_steps() -> tuple[str, ...]:
    return tuple(step.name for step in AUTOPSY_ALONE)


def undo_steps() -> tuple[str, ...]:
    return tuple(step.name for step in UNDO)


def catalogue_for(plan: HostPlan, *, image: bool = False) -> Mapping[str, Step]:
    """Name to step; with early tags, the whole converge waits for the early one."""
    if image:
        return {step.name: step() for step in (*FROM_IMAGE, *AUTOPSY, *UNDO)}
    chosen = {step.name: step() for step in (*RECOVER, *AUTOPSY, *UNDO)}
    if plan.converge.early_tags:
        chosen[Converge.name] = ConvergeAfterPrepare()
    return chosen


def salvage_steps() -> tuple[str, ...]:
    return tuple(step.name for step in SALVAGE)


def catalogue_of_look_back(*, is_salvage: bool) -> Mapping[str, Step]:
    """Of a run that only looks back at a dead disk, and of its undo."""
    steps: tuple[type[Step], ...] = SALVAGE if is_salvage else AUTOPSY_ALONE
    return {step.name: step() for step in (*steps, *UNDO_LOOK_BACK)}
