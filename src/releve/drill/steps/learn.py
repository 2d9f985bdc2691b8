"""Learn what differs by itself, from twins that should be equal and from scans of the live host."""

from collections.abc import Iterator
from typing import ClassVar

from releve.drift.compare import compare
from releve.drift.noise import FROM_LIVE, learn
from releve.drill.subject import base_image
from releve.model.noise import NoiseMark
from releve.model.observed import ScanRecord, ScanRole
from releve.model.run import Phase, RunInput
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

FROM_TWINS = "two twins"
FROM_AGEING = "ageing"


class LearnNoise(Step):
    name = "learn_noise"
    phase = Phase.STUDY
    cell = "R15"
    needs: ClassVar[tuple[str, ...]] = ("scan_aged",)
    touches = False
    deadline_seconds = 1800.0

    def describe(self, run: RunInput) -> str:
        del run
        return "learn from the scans what differs by itself"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("what is learned twice is kept once")

    def act(self, context: StepContext) -> Sight:
        outside, run = context.outside, context.run
        base = str(base_image(context)["id"])
        counts: dict[str, int] = {}
        for source, ours, theirs in list_pairs(context):
            marks = list(learn_from(context, ours, theirs, source=source))
            outside.findings.save_noise(run.host, base, marks)
            counts[source] = counts.get(source, 0) + len(marks)
        told = ", ".join(f"{count:,} from {source}" for source, count in counts.items())
        return Done(told or "there is nothing to compare yet", {"marks": counts})


class LearnFromSecond(LearnNoise):
    needs = ("scan_aged", "scan_second")


def list_pairs(context: StepContext) -> Iterator[tuple[str, ScanRecord, ScanRecord]]:
    observed, run = context.outside.observed, context.run
    own = {scan.role: scan for scan in observed.find_scans(run.host, run_id=run.run_id)}
    twin = own.get(ScanRole.TWIN)
    if twin is not None:
        other = own.get(ScanRole.SECOND) or find_earlier_twin(context, twin)
        if other:
            yield FROM_TWINS, other, twin
        if ScanRole.AGED in own:
            yield FROM_AGEING, own[ScanRole.AGED], twin
    live = observed.find_scans(run.host, role=ScanRole.LIVE, limit=2)
    if len(live) == 2:
        yield FROM_LIVE, live[0], live[1]


def find_earlier_twin(context: StepContext, twin: ScanRecord) -> ScanRecord | None:
    """Of another drill of the very same plan, playbooks, inventory and base."""
    found = context.outside.observed.find_scans(
        twin.host, role=ScanRole.TWIN, fingerprint=twin.fingerprint, limit=10
    )
    for scan in found:
        if scan.run_id != twin.run_id and scan.base_image == twin.base_image and scan.complete:
            return scan
    return None


def learn_from(
    context: StepContext, ours: ScanRecord, theirs: ScanRecord, *, source: str
) -> Iterator[NoiseMark]:
    observed = context.outside.observed
    deviations = compare(
        observed.read_facts(ours.scan_id),
        observed.read_facts(theirs.scan_id),
        ours_partial=not ours.complete,
        theirs_partial=not theirs.complete,
    )
    return learn(deviations, source=source)
