"""Run the team's playbook, unchanged, on the new instance."""

from dataclasses import asdict
from typing import Any, ClassVar

from releve.errors import ConvergeFailed
from releve.model.converge import ConvergeResult, TaskEvent, UnsettledTask, list_unsettled
from releve.model.run import EventKind, Phase, RunInput
from releve.ports.access import Door
from releve.ports.converger import ConvergeRequest, ConvergeWatch
from releve.recovery.subject import door_to_new_instance, plan_of
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class Prepare(Step):
    """The tasks that need no data, while the volumes are still on their way."""

    name = "prepare"
    phase = Phase.CONVERGE
    cell = "S15"
    needs = ("await_access",)
    deadline_seconds = 7200.0

    def describe(self, run: RunInput) -> str:
        converge = plan_of(run).converge
        return f"run {converge.playbook} for tags {', '.join(converge.early_tags)} meanwhile"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("a playbook is idempotent: it is run again rather than trusted")

    def act(self, context: StepContext) -> Sight:
        return converge(context, step=self.name, tags=early_tags(context.run))


class Converge(Step):
    name = "converge"
    phase = Phase.CONVERGE
    cell = "S15"
    needs: ClassVar[tuple[str, ...]] = ("mount_volumes",)
    deadline_seconds = 7200.0

    def describe(self, run: RunInput) -> str:
        return f"run {plan_of(run).converge.playbook}, unchanged, on the new instance"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("a playbook is idempotent: it is run again rather than trusted")

    def act(self, context: StepContext) -> Sight:
        return converge(context, step=self.name, tags=())


class ConvergeAfterPrepare(Converge):
    needs = ("mount_volumes", "prepare")


def early_tags(run: RunInput) -> tuple[str, ...]:
    return tuple(plan_of(run).converge.early_tags)


def converge(context: StepContext, *, step: str, tags: tuple[str, ...]) -> Done:
    result = attempt(context, step=step, tags=tags)
    if not result.succeeded:
        raise_not_converged(context.run, result)
    return Done(result.reason, describe_result(result))


def attempt(context: StepContext, *, step: str, tags: tuple[str, ...]) -> ConvergeResult:
    """One converge whose events are in the journal; how it ended is the caller's to judge."""

    def record(event: TaskEvent) -> None:
        context.outside.journal.append_task(context.run.run_id, step, event)

    watch = ConvergeWatch(
        on_task_start=context.report_progress,
        on_event=record,
        should_stop=context.should_stop,
        on_begin=record,
    )
    request = request_for(
        context, door_to_new_instance(context), tags=tags, unsettled=list_owed(context, step)
    )
    return context.outside.converger.converge(request, watch=watch)


def list_owed(context: StepContext, step: str) -> tuple[UnsettledTask, ...]:
    """Tasks of earlier tries of this step, killed or failed, whose handlers are still owed."""
    journal, run_id = context.outside.journal, context.run.run_id
    intents = [
        event
        for event in journal.read_events(run_id)
        if event.step == step and event.kind is EventKind.INTENT
    ]
    return list_unsettled(journal.read_tasks(run_id)) if len(intents) > 1 else ()


def request_for(
    context: StepContext,
    door: Door,
    *,
    tags: tuple[str, ...] = (),
    unsettled: tuple[UnsettledTask, ...] = (),
) -> ConvergeRequest:
    run, plan = context.run, plan_of(context.run).converge
    return ConvergeRequest(
        run_id=run.run_id,
        repository=run.repository,
        playbook=plan.playbook,
        inventory=tuple(plan.inventory),
        host=plan.name or run.host,
        door=door,
        tags=tags,
        skip_tags=tuple(plan.skip_tags),
        timeout_seconds=plan.timeout.total_seconds(),
        unsettled=unsettled,
    )


def raise_not_converged(run: RunInput, result: ConvergeResult) -> None:
    failed = result.failed_task
    where = f" (task '{failed.task}' at {failed.location})" if failed else ""
    raise ConvergeFailed(
        f"the playbook did not converge {run.host}{where}",
        why=(failed.message if failed and failed.message else result.reason)[:2000],
        remedy="Fix the playbook",
    )


def describe_result(result: ConvergeResult) -> dict[str, Any]:
    return asdict(result)
