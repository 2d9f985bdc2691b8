"""Turn the converged twin's disk into an image: cleaned of identity, off, captured."""

from releve.drill.scripts import run_script
from releve.drill.subject import (
    Twin,
    base_image,
    door_to_twin,
    drill_of,
    image_name,
    twin_id,
    why_left_out,
)
from releve.errors import AccessError, Ambiguous
from releve.model.resources import Image, Role
from releve.model.run import Output, Phase, RunInput
from releve.plan.types import ImageUse
from releve.recovery.image import FINGERPRINT_LABEL, IMAGE_ROLE
from releve.recovery.subject import is_off, labels_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo

CLEAN_SECONDS = 120.0
ASK_SECONDS = 10.0
POWER_OFF_SECONDS = 20.0  # for its services to end in good order


class CleanTwin(Step):
    name = "clean_twin"
    phase = Phase.STUDY
    cell = "R10"
    needs = ("idempotence",)

    def describe(self, run: RunInput) -> str:
        del run
        return "take identity, caches and logs out of the twin's disk"

    def look(self, context: StepContext) -> Sight:
        if why := why_no_image(context):
            return Done(f"left out: {why}", {"left_out": why})
        return Todo("what is cleaned is not remembered")

    def act(self, context: StepContext) -> Sight:
        notes = run_script(
            context.outside.access,
            door_to_twin(context, Twin.FIRST),
            "clean_twin.sh",
            seconds=CLEAN_SECONDS,
        )
        return Done("cleaned", {"notes": list(notes)})


class StopTwin(Step):
    """Asked first, so that databases end in good order; then powered off."""

    name = "stop_twin"
    phase = Phase.STUDY
    cell = "R10"
    needs = ("clean_twin",)

    def describe(self, run: RunInput) -> str:
        del run
        return "shut the twin down"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"left_out": why})
        instance = context.outside.provider.get_instance(twin_id(context, Twin.FIRST))
        if is_off(instance):
            return Done(f"{instance.name} is off")
        if instance.busy:
            return Pending(f"{instance.name} is {instance.busy}")
        return Todo(f"{instance.name} is {instance.power.value}")

    def act(self, context: StepContext) -> Sight:
        identity, provider = twin_id(context, Twin.FIRST), context.outside.provider
        if ask_to_power_off(context):
            clock = context.outside.clock
            give_up = clock.monotonic() + POWER_OFF_SECONDS
            while clock.monotonic() < give_up and not context.should_stop():
                if is_off(provider.get_instance(identity)):
                    return Pending("it shut itself down")
                clock.sleep(self.poll_seconds)
        provider.stop_instance(identity)
        return Pending("stop asked for")


class CaptureImage(Step):
    name = "capture_image"
    phase = Phase.STUDY
    cell = "R11"
    needs = ("stop_twin",)
    deadline_seconds = 1800.0

    def describe(self, run: RunInput) -> str:
        return f"capture its disk as image {image_name(run)}"

    def look(self, context: StepContext) -> Sight:
        if why := why_no_image(context):
            return Done(f"left out: {why}", {"image_id": "", "left_out": why})
        image = find_own_image(context)
        if image is None:
            return Todo("no image of this drill yet")
        if not image.ready:
            return Pending(f"{image.name} is still being captured")
        return Done(f"{image.name} is there", {"image_id": image.id, "name": image.name})

    def act(self, context: StepContext) -> Sight:
        context.outside.provider.capture_image(
            twin_id(context, Twin.FIRST),
            name=image_name(context.run),
            labels=image_labels(context),
        )
        return Pending("image asked for")


def why_no_image(context: StepContext) -> str:
    """Why this drill leaves no image; empty: it does."""
    run = context.run
    if why := why_left_out(context):
        return why
    if run.options.get("no_image"):
        return "a person asked for none"
    if drill_of(run).image is ImageUse.NEVER:
        return "the plan says never"
    second: Output = context.outputs.get("idempotence", {})
    return "" if second.get("succeeded") else "the second converge failed"


def image_labels(context: StepContext) -> dict[str, str]:
    run = context.run
    return {
        **labels_of(run, Role.TWIN).as_mapping(),
        "releve.role": IMAGE_ROLE,
        "releve.commit": run.commit,
        "releve.base": str(base_image(context)["id"]),
        FINGERPRINT_LABEL: str(context.output_of("preconditions")["image_fingerprint"]),
    }


def find_own_image(context: StepContext) -> Image | None:
    wanted = {"releve.run": context.run.run_id, "releve.role": IMAGE_ROLE}
    found = context.outside.provider.find_images(wanted)
    if len(found) > 1:
        raise Ambiguous(
            f"this drill has {len(found)} images",
            why=", ".join(image.id for image in found),
            remedy="Delete all but one at the provider",
        )
    return found[0] if found else None


def ask_to_power_off(context: StepContext) -> bool:
    try:
        result = context.outside.access.run_command(
            door_to_twin(context, Twin.FIRST),
            command=("systemctl", "poweroff"),
            timeout_seconds=ASK_SECONDS,
        )
    except AccessError:
        return True  # it may be on its way down
    return result.exit_code == 0
