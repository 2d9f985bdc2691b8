"""Propose a drill of a host, and find what earlier drills left behind."""

from collections.abc import Iterator
from dataclasses import dataclass

from releve.drill.catalogue import steps_for_drill
from releve.drill.steps.learn import FROM_TWINS
from releve.errors import PlanError, ProviderError, RunHeld
from releve.model.identity import new_run_id
from releve.model.resources import Instance, Role, Volume
from releve.model.run import Mode, RunInput, RunRecord
from releve.plan.loading import LoadedPlan
from releve.plan.types import HostPlan
from releve.ports.clock import Clock
from releve.ports.finding_store import FindingStore
from releve.ports.journal import Journal, Lease
from releve.ports.provider import Provider
from releve.recovery.fingerprint import commit_of, fingerprint
from releve.recovery.recover import freeze_plan
from releve.workflow.run_format import RUN_FORMAT


@dataclass(frozen=True)
class Choices:
    """What the caller chose; None: as the plan says."""

    twins: int | None = None
    image: bool | None = None
    lab: str = ""  # rehearse there instead of at the host's own provider


@dataclass(frozen=True)
class Leftover:
    """Something with the labels of a drill that nobody drives."""

    kind: str  # instance, volume, image
    id: str
    name: str
    run_id: str
    known: bool  # False: this journal has no such run, so another controller may drive it


def propose_drill(
    loaded: LoadedPlan,
    host: str,
    *,
    journal: Journal,
    clock: Clock,
    choices: Choices,
    twins: int,
) -> RunInput:
    """Freeze what a drill of this host would be; nothing is recorded or touched yet."""
    plan = loaded.host(host)
    frozen = freeze_plan(loaded, plan)
    options: dict[str, object] = {"mode": Mode.DRILL.value, "twins": twins}
    if choices.image is False:
        options["no_image"] = True
    return RunInput(
        format=RUN_FORMAT,
        run_id=new_run_id(),
        host=host,
        epoch=journal.next_epoch(host),
        plan=frozen,
        repository=str(loaded.repository),
        fingerprint=fingerprint(frozen, loaded.repository),
        steps=steps_for_drill(twins=twins),
        proposed_at=clock.now().isoformat(timespec="seconds"),
        commit=commit_of(loaded.repository),
        options=options,
    )


def choose_twins(
    plan: HostPlan, host: str, *, asked: int | None, provider: Provider, findings: FindingStore
) -> int:
    """As asked, else as planned, else two until two twins have told of this base image."""
    wanted = asked or plan.drill.twins
    if wanted:
        return wanted
    try:
        base = provider.get_image(plan.image).id
    except ProviderError:
        return 1  # the drill's preconditions will say what is wrong
    known = findings.read_noise(host, base)
    return 1 if any(mark.learned_from == FROM_TWINS for mark in known) else 2


def require_no_driven_drill(host: str, *, journal: Journal, lease: Lease) -> None:
    for record in journal.list_runs(host=host):
        run_id, is_drill = record.input.run_id, record.input.mode is Mode.DRILL
        if is_drill and not record.state.is_over and is_driven(record.input, lease):
            raise RunHeld(
                f"drill {run_id} of {host} is under way",
                why="another process drives it",
                remedy=f"Wait for it, or stop it with `releve cancel {run_id}`",
            )


def list_interrupted(journal: Journal, lease: Lease, *, host: str = "") -> Iterator[RunRecord]:
    """Drills that are not over and that no process drives."""
    for record in journal.list_runs(host=host):
        is_drill = record.input.mode is Mode.DRILL
        if is_drill and not record.state.is_over and not is_driven(record.input, lease):
            yield record


def is_driven(run: RunInput, lease: Lease) -> bool:
    return lease.is_held(f"run {run.run_id}")


def list_leftovers(provider: Provider, journal: Journal) -> Iterator[Leftover]:
    """What carries a drill's labels while that drill is over, or unknown to this journal."""
    labels = {"releve.role": Role.TWIN.value}
    found: list[tuple[str, Instance | Volume]] = [
        *(("instance", instance) for instance in provider.find_instances(labels=labels)),
        *(("volume", volume) for volume in provider.find_volumes(labels)),
    ]
    for kind, item in found:
        run_id = item.labels.get("releve.run", "")
        record = _find_run(journal, run_id)
        if record is None or record.state.is_over:
            yield Leftover(kind, item.id, item.name, run_id, known=record is not None)


def _find_run(journal: Journal, run_id: str) -> RunRecord | None:
    try:
        return journal.read_run(run_id)
    except PlanError:
        return None
