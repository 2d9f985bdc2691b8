"""Start from the image that a drill left: the volumes are attached before the first boot.

Every unit then finds its data as it would after a reboot, and nothing has to be started again.
"""

from dataclasses import replace

from releve.model.resources import Power
from releve.model.run import Phase, RunInput
from releve.plan.types import ImageUse
from releve.recovery.steps.attach_volumes import AttachVolumes
from releve.recovery.steps.await_instance import AwaitInstance
from releve.recovery.steps.close import Close
from releve.recovery.steps.converge import Converge
from releve.recovery.steps.create_instance import (
    CreateInstance,
    raise_built_in_error,
    request_for,
)
from releve.recovery.steps.verify import (
    PATIENCE_SECONDS,
    Verify,
    VerifyOutside,
    describe,
    try_checks,
)
from releve.recovery.subject import (
    find_new_instance,
    instance_vantage,
    is_off,
    new_instance_id,
    plan_of,
    read_new_instance,
    require_fenced,
)
from releve.recovery.volume_owners import explain_other_owners
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class CreateFromImage(CreateInstance):
    """Made and left off."""

    def describe(self, run: RunInput) -> str:
        image = run.options["image"]
        return f"create the new instance from {image['name']}, the image of drill {image['run_id']}"

    def look(self, context: StepContext) -> Sight:
        instance = find_new_instance(context)
        if instance is None:
            return Todo("no instance of this run yet")
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if instance.busy or instance.power is Power.CHANGING:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        return Done(
            f"{instance.name} exists",
            {"instance_id": instance.id, "name": instance.name, "image": instance.image},
        )

    def act(self, context: StepContext) -> Sight:
        request = replace(request_for(context), start=False)
        image = context.output_of("preconditions")["start_image"]
        if image:
            request = replace(request, image_id=str(image["id"]))
        context.outside.provider.create_instance(request)
        return Pending("instance asked for")


class AttachBeforeBoot(AttachVolumes):
    needs = ("await_volumes", "create_instance")


class StartInstance(Step):
    name = "start_instance"
    phase = Phase.CREATE
    cell = "S08"
    needs = ("attach_volumes",)
    poll_seconds = 0.2

    def describe(self, run: RunInput) -> str:
        del run
        return "start it with its volumes in place"

    def look(self, context: StepContext) -> Sight:
        instance = read_new_instance(context)
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if is_off(instance):
            return Todo(f"{instance.name} is off")
        if instance.power is not Power.RUNNING or instance.busy:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        return Done(f"{instance.name} runs")

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        context.outside.provider.start_instance(new_instance_id(context))
        return Pending("start asked for")


class AwaitStarted(AwaitInstance):
    needs = ("start_instance",)


class ConvergeImage(Converge):
    """Before it serves, only where the image alone is not enough: the checks are asked first."""

    def describe(self, run: RunInput) -> str:
        playbook = plan_of(run).converge.playbook
        if plan_of(run).drill.image is ImageUse.START:
            return f"run {playbook} on it, since the plan says `image: start`"
        return f"leave {playbook} out where the image passes the checks: it is what it makes"

    def look(self, context: StepContext) -> Sight:
        return Todo(why_converge(context) or "what came out of the image has to pass the checks")

    def act(self, context: StepContext) -> Sight:
        why = why_converge(context)
        if not why:
            results = try_checks(context, instance_vantage, patience_seconds=PATIENCE_SECONDS)
            failed = [result for result in results if not result.passed]
            if not failed:
                why = "the image is what the playbook made of its twin"
                return Done(f"left out: {why}", {"left_out": why, **describe(results)})
            why = f"{failed[0].name} fails on what came out of the image"
        context.report_progress(why)
        return super().act(context)


class VerifyImage(Verify):
    """The checks of a moment ago, where no playbook ran since."""

    def look(self, context: StepContext) -> Sight:
        made = context.output_of("converge").get("checks")
        if made is None:
            return super().look(context)
        return Done(f"{len(made)} of {len(made)} checks pass", {"checks": made})


class ConvergeUnproven(Converge):
    """On the host that serves already, as a team does every day."""

    name = "converge_unproven"
    needs = ("prove_image", "verify_outside")

    def describe(self, run: RunInput) -> str:
        return f"run {plan_of(run).converge.playbook} only if the proof fails"

    def look(self, context: StepContext) -> Sight:
        proof = context.output_of("prove_image")
        if proof.get("proven") or proof.get("left_out"):
            why = str(proof.get("left_out") or "the image is proven")
            return Done(f"left out: {why}", {"left_out": why})
        return Todo(str(proof["why"]))


class VerifyConverged(VerifyOutside):
    """Once more at the public address, where the playbook ran after the cutover."""

    name = "verify_converged"
    needs = ("converge_unproven",)

    def look(self, context: StepContext) -> Sight:
        if context.output_of("converge_unproven").get("left_out"):
            return Done("left out: nothing was changed since the address moved")
        return super().look(context)


class CloseProven(Close):
    needs = ("promote", "verify_converged")


def why_converge(context: StepContext) -> str:
    """Why the playbook has to run before the host serves; empty: it has not."""
    if plan_of(context.run).drill.image is ImageUse.START:
        return "the plan says `image: start`"
    if not context.output_of("preconditions")["start_image"]:
        return "the image was gone, so the base image was used"
    if context.output_of("mount_volumes").get("after_boot"):
        return "the volumes were mounted after the boot, so services started without their data"
    drill_run = str(context.run.options["image"]["run_id"])
    return explain_other_owners(context, drill_run=drill_run)
