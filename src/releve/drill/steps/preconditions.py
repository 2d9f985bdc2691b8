"""Verify all that a twin will need; nothing of production is among it."""

from releve.drill.subject import Twin, drill_of, request_twin
from releve.errors import Missing, StepHalted
from releve.model.run import Phase, RunInput
from releve.plan.problems import Problem
from releve.plan.types import DrillVolumes
from releve.recovery.image import image_fingerprint
from releve.recovery.preconditions import list_twin_problems
from releve.recovery.subject import plan_of
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class DrillPreconditions(Step):
    name = "preconditions"
    phase = Phase.DECIDE
    cell = "R02"
    needs = ("gates",)
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"verify image {plan_of(run).image}, size, keys, quota and playbook"

    def look(self, context: StepContext) -> Sight:
        run, provider = context.run, context.outside.provider
        problems = list_problems(context)
        if problems:
            raise StepHalted(
                f"{len(problems)} precondition(s) do not hold: {problems[0].what}",
                why=problems[0].why,
                remedy=problems[0].remedy,
            )
        image = provider.get_image(plan_of(run).image)
        return Done(
            "all that a twin takes is there",
            {
                "image": {"id": image.id, "name": image.name},
                "image_fingerprint": image_fingerprint(
                    plan_of(run), run.repository, base_image=image.id
                ),
            },
        )

    def act(self, context: StepContext) -> Sight:
        del context
        return Todo("preconditions only look")


def list_problems(context: StepContext) -> list[Problem]:
    run, outside = context.run, context.outside
    problems = list(list_twin_problems(run, outside))
    if not problems:
        image = outside.provider.get_image(plan_of(run).image)
        request = request_twin(context, Twin.FIRST, image_id=image.id)
        problems += [
            Problem(
                f"the provider could not create a twin: {shortfall}",
                "a drill starts only when its twin can be had",
                "raise the quota or free what is unused there",
                ("hosts", run.host),
            )
            for shortfall in outside.provider.list_shortfalls(request)
        ]
    if drill_of(run).volumes is DrillVolumes.CLONE:
        problems += list_uncloneable(context)
    return problems


def list_uncloneable(context: StepContext) -> list[Problem]:
    problems = []
    for name, planned in plan_of(context.run).volumes.items():
        try:
            context.outside.provider.get_volume(planned.id)
        except Missing as error:
            place = ("hosts", context.run.host, "volumes", name)
            problems.append(Problem(error.what, "it cannot be cloned", error.remedy, place))
    return problems
