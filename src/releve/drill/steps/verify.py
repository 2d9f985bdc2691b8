"""Make the plan's checks on twins; a check that fails is told, and ends no drill."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import ClassVar

from releve.drill.subject import Twin, door_to_twin, why_left_out
from releve.model.checks import CheckResult
from releve.model.run import Phase, RunInput
from releve.ports.checker import Vantage
from releve.recovery.steps.verify import PATIENCE_SECONDS, try_checks
from releve.recovery.subject import plan_of
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class VerifyTwin(Step):
    name = "verify"
    phase = Phase.VERIFY
    cell = "R07"
    needs: ClassVar[tuple[str, ...]] = ("converge",)
    touches = False
    twin = Twin.FIRST

    def describe(self, run: RunInput) -> str:
        return f"make {len(plan_of(run).checks)} checks on the twin"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"checks": [], "left_out": why})
        return Todo("checks are made, not remembered")

    def act(self, context: StepContext) -> Sight:
        results = try_checks(context, self._vantage, patience_seconds=PATIENCE_SECONDS)
        return Done(count_passed(results), {"checks": [asdict(result) for result in results]})

    def _vantage(self, context: StepContext) -> Vantage:
        door = door_to_twin(context, self.twin)
        return Vantage(
            name="instance", address=door.address, door=door, repository=context.run.repository
        )


class VerifyAged(VerifyTwin):
    """Only where it was made from the image: that is what a recovery would start from."""

    name = "verify_image"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("mount_aged",)
    twin = Twin.AGED

    def describe(self, run: RunInput) -> str:
        return f"make {len(plan_of(run).checks)} checks on the twin from the image"

    def look(self, context: StepContext) -> Sight:
        if context.output_of("create_aged").get("in_place"):
            return Done("left out: no image was made", {"checks": []})
        return super().look(context)


def count_passed(results: Sequence[CheckResult]) -> str:
    return f"{sum(result.passed for result in results)} of {len(results)} checks pass"
