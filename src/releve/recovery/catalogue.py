"""Every step of a recovery and of its undo, in the order in which a person reads them."""

from collections.abc import Mapping

from releve.plan.types import HostPlan
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
    Verify,
    CutOver,
    VerifyOutside,
    ConvergeUnproven,
    VerifyConverged,
    Quarantine,
    Promote,
    CloseProven,
)
UNDO: tuple[type[Step], ...] = (
    StopNewInstance,
    DetachFromNew,
    AttachToOld,
    OpenFence,
    ReturnAddress,
    DiscardNewInstance,
)


def steps_for(plan: HostPlan, *, image: bool = False) -> tuple[str, ...]:
    """Names of the steps of a recovery under this plan, in order; `image`: from a drill's image."""
    if image:
        return tuple(step.name for step in FROM_IMAGE)
    return tuple(step.name for step in RECOVER if step is not Prepare or plan.converge.early_tags)


def undo_steps() -> tuple[str, ...]:
    return tuple(step.name for step in UNDO)


def catalogue_for(plan: HostPlan, *, image: bool = False) -> Mapping[str, Step]:
    """Name to step; with early tags, the whole converge waits for the early one."""
    if image:
        return {step.name: step() for step in (*FROM_IMAGE, *UNDO)}
    chosen = {step.name: step() for step in (*RECOVER, *UNDO)}
    if plan.converge.early_tags:
        chosen[Converge.name] = ConvergeAfterPrepare()
    return chosen
