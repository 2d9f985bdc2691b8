"""Wait until the provider gives each volume free."""

from releve.model.run import Phase, RunInput
from releve.recovery.subject import find_new_instance, holders_of, read_volumes
from releve.workflow.step import Done, Pending, Sight, Step, StepContext


class AwaitVolumes(Step):
    name = "await_volumes"
    phase = Phase.MOVE
    cell = "S12"
    needs = ("detach_volumes",)
    touches = False

    def describe(self, run: RunInput) -> str:
        del run
        return "wait until each volume is free"

    def look(self, context: StepContext) -> Sight:
        new = find_new_instance(context)
        for name, volume in read_volumes(context).items():
            if new and holders_of(volume) == {new.id}:
                continue
            if volume.state != "available" or volume.attachments:
                return Pending(f"volume {name} is {volume.state}")
        return Done("each volume is free")

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("waiting only looks")
