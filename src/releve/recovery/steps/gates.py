"""Make sure that this run may act: nobody else holds the host, and the plan is the proposed one."""

from releve.errors import StepHalted
from releve.model.resources import Role
from releve.model.run import Phase, RunInput
from releve.recovery.fingerprint import fingerprint_of
from releve.recovery.preconditions import read_epoch
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

BESIDE_THE_HOST = frozenset({Role.TWIN.value, Role.HELPER.value})  # of runs that replace nothing


class Gates(Step):
    name = "gates"
    phase = Phase.DECIDE
    cell = "S02"
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"make sure that nobody else recovers {run.host} and that the plan is unchanged"

    def look(self, context: StepContext) -> Sight:
        require_unchanged(context.run)
        require_highest_epoch(context)
        context.outside.lease.verify()
        return Done(f"epoch {context.run.epoch}, plan unchanged", {"epoch": context.run.epoch})

    def act(self, context: StepContext) -> Sight:
        del context
        return Todo("gates only look")


def require_unchanged(run: RunInput) -> None:
    now = fingerprint_of(run)
    if now != run.fingerprint:
        raise StepHalted(
            "the plan, the playbooks or the inventory changed since this run was proposed",
            why=f"proposed {run.fingerprint[:12]}, found {now[:12]}",
            remedy="Cancel this run and propose a new one; or put the files back",
        )


def require_highest_epoch(context: StepContext) -> None:
    run = context.run
    for instance in context.outside.provider.find_instances(labels={"releve.host": run.host}):
        if instance.labels.get("releve.role") in BESIDE_THE_HOST:
            continue
        epoch = read_epoch(instance)
        if epoch >= run.epoch and instance.labels.get("releve.run") != run.run_id:
            raise StepHalted(
                f"instance {instance.name} was marked by a later run (epoch {epoch})",
                why=f"this run has epoch {run.epoch}; its journal may come from an old backup",
                remedy="Find the controller that holds the newer journal and work there",
            )
