"""Create the new instance: once, with its identity in the same call."""

from releve.errors import StepHalted
from releve.model.identity import instance_name
from releve.model.resources import Instance, InstanceRequest, Power, Role
from releve.model.run import Phase, RunInput
from releve.plan.types import HostKeyPolicy
from releve.recovery.subject import find_new_instance, labels_of, plan_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class CreateInstance(Step):
    name = "create_instance"
    phase = Phase.CREATE
    cell = "S08"
    needs = ("reserve_port",)

    def describe(self, run: RunInput) -> str:
        plan = plan_of(run)
        size = f", size {plan.size}" if plan.size else ""
        return f"create {instance_name(run.host, run.run_id)} from image {plan.image}{size}"

    def look(self, context: StepContext) -> Sight:
        instance = find_new_instance(context)
        if instance is None:
            return Todo("no instance of this run yet")
        if instance.power is Power.ERROR:
            raise_built_in_error(instance)
        if instance.power is Power.STOPPED:
            return Todo(f"{instance.name} is made but not started")
        return Done(f"{instance.name} exists", {"instance_id": instance.id, "name": instance.name})

    def act(self, context: StepContext) -> Sight:
        context.outside.provider.create_instance(request_for(context))
        return Pending("instance asked for")


def raise_built_in_error(instance: Instance) -> None:
    raise StepHalted(
        f"the new instance {instance.name} ended in the provider's error state",
        why=f"the provider accepted it as {instance.id} and then failed to build it",
        remedy="See the provider's message for it; cancel this run and propose a new one",
    )


def request_for(context: StepContext) -> InstanceRequest:
    run, plan = context.run, plan_of(context.run)
    return InstanceRequest(
        name=instance_name(run.host, run.run_id),
        image_id=str(context.output_of("preconditions")["image"]["id"]),
        size=plan.size,
        network=plan.network,
        labels=labels_of(run, Role.CANDIDATE),
        authorized_keys=context.outside.access.public_keys(tuple(plan.ssh.identity_files)),
        port_id=str(context.output_of("reserve_port")["port_id"]),
        host_private_keys=carried_host_keys(context),
        volumes=tuple(volume.id for volume in plan.volumes.values()),
    )


def carried_host_keys(context: StepContext) -> tuple[str, ...]:
    ssh = plan_of(context.run).ssh
    if ssh.host_keys is not HostKeyPolicy.CARRY_OVER:
        return ()
    read = context.outside.converger.read_vaulted
    return tuple(read(context.run.repository, path).decode() for path in ssh.host_key_files)
