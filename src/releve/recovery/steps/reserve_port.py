"""Reserve the new instance's network port first, where the provider has ports."""

from releve.errors import Ambiguous, StepHalted
from releve.model.identity import instance_name
from releve.model.resources import Role
from releve.model.run import Phase, RunInput
from releve.recovery.subject import labels_of, plan_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class ReservePort(Step):
    name = "reserve_port"
    phase = Phase.CREATE
    cell = "S07"
    needs = ("mark",)

    def describe(self, run: RunInput) -> str:
        del run
        return "reserve a network port, where the provider has ports"

    def look(self, context: StepContext) -> Sight:
        provider, run = context.outside.provider, context.run
        if not provider.capabilities.ports:
            return Done("this provider's instances bring their own port", {"port_id": ""})
        ports = provider.find_ports(name=instance_name(run.host, run.run_id))
        if len(ports) > 1:
            raise Ambiguous(
                f"{len(ports)} ports are called {ports[0].name}",
                why=", ".join(sorted(port.id for port in ports)),
                remedy="Keep one, rename the others at the provider",
            )
        if not ports:
            return Todo("no port of this run yet")
        if ports[0].labels.get("releve.run") != run.run_id:
            raise StepHalted(
                f"a port called {ports[0].name} exists and is not of this run",
                remedy="Rename it at the provider",
            )
        return Done(f"port {ports[0].id}", {"port_id": ports[0].id})

    def act(self, context: StepContext) -> Sight:
        run = context.run
        context.outside.provider.create_port(
            name=instance_name(run.host, run.run_id),
            network=plan_of(run).network,
            labels=labels_of(run, Role.CANDIDATE),
        )
        return Pending("port asked for")
