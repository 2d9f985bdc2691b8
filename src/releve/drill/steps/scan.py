"""Scan twins: before any playbook, right after it, aged, and with the live host's packages."""

from releve.drill.subject import Twin, base_image, door_to_twin, twin_id, why_left_out
from releve.errors import AccessError, Unreachable
from releve.model.observed import ScanRecord, ScanRole
from releve.model.run import Phase, RunInput
from releve.recovery.scanning import find_scan, scan_instance
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class ScanTwin(Step):
    """A scan that fails is told, and ends no drill: the recovery is rehearsed all the same."""

    phase = Phase.STUDY
    touches = False
    deadline_seconds = 1800.0
    role: ScanRole
    twin = Twin.FIRST
    of = "the twin"

    def describe(self, run: RunInput) -> str:
        del run
        return f"read all that {self.of} is"

    def look(self, context: StepContext) -> Sight:
        if why := self._why_not(context):
            return Done(f"left out: {why}", {"scan_id": "", "left_out": why})
        found = find_scan(context, self.role)
        return describe_scan(found) if found else Todo("not scanned yet")

    def act(self, context: StepContext) -> Sight:
        try:
            record = scan_instance(
                context,
                self.role,
                instance_id=twin_id(context, self.twin),
                door=door_to_twin(context, self.twin),
                base_image=str(base_image(context)["id"]),
            )
        except Unreachable:
            raise
        except AccessError as error:
            return Done(f"not scanned: {error}", {"scan_id": "", "left_out": str(error)})
        return describe_scan(record)

    def _why_not(self, context: StepContext) -> str:
        return why_left_out(context)


class ScanBase(ScanTwin):
    name = "scan_base"
    cell = "R04"
    needs = ("await_access",)
    role = ScanRole.BASE
    of = "the bare base image"

    def _why_not(self, context: StepContext) -> str:
        del context
        return ""


class ScanMade(ScanTwin):
    name = "scan_twin"
    cell = "R09"
    needs = ("converge",)
    role = ScanRole.TWIN


class ScanSecond(ScanTwin):
    """Kept as a twin like any other: a later drill may be held against it."""

    name = "scan_second"
    cell = "R13"
    needs = ("converge_second",)
    role = ScanRole.SECOND
    twin = Twin.SECOND
    of = "the second twin"

    def _why_not(self, context: StepContext) -> str:
        return why_left_out(context) or why_not_second(context)


class ScanAged(ScanTwin):
    name = "scan_aged"
    cell = "R12"
    needs = ("age_twin",)
    role = ScanRole.AGED
    twin = Twin.AGED
    of = "the aged twin"


class ScanReplayed(ScanTwin):
    name = "scan_replayed"
    cell = "R14"
    needs = ("replay_packages",)
    role = ScanRole.REPLAYED
    twin = Twin.AGED
    of = "the twin with the live host's packages"

    def _why_not(self, context: StepContext) -> str:
        return str(context.output_of("replay_packages").get("left_out", ""))


def why_not_second(context: StepContext) -> str:
    made = context.outputs.get("converge_second", {})
    return "" if made.get("succeeded") else "the playbook did not make the second twin"


def describe_scan(record: ScanRecord) -> Done:
    cut = "" if record.complete else ", cut"
    return Done(
        f"{record.facts:,} facts in {record.seconds:.1f} s{cut}",
        {
            "scan_id": record.scan_id,
            "facts": record.facts,
            "seconds": round(record.seconds, 3),
            "complete": record.complete,
        },
    )
