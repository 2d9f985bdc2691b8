"""Scan an instance of a run, once per role, and keep what was read."""

from releve.model.observed import ScanRecord, ScanRole
from releve.ports.access import Door
from releve.scan.request import ScanRequest
from releve.scan.scan import scan_and_save
from releve.workflow.step import StepContext


def find_scan(context: StepContext, role: ScanRole) -> ScanRecord | None:
    """The scan of that role that this run has made already."""
    run = context.run
    found = context.outside.observed.find_scans(run.host, role=role, run_id=run.run_id, limit=1)
    return found[0] if found else None


def scan_instance(
    context: StepContext, role: ScanRole, *, instance_id: str, door: Door, base_image: str
) -> ScanRecord:
    """Raises what the scan raises; nothing is kept then."""
    run, outside = context.run, context.outside
    record = ScanRecord(
        scan_id=f"{run.run_id}-{role.value}",
        host=run.host,
        role=role,
        instance_id=instance_id,
        taken_at=outside.clock.now().isoformat(timespec="seconds"),
        run_id=run.run_id,
        commit=run.commit,
        fingerprint=run.fingerprint,
        base_image=base_image,
    )
    request = ScanRequest(secret=outside.observed.secret_for(run.host))
    return scan_and_save(outside.access, door, request, record=record, store=outside.observed)
