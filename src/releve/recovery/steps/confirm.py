"""Confirm that the host is down, from three sides, before anything is touched."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from releve.errors import AccessError, ProviderError, StepHalted
from releve.model.checks import CheckResult
from releve.model.resources import Instance, Power
from releve.model.run import Phase, RunInput
from releve.model.server_text import show_server_text
from releve.recovery.preconditions import resolve_current_instance
from releve.recovery.subject import make_door, plan_of, public_vantage
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

PROBE_SECONDS = 5.0
CHECK_SECONDS = 3  # a host that answers later than this is not serving
WRITE_PROBE = (
    "sh",
    "-c",
    """\
f=$(mktemp /var/tmp/.releve-probe.XXXXXX) && echo probe >$f && sync $f && rm -f $f
code=$?
timeout 2 dmesg 2>/dev/null | tail -n 40
exit $code""",
)
MOST_KERNEL_LINES = 40  # kept for the autopsy: the disk itself may not have taken them any more


@dataclass(frozen=True)
class Probe:
    """What a write inside came to, and what the kernel said last."""

    failure: str = ""  # why the root cannot be written; empty: it can, or nobody can tell
    kernel: tuple[str, ...] = ()


class Confirm(Step):
    name = "confirm"
    phase = Phase.DECIDE
    cell = "S01"
    touches = False
    deadline_seconds = 60.0

    def describe(self, run: RunInput) -> str:
        return f"confirm that {run.host} is down: provider, checks from outside, a write inside"

    def look(self, context: StepContext) -> Sight:
        del context
        return Todo("what the host looks like now has to be seen once")

    def act(self, context: StepContext) -> Sight:
        run, outside = context.run, context.outside
        instance = resolve_current_instance(outside.provider, run.host, plan_of(run))
        with ThreadPoolExecutor(max_workers=2) as pool:
            write = pool.submit(probe_write, context, instance)
            checks = pool.submit(check_from_outside, context)
            probe = write.result()
            evidence = judge(instance, checks.result(), probe.failure)
        if not evidence and not run.options.get("even_if_healthy"):
            raise StepHalted(
                f"{run.host} looks healthy: running, every check passes, its root can be written",
                why="a recovery would take a working host away",
                remedy="To replace it all the same, cancel this run and recover with"
                " --even-if-healthy;"
                " if its trouble comes and goes, wait until it shows",
            )
        verdict = "; ".join(evidence) or "looks healthy; replaced because a person asked for it"
        return Done(verdict, output_of(verdict, checks.result(), probe.kernel))


def probe_write(context: StepContext, instance: Instance) -> Probe:
    """Why the root cannot be written, or empty where it can or nobody can tell."""
    if instance.power is not Power.RUNNING or not instance.private_address:
        return Probe()
    try:
        host_keys = context.outside.provider.read_host_keys(instance.id)
    except ProviderError:
        return Probe()
    if not host_keys:
        return Probe()
    door = make_door(
        context.run,
        address=instance.private_address,
        host_keys=host_keys,
        known_as=instance.id,
    )
    try:
        result = context.outside.access.run_command(
            door, command=WRITE_PROBE, timeout_seconds=PROBE_SECONDS
        )
    except AccessError as error:
        return Probe(f"no shell on it: {error}")
    kernel = tuple(
        show_server_text(line, limit=300)
        for line in result.stdout.decode(errors="replace").splitlines()[-MOST_KERNEL_LINES:]
    )
    if result.exit_code == 0:
        return Probe(kernel=kernel)
    said = result.stderr.decode(errors="replace").strip()[:200]
    return Probe(f"its root cannot be written: {said}", kernel)


def check_from_outside(context: StepContext) -> tuple[CheckResult, ...]:
    checks = [dict(check) for check in context.run.plan["host"]["checks"]]
    for check in checks:
        if "timeout" in check:
            check["timeout"] = f"{CHECK_SECONDS}s"
    return context.outside.checker.run_checks(checks, vantage=public_vantage(context.run, None))


def judge(instance: Instance, checks: Sequence[CheckResult], write: str) -> list[str]:
    """Each piece of evidence that the host is down; empty: it looks healthy."""
    evidence = []
    if instance.power is not Power.RUNNING:
        evidence.append(f"the provider says {instance.power.value}")
    failed = [check for check in checks if not check.passed]
    if failed:
        evidence.append(f"{len(failed)} of {len(checks)} checks from outside fail")
    if write:
        evidence.append(write)
    return evidence


def output_of(
    verdict: str, checks: Sequence[CheckResult], kernel: Sequence[str]
) -> dict[str, object]:
    found = [asdict(check) for check in checks]
    return {"verdict": verdict, "checks": found, "kernel": list(kernel)}
