"""Say what the drill has shown; then the image takes the place of the ones before it."""

from typing import ClassVar

from releve.drill.verdict import Verdict, judge, read_trace
from releve.errors import ProviderError
from releve.model.run import Phase, RunInput
from releve.recovery.image import IMAGE_ROLE
from releve.recovery.recover import find_open_recovery
from releve.recovery.subject import plan_of
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class Conclude(Step):
    name = "conclude"
    phase = Phase.CLOSE
    cell = "R17"
    needs: ClassVar[tuple[str, ...]] = ("destroy_twin",)

    def describe(self, run: RunInput) -> str:
        return f"say whether {run.host} is ready to be recovered"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("the verdict is not spoken yet")

    def act(self, context: StepContext) -> Sight:
        verdict = conclude(context)
        retired = retire_images(context) if verdict.image else []
        return Done(say(verdict), {**verdict.as_output(), "retired": retired})


class UndoConclude(Step):
    """Of a drill that was broken off; what it had shown until then counts."""

    name = "undo_conclude"
    phase = Phase.UNDO
    cell = "RU2"
    needs = ("undo_twins",)
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"say what is known of {run.host}"

    def look(self, context: StepContext) -> Sight:
        verdict = conclude(context, was_broken_off=True)
        return Done(say(verdict), {**verdict.as_output(), "image": ""})

    def act(self, context: StepContext) -> Sight:
        return self.look(context)


def conclude(context: StepContext, *, was_broken_off: bool = False) -> Verdict:
    journal, run = context.outside.journal, context.run
    cancelled = was_broken_off and journal.read_run(run.run_id).cancel_requested
    trace = read_trace(journal.read_events(run.run_id), cancelled=cancelled)
    return judge(trace, plan_of(run), commit=run.commit)


def say(verdict: Verdict) -> str:
    return f"{verdict.readiness.value}: {verdict.reasons[0]}"


def retire_images(context: StepContext) -> list[str]:
    """Names of older images of this host that are deleted; none while a recovery may use one."""
    run, provider = context.run, context.outside.provider
    if find_open_recovery(run.host, journal=context.outside.journal):
        return []
    retired = []
    for image in provider.find_images({"releve.host": run.host, "releve.role": IMAGE_ROLE}):
        if image.labels.get("releve.run") == run.run_id:
            continue
        try:
            provider.delete_image(image.id)
        except ProviderError:
            continue  # the next drill tries again
        retired.append(image.name)
    return retired
