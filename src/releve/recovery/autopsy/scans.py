"""Read both machines: the dead one offline through the helper, the new one as it serves."""

from dataclasses import dataclass

from releve.model.observed import ScanRecord, ScanRole
from releve.model.run import RunInput
from releve.ports.access import Door
from releve.recovery.autopsy.autopsy_step import ReadingStep
from releve.recovery.autopsy.case import MOUNT, case_of, door_to_helper
from releve.scan.request import ScanRequest
from releve.scan.scan import scan_and_save
from releve.workflow.step import Done, StepContext

SCAN_SECONDS = 1800.0


@dataclass(frozen=True)
class Subject:
    """What is read, and from where."""

    role: ScanRole
    instance_id: str
    image: str
    door: Door
    root: str = ""


class ScanDead(ReadingStep):
    name = "autopsy_scan"
    cell = "A05"
    needs = ("autopsy_attach",)
    builds_on = ("autopsy_attach",)
    deadline_seconds = SCAN_SECONDS

    def describe(self, run: RunInput) -> str:
        del run
        return "scan the dead disk through the helper"

    def read(self, context: StepContext) -> Done:
        case = case_of(context)
        return scan(
            context,
            Subject(ScanRole.DEAD, case.dead, case.image, door_to_helper(context), root=MOUNT),
        )


class ScanRecovered(ReadingStep):
    name = "autopsy_recovered"
    cell = "A06"
    needs = ("autopsy_helper",)
    deadline_seconds = SCAN_SECONDS

    def describe(self, run: RunInput) -> str:
        del run
        return "scan the new instance as it serves"

    def read(self, context: StepContext) -> Done:
        case = case_of(context)
        return scan(context, Subject(ScanRole.RECOVERED, case.new, case.image, case.door))


def scan(context: StepContext, subject: Subject) -> Done:
    """Once per run and role: what a life before a kill has saved is taken."""
    run, outside = context.run, context.outside
    known = outside.observed.find_scans(run.host, role=subject.role, run_id=run.run_id, limit=1)
    if known:
        return describe(known[0])
    record = ScanRecord(
        scan_id=f"{run.run_id}-{subject.role.value}",
        host=run.host,
        role=subject.role,
        instance_id=subject.instance_id,
        taken_at=outside.clock.now().isoformat(timespec="seconds"),
        run_id=run.run_id,
        commit=run.commit,
        fingerprint=run.fingerprint,
        base_image=subject.image,
        offline=bool(subject.root),
    )
    request = ScanRequest(secret=outside.observed.secret_for(run.host), root=subject.root)
    return describe(
        scan_and_save(outside.access, subject.door, request, record=record, store=outside.observed)
    )


def describe(saved: ScanRecord) -> Done:
    return Done(
        f"{saved.facts} facts{'' if saved.complete else ', and it was cut'}",
        {"scan_id": saved.scan_id, "facts": saved.facts, "complete": saved.complete},
    )
