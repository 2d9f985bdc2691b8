"""Wait until the new instance runs and has an address."""

from releve.errors import StepHalted
from releve.model.resources import Power
from releve.model.run import Phase, RunInput
from releve.recovery.steps.create_instance import raise_built_in_error
from releve.recovery.subject import read_new_instance
from releve.workflow.step import Done, Pending, Sight, Step, StepContext


class AwaitInstance(Step):
    name = "await_instance"
    phase = Phase.CREATE
    cell = "S09"
    needs = ("create_instance",)
    touches = False
    deadline_seconds = 600.0
    poll_seconds = 0.2

    def describe(self, run: RunInput) -> str:
        del run
        return "wait until the new instance runs and has an address"

    def look(self, context: StepContext) -> Sight:
        instance = read_new_instance(context)
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if instance.power is Power.STOPPED:
            raise StepHalted(
                f"the new instance {instance.name} stopped by itself",
                remedy="Read its console at the provider; start it",
            )
        if instance.power is not Power.RUNNING or instance.busy:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        if not instance.private_address:
            return Pending(f"{instance.name} runs; it has no address yet")
        return Done(
            f"{instance.name} runs at {instance.private_address}",
            {"instance_id": instance.id, "private_address": instance.private_address},
        )

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("waiting only looks")
