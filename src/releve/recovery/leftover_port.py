"""A port that a run made and no instance got: a create that was refused leaves one behind."""

from releve.model.resources import Port
from releve.workflow.step import StepContext


def find_leftover_port(context: StepContext, *names: str) -> Port | None:
    """Of this run, by one of these names, on no instance."""
    provider, run = context.outside.provider, context.run
    if not provider.capabilities.ports:
        return None
    for name in names:
        for port in provider.find_ports(name=name):
            if port.labels.get("releve.run") == run.run_id and not port.instance_id:
                return port
    return None
