"""Verify all that the whole run will need; nothing is touched before this holds."""

from dataclasses import asdict

from releve.errors import StepHalted
from releve.model.run import Phase, RunInput
from releve.recovery.image import IMAGE_ROLE
from releve.recovery.preconditions import list_run_problems, resolve_current_instance
from releve.recovery.subject import plan_of, read_volumes
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class Preconditions(Step):
    name = "preconditions"
    phase = Phase.DECIDE
    cell = "S03"
    needs = ("gates",)
    touches = False

    def describe(self, run: RunInput) -> str:
        plan = plan_of(run)
        volumes = ", ".join(plan.volumes) or "none"
        return f"verify image {plan.image}, volumes {volumes}, address {plan.address}, playbook"

    def look(self, context: StepContext) -> Sight:
        run, provider = context.run, context.outside.provider
        instance = resolve_current_instance(provider, run.host, plan_of(run))
        problems = list_run_problems(run, context.outside)
        if problems:
            raise StepHalted(
                f"{len(problems)} precondition(s) do not hold: {problems[0].what}",
                why=problems[0].why,
                remedy=problems[0].remedy,
            )
        image = provider.get_image(plan_of(run).image)
        return Done(
            f"the instance to replace is {instance.name}; all it takes is there",
            {
                "old_instance": asdict(instance) | {"power": instance.power.value},
                "volumes": describe_volumes(context),
                "address": plan_of(run).address,
                "image": {"id": image.id, "name": image.name},
                "start_image": choose_start_image(context),
            },
        )

    def act(self, context: StepContext) -> Sight:
        del context
        return Todo("preconditions only look")


def choose_start_image(context: StepContext) -> dict[str, str]:
    """The drill's image that was proposed, where it is still there; else nothing."""
    proposed = context.run.options.get("image") or {}
    if not proposed:
        return {}
    wanted = {"releve.run": str(proposed["run_id"]), "releve.role": IMAGE_ROLE}
    for image in context.outside.provider.find_images(wanted):
        if image.id == proposed["id"] and image.ready:
            return {"id": image.id, "name": image.name, "run_id": str(proposed["run_id"])}
    return {}


def describe_volumes(context: StepContext) -> list[dict[str, object]]:
    plan = plan_of(context.run)
    return [
        {
            "name": name,
            "id": volume.id,
            "size_bytes": volume.size_bytes,
            "filesystem_uuid": volume.filesystem_uuid,
            "mount_point": plan.volumes[name].mount,
        }
        for name, volume in read_volumes(context).items()
    ]
