"""Prove that what came out of the image is what the playbooks made of its twin."""

from collections.abc import Iterator

from releve.drift.compare import compare
from releve.drift.noise import Mask
from releve.errors import JournalError, PlanError, ReleveError, RunHeld, Unreachable
from releve.model.fact_shapes import SHAPES
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind, ScanRecord, ScanRole
from releve.model.run import Phase, RunInput
from releve.model.server_text import show_server_text
from releve.plan.types import ImageUse
from releve.recovery.scanning import find_scan, scan_instance
from releve.recovery.subject import door_to_new_instance, new_instance_id, plan_of
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

MOST_DIFFERENCES = 20  # told
# What runs is the checks' to judge; what lies in databases came with the volumes.
_NOT_OF_THE_DISK = frozenset(
    {FactKind.DATABASE, FactKind.DATABASE_ROLE, FactKind.NOT_CHECKED, FactKind.EXCLUSION}
)
_OF_RUNNING = frozenset({"active", "load"})


class ProveImage(Step):
    name = "prove_image"
    phase = Phase.VERIFY
    cell = "S15"
    needs = ("converge",)  # beside the checks and the cutover: it holds up neither
    touches = False

    def describe(self, run: RunInput) -> str:
        if plan_of(run).drill.image is ImageUse.START:
            return "leave the proof out: the playbook runs all the same"
        return "scan it and hold it against the twin that the image was made of"

    def look(self, context: StepContext) -> Sight:
        if not context.output_of("converge").get("left_out"):
            why = "the playbook ran"
            return Done(f"left out: {why}", {"proven": False, "left_out": why})
        return Todo("what came out of the image has to be seen")

    def act(self, context: StepContext) -> Sight:
        try:
            twin = find_twin_scan(context)
            ours = find_scan(context, ScanRole.RECOVERED) or scan(context, twin)
            return judge(twin, ours, list(list_differences(context, ours, twin)))
        except (Unreachable, JournalError, RunHeld):
            raise
        except ReleveError as error:
            return unproven(f"the proof could not be made: {error}")


def find_twin_scan(context: StepContext) -> ScanRecord:
    image = context.output_of("preconditions")["start_image"]
    found = context.outside.observed.find_scans(
        context.run.host, role=ScanRole.TWIN, run_id=str(image["run_id"]), limit=1
    )
    if not found:
        raise PlanError(
            f"the scan of drill {image['run_id']} is not there",
            remedy="Drill the host again",
        )
    return found[0]


def scan(context: StepContext, twin: ScanRecord) -> ScanRecord:
    return scan_instance(
        context,
        ScanRole.RECOVERED,
        instance_id=new_instance_id(context),
        door=door_to_new_instance(context),
        base_image=twin.base_image,
    )


def judge(twin: ScanRecord, ours: ScanRecord, differences: list[str]) -> Done:
    if not (twin.complete and ours.complete):
        return unproven("a scan was cut, so not everything was seen")
    if differences:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        return unproven(
            f"it differs from its twin: {differences[0]}{more}",
            differences=differences[:MOST_DIFFERENCES],
        )
    return Done(
        f"{ours.facts:,} facts are as the playbook made them on the twin",
        {"proven": True, "facts": ours.facts, "scan_id": ours.scan_id},
    )


def unproven(why: str, *, differences: list[str] | None = None) -> Done:
    return Done(
        f"not proven: {why}", {"proven": False, "why": why, "differences": differences or []}
    )


def list_differences(context: StepContext, ours: ScanRecord, twin: ScanRecord) -> Iterator[str]:
    observed = context.outside.observed
    mask = Mask(context.outside.findings.read_noise(twin.host, twin.base_image))
    deviations = compare(observed.read_facts(ours.scan_id), observed.read_facts(twin.scan_id))
    for deviation in deviations:
        left = mask.apply(deviation)
        if left is not None and counts(left):
            yield f"{left.kind.value} {show_server_text(left.key)} {left.status.value}"


def counts(deviation: Deviation) -> bool:
    """Whether it speaks against the image: on the disk, and no everyday change below /var."""
    if deviation.status is DeviationStatus.NOT_CHECKED or deviation.kind in _NOT_OF_THE_DISK:
        return False
    if SHAPES[deviation.kind].live:
        return False
    if deviation.kind is FactKind.UNIT and deviation.attributes:
        return bool(set(deviation.attributes) - _OF_RUNNING)
    is_life = deviation.kind is FactKind.FILE and deviation.key.startswith("/var/")
    return not (is_life and deviation.attributes == ("content",))
