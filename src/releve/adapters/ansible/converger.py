"""Converger over ansible-runner: the team's playbook, unchanged, on the host's new instance."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from releve.adapters.ansible import accelerator, command, inventory
from releve.adapters.ansible.accelerator import Acceleration
from releve.adapters.ansible.inventory_memory import InventoryMemory
from releve.adapters.ansible.package_sync import resume_sync, suspend_sync
from releve.adapters.ansible.problems import find_problems
from releve.adapters.ansible.redirect import Redirect, write_path_program, write_redirect
from releve.adapters.ansible.run_directory import RunDirectory, open_run_directory
from releve.adapters.ansible.settings import (
    TeamSettings,
    read_settings,
    refuse_prompts,
    refuse_without_yaml,
)
from releve.adapters.ansible.supervise import Followed, Job, run_job, wait_for_door
from releve.adapters.ansible.unsettled import tell_unsettled
from releve.adapters.ansible.vault import decrypt_file
from releve.adapters.ansible.verdict import Outcome, deserves_second_run, judge
from releve.errors import ConvergeFailed, PlanError
from releve.model.converge import ConvergeResult, UnsettledTask, list_unsettled
from releve.ports.converger import Converger, ConvergeRequest, ConvergeWatch


@dataclass(frozen=True)
class _Session:
    """One converge: what was read before anything was touched."""

    request: ConvergeRequest
    settings: TeamSettings
    environment: Mapping[str, str]
    directory: RunDirectory
    redirect: Redirect
    deadline: float

    def job(self, acceleration: Acceleration, unsettled: Sequence[UnsettledTask]) -> Job:
        sources = command.inventory_sources(self.request, self.settings)
        return Job(
            command.playbook_command(
                self.request, inventory=(*sources, str(self.redirect.inventory))
            ),
            self.request.repository,
            command.converge_environment(
                self.environment,
                acceleration=acceleration,
                path_directory=self.redirect.path_directory,
            )
            | tell_unsettled(
                self.directory.path,
                self.request.repository,
                unsettled=unsettled,
                callbacks=self.settings.callback_plugins,
            ),
        )


class AnsibleConverger(Converger):
    """`work_directory` holds a 0700 directory per converge while it runs, and nothing after."""

    def __init__(self, work_directory: Path, environment: Mapping[str, str]) -> None:
        self._work_directory = work_directory
        self._environment = dict(environment)
        self._memory = InventoryMemory()

    def converge(self, request: ConvergeRequest, *, watch: ConvergeWatch) -> ConvergeResult:
        """ConvergeFailed where Ansible could not even be started safely."""
        started = time.monotonic()
        try:
            with open_run_directory(self._work_directory) as directory:
                session = self._prepare(request, directory, started)
                acceleration = accelerator.decide_acceleration(
                    accelerator.read_installed(), settings=session.settings, wish=self._wish
                )
                result = _converge_unsynced(session, acceleration, watch=watch)
                return replace(result, seconds=time.monotonic() - started)
        except PlanError as error:
            raise ConvergeFailed(error.what, why=error.why, remedy=error.remedy) from error

    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        return find_problems(request, self._environment, self._memory)

    def read_vaulted(self, repository: str, path: str) -> bytes:
        directory = Path(repository)
        settings = read_settings(directory, self._environment)
        environment = command.ansible_environment(self._environment, settings)
        return decrypt_file(directory, path, environment=environment)

    @property
    def _wish(self) -> str:
        return self._environment.get(accelerator.VARIABLE, "auto")

    def _prepare(
        self, request: ConvergeRequest, directory: RunDirectory, started: float
    ) -> _Session:
        """Prove first that every connection for the host will go to the door."""
        inventory.refuse_pattern(request.host)
        settings = read_settings(Path(request.repository), self._environment)
        refuse_prompts(settings)
        refuse_without_yaml(settings)
        environment = command.ansible_environment(self._environment, settings)
        real = command.find_real_programs(environment, settings)
        redirect = write_redirect(
            directory.path, request.door, host=request.host, real=real, sockets=directory.sockets
        )
        query = command.inventory_query(request, settings, environment=environment)
        variables = self._memory.read_host(query, request.host)
        if refusal := inventory.check_redirect(variables, request.host):
            raise PlanError(refusal, remedy="Correct the inventory, then resume")
        names = inventory.old_names(variables, request.host)
        write_path_program(redirect, names=names, port=inventory.old_port(variables), real=real)
        deadline = started + request.timeout_seconds
        return _Session(request, settings, environment, directory, redirect, deadline)


def _converge_unsynced(
    session: _Session, acceleration: Acceleration, *, watch: ConvergeWatch
) -> ConvergeResult:
    """Put dpkg back whatever happens; a success that could not do so is none."""
    host = session.request.host
    if acceleration.name == "none" or not suspend_sync(session.redirect, host, session.environment):
        return _converge(session, acceleration, watch=watch)
    try:
        result = _converge(session, acceleration, watch=watch)
    finally:
        left = resume_sync(session.redirect, host)
    label = f"{result.accelerator}; dpkg without fsync"
    if left and result.succeeded:
        return replace(result, succeeded=False, reason=left, accelerator=label)
    return replace(result, accelerator=label)


def _converge(
    session: _Session, acceleration: Acceleration, *, watch: ConvergeWatch
) -> ConvergeResult:
    """At most one run more for a fault of Mitogen's own, and one for a run that was lost."""
    target = session.request.host
    outcome, followed = _run(session, acceleration, watch=watch)
    if acceleration.name == "mitogen" and _failed_by_mitogen(outcome, target):
        why = f"{acceleration.label} failed by a fault of its own"
        acceleration = accelerator.fall_back(session.settings, why)
        outcome, followed = _run(session, acceleration, watch=watch, earlier=followed)
    if why := deserves_second_run(outcome, target=target):
        wait_for_door(session.request.door, until=session.deadline, stop=watch.should_stop)
        outcome, followed = _run(session, acceleration, watch=watch, earlier=followed)
        why = f"; run once more, because {why}"
    verdict = judge(outcome, target=target)
    return ConvergeResult(
        succeeded=verdict.succeeded,
        reason=verdict.reason + why,
        stats=outcome.stats,
        exit_code=outcome.exit_code,
        seconds=0.0,
        accelerator=str(acceleration),
        failed_task=None if verdict.succeeded else followed.failed_task,
        tasks=followed.tasks,
    )


def _run(
    session: _Session,
    acceleration: Acceleration,
    *,
    watch: ConvergeWatch,
    earlier: Followed | None = None,
) -> tuple[Outcome, Followed]:
    """`earlier`: a run of this converge that did not come to its end."""
    seconds = session.deadline - time.monotonic()
    unsettled = [*session.request.unsettled, *list_unsettled(earlier.events if earlier else ())]
    job = session.job(acceleration, unsettled)
    return run_job(job, session.directory, watch=watch, seconds=seconds)


def _failed_by_mitogen(outcome: Outcome, target: str) -> bool:
    """Mitogen also cries when Ansible is killed under it: that is no fault of its own."""
    ended_by_itself = not outcome.interruption and not outcome.lost
    succeeded = judge(outcome, target=target).succeeded
    return outcome.fault_of_mitogen and ended_by_itself and not succeeded
