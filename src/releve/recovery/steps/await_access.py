"""Read the new instance's host keys through the provider, and only then say the first word."""

from dataclasses import asdict

from releve.errors import Unreachable
from releve.model.run import Phase, RunInput
from releve.recovery.subject import make_door, new_instance_id
from releve.workflow.step import Done, Pending, Sight, Step, StepContext

LOGIN_SECONDS = 15.0


class AwaitAccess(Step):
    name = "await_access"
    phase = Phase.CREATE
    cell = "S10"
    needs = ("await_instance",)
    touches = False
    deadline_seconds = 300.0
    poll_seconds = 0.2

    def describe(self, run: RunInput) -> str:
        del run
        return "read its SSH host keys through the provider, then log in"

    def look(self, context: StepContext) -> Sight:
        host_keys = context.outside.provider.read_host_keys(new_instance_id(context))
        if not host_keys:
            return Pending("its host keys are not there yet")
        address = str(context.output_of("await_instance")["private_address"])
        door = make_door(
            context.run, address=address, host_keys=host_keys, known_as=new_instance_id(context)
        )
        try:
            context.outside.access.try_login(door, timeout_seconds=LOGIN_SECONDS)
        except Unreachable as error:
            return Pending(f"no shell yet: {error}")
        return Done(
            f"a shell at {address} under {len(host_keys)} proven host key(s)",
            {"address": address, "host_keys": [asdict(key) for key in host_keys]},
        )

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("waiting only looks")
