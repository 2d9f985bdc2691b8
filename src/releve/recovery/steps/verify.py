"""Prove the result with the plan's checks: on the new instance, then at the public address."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import ClassVar

from releve.errors import CheckFailed
from releve.model.checks import CheckResult
from releve.model.run import Phase, RunInput
from releve.ports.checker import Vantage
from releve.recovery.subject import (
    instance_vantage,
    plan_of,
    public_vantage,
)
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

PATIENCE_SECONDS = 30.0  # a service may still be warming up after its playbook
PAUSE_SECONDS = 1.0


class Verify(Step):
    name = "verify"
    phase = Phase.VERIFY
    cell = "S16"
    needs = ("converge",)
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"make {len(plan_of(run).checks)} checks on the new instance, before it serves"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("checks are made, not remembered")

    def act(self, context: StepContext) -> Sight:
        return prove(context, instance_vantage, before=f"{plan_of(context.run).address} moves")


class VerifyOutside(Step):
    name = "verify_outside"
    phase = Phase.CUTOVER
    cell = "S18"
    needs: ClassVar[tuple[str, ...]] = ("cut_over",)
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"make the checks that need no shell at {plan_of(run).address}, as a visitor would"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("checks are made, not remembered")

    def act(self, context: StepContext) -> Sight:
        return prove(context, vantage_at_public_address, before="the run ends")


def vantage_at_public_address(context: StepContext) -> Vantage:
    """Without a shell: what only a shell can tell is the same at either address."""
    return public_vantage(context.run, None)


def prove(
    context: StepContext, make_vantage: Callable[[StepContext], Vantage], *, before: str
) -> Done:
    """Try until every check passes or patience ends; CheckFailed then."""
    results = try_checks(context, make_vantage, patience_seconds=PATIENCE_SECONDS)
    failed = [result for result in results if not result.passed]
    if failed:
        raise_failed(failed, before=before)
    return Done(f"{len(results)} of {len(results)} checks pass", describe(results))


def try_checks(
    context: StepContext,
    make_vantage: Callable[[StepContext], Vantage],
    *,
    patience_seconds: float,
) -> tuple[CheckResult, ...]:
    """What the checks found when all passed, or when patience ended."""
    clock, checks = context.outside.clock, context.run.plan["host"]["checks"]
    give_up = clock.monotonic() + patience_seconds
    while True:
        results = context.outside.checker.run_checks(checks, vantage=make_vantage(context))
        failed = [result for result in results if not result.passed]
        if not failed or clock.monotonic() >= give_up or context.should_stop():
            return results
        context.report_progress(f"{failed[0].name}: {failed[0].reason}")
        clock.sleep(PAUSE_SECONDS)


def describe(results: Sequence[CheckResult]) -> dict[str, object]:
    return {"checks": [asdict(result) for result in results]}


def raise_failed(failed: Sequence[CheckResult], *, before: str) -> None:
    names = ", ".join(result.name for result in failed)
    raise CheckFailed(
        f"{len(failed)} check(s) fail on the new instance: {names}",
        why=failed[0].reason,
        remedy=f"Mend it before {before}",
    )
