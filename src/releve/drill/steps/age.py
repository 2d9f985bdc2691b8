"""Let a twin live through what an ordinary year brings, so that it is known for noise."""

from releve.drill.scripts import run_script
from releve.drill.subject import Twin, door_to_twin, why_left_out
from releve.model.run import Phase, RunInput
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

AGE_SECONDS = 150.0


class AgeTwin(Step):
    name = "age_twin"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("verify_image",)

    def describe(self, run: RunInput) -> str:
        del run
        return "run its packages' timers and rotations early, restart its services"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"left_out": why})
        return Todo("ageing is not remembered; twice is no harm")

    def act(self, context: StepContext) -> Sight:
        notes = run_script(
            context.outside.access,
            door_to_twin(context, Twin.AGED),
            "age_twin.sh",
            seconds=AGE_SECONDS,
        )
        says = f"aged, with {len(notes)} note(s)" if notes else "aged"
        return Done(says, {"notes": list(notes)})
