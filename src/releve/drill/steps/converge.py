"""Run the team's playbook on twins: once to make them, once more to see that nothing changes."""

from typing import Any

from releve.drill.subject import Twin, door_to_twin, why_left_out
from releve.model.converge import ConvergeResult, TaskEvent
from releve.model.run import Phase, RunInput
from releve.ports.converger import ConvergeWatch
from releve.recovery.steps.converge import attempt, describe_result, request_for
from releve.recovery.subject import plan_of
from releve.workflow.carry_out import StopRequested
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

MOST_CHANGED = 50  # tasks listed


class ConvergeTwin(Step):
    """A playbook that fails is what the drill was for: it is told, and ends no run."""

    name = "converge"
    phase = Phase.CONVERGE
    cell = "R06"
    needs = ("mount_volumes", "scan_base")
    deadline_seconds = 7200.0

    def describe(self, run: RunInput) -> str:
        return f"run {plan_of(run).converge.playbook}, unchanged, on the twin"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("a playbook is idempotent: it is run again rather than trusted")

    def act(self, context: StepContext) -> Sight:
        result = attempt(context, step=self.name, tags=())
        stop_if_asked(context)
        return Done(result.reason, describe_result(result))


class Idempotence(Step):
    name = "idempotence"
    phase = Phase.STUDY
    cell = "R08"
    needs = ("scan_twin", "verify")
    deadline_seconds = 7200.0

    def describe(self, run: RunInput) -> str:
        return f"run {plan_of(run).converge.playbook} once more: nothing may change"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"left_out": why})
        return Todo("a second converge has to be seen")

    def act(self, context: StepContext) -> Sight:
        result, events = converge_unrecorded(context, Twin.FIRST)
        tasks = [describe_task(event) for event in events if event.status == "changed"]
        changed = sum(stats.changed for stats in result.stats)
        says = f"it changed {changed} task(s)" if changed else "it changed nothing"
        return Done(
            says if result.succeeded else f"it failed: {result.reason}",
            {
                "succeeded": result.succeeded,
                "reason": result.reason,
                "changed": changed,
                "tasks": tasks[:MOST_CHANGED],
                "seconds": result.seconds,
            },
        )


class ConvergeSecond(Step):
    name = "converge_second"
    phase = Phase.STUDY
    cell = "R13"
    needs = ("second_mount",)
    deadline_seconds = 7200.0

    def describe(self, run: RunInput) -> str:
        return f"run {plan_of(run).converge.playbook} on the second twin"

    def look(self, context: StepContext) -> Sight:
        if why := why_left_out(context):
            return Done(f"left out: {why}", {"left_out": why})
        return Todo("a playbook is idempotent: it is run again rather than trusted")

    def act(self, context: StepContext) -> Sight:
        result, _events = converge_unrecorded(context, Twin.SECOND)
        return Done(result.reason, {"succeeded": result.succeeded, "reason": result.reason})


def converge_unrecorded(context: StepContext, twin: Twin) -> tuple[ConvergeResult, list[TaskEvent]]:
    """Beside the journal, whose tasks are those that made the first twin."""
    events: list[TaskEvent] = []
    watch = ConvergeWatch(
        on_task_start=context.report_progress,
        on_event=events.append,
        should_stop=context.should_stop,
    )
    request = request_for(context, door_to_twin(context, twin))
    result = context.outside.converger.converge(request, watch=watch)
    stop_if_asked(context)
    return result, events


def stop_if_asked(context: StepContext) -> None:
    """A converge that was broken off says nothing of its playbook."""
    if context.should_stop():
        raise StopRequested


def describe_task(event: TaskEvent) -> dict[str, Any]:
    return {"task": event.task, "role": event.role, "location": event.location}
