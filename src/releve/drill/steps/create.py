"""Create each twin: apart from production, under the drill's own labels."""

from dataclasses import asdict

from releve.drill.subject import (
    Twin,
    base_image,
    find_twin,
    request_twin,
    twin_id,
    twin_name,
    why_left_out,
)
from releve.errors import Unreachable
from releve.model.resources import Instance, Power
from releve.model.run import Phase, RunInput
from releve.recovery.steps.await_access import LOGIN_SECONDS
from releve.recovery.steps.create_instance import raise_built_in_error
from releve.recovery.subject import is_off, make_door, plan_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class CreateTwin(Step):
    name = "create_instance"
    phase = Phase.CREATE
    cell = "R03"
    needs = ("preconditions",)

    def describe(self, run: RunInput) -> str:
        name = twin_name(run, Twin.FIRST)
        return f"create the twin {name} from image {plan_of(run).image}, apart from production"

    def look(self, context: StepContext) -> Sight:
        return look_for_started(context, Twin.FIRST)

    def act(self, context: StepContext) -> Sight:
        request = request_twin(context, Twin.FIRST, image_id=base_image(context)["id"])
        context.outside.provider.create_instance(request)
        return Pending("twin asked for")


class CreateSecond(Step):
    name = "create_second"
    phase = Phase.STUDY
    cell = "R13"
    needs = ("idempotence",)

    def describe(self, run: RunInput) -> str:
        return f"create a second twin, {twin_name(run, Twin.SECOND)}, to learn what is noise"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"instance_id": "", "left_out": why})
        return look_for_started(context, Twin.SECOND)

    def act(self, context: StepContext) -> Sight:
        request = request_twin(context, Twin.SECOND, image_id=base_image(context)["id"])
        context.outside.provider.create_instance(request)
        return Pending("second twin asked for")


class CreateAged(Step):
    """From the image, so that the image is proven to boot; or the first twin goes on as this."""

    name = "create_aged"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("capture_image",)

    def describe(self, run: RunInput) -> str:
        return f"create {twin_name(run, Twin.AGED)} from the image, to see that it serves"

    def look(self, context: StepContext) -> Sight:
        captured = context.output_of("capture_image")
        if why := captured.get("left_out") or "":
            first = "" if why_left_out(context) else twin_id(context, Twin.FIRST)
            return Done(f"the first twin itself: {why}", {"instance_id": first, "in_place": True})
        instance = find_twin(context, Twin.AGED)
        if instance is None:
            return Todo("no twin from the image yet")
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if instance.busy or instance.power is Power.CHANGING:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        return Done(f"{instance.name} exists", {"instance_id": instance.id, "in_place": False})

    def act(self, context: StepContext) -> Sight:
        image_id = str(context.output_of("capture_image")["image_id"])
        request = request_twin(context, Twin.AGED, image_id=image_id, start=False)
        context.outside.provider.create_instance(request)
        return Pending("twin from the image asked for")


class StartAged(Step):
    name = "start_aged"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("move_volumes",)

    def describe(self, run: RunInput) -> str:
        del run
        return "start it with its volumes in place"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}")
        instance = read_twin(context, Twin.AGED)
        if is_off(instance):
            return Todo(f"{instance.name} is off")
        if instance.power is not Power.RUNNING or instance.busy:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        return Done(f"{instance.name} runs")

    def act(self, context: StepContext) -> Sight:
        context.outside.provider.start_instance(twin_id(context, Twin.AGED))
        return Pending("start asked for")


class ReachTwin(Step):
    """Wait for its address, prove its host keys, log in."""

    twin: Twin
    phase = Phase.STUDY
    touches = False
    poll_seconds = 0.2

    def describe(self, run: RunInput) -> str:
        return f"prove the host keys of {twin_name(run, self.twin)}, then log in"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"left_out": why})
        instance = read_twin(context, self.twin)
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if instance.power is not Power.RUNNING or instance.busy or not instance.private_address:
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        host_keys = context.outside.provider.read_host_keys(instance.id)
        if not host_keys:
            return Pending("its host keys are not there yet")
        address = instance.private_address
        door = make_door(context.run, address=address, host_keys=host_keys, known_as=instance.id)
        try:
            context.outside.access.try_login(door, timeout_seconds=LOGIN_SECONDS)
        except Unreachable as error:
            return Pending(f"no shell yet: {error}")
        return Done(
            f"a shell at {address}",
            {"address": address, "host_keys": [asdict(key) for key in host_keys]},
        )

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("waiting only looks")


class ReachSecond(ReachTwin):
    name = "reach_second"
    cell = "R13"
    needs = ("create_second",)
    twin = Twin.SECOND


class ReachAged(ReachTwin):
    name = "reach_aged"
    cell = "R12"
    needs = ("start_aged",)
    twin = Twin.AGED


def look_for_started(context: StepContext, twin: Twin) -> Sight:
    instance = find_twin(context, twin)
    if instance is None:
        return Todo("no such twin yet")
    if instance.power is Power.ERROR:
        raise_built_in_error(instance)
    if instance.power is Power.STOPPED:
        return Todo(f"{instance.name} is made but not started")
    return Done(f"{instance.name} exists", {"instance_id": instance.id, "name": instance.name})


def read_twin(context: StepContext, twin: Twin) -> Instance:
    return context.outside.provider.get_instance(twin_id(context, twin))
