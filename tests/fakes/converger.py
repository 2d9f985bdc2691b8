"""The converger port: a playbook of three tasks on the instance behind the door.

How Ansible ended is the fault's; what that means is judged by the adapter's own verdict.
"""

from dataclasses import replace
from typing import Final

from releve.adapters.ansible.verdict import Outcome, deserves_second_run, judge
from releve.errors import AccessError
from releve.model.converge import ConvergeResult, HostStats, TaskEvent, Touch, TouchKind
from releve.ports.converger import Converger, ConvergeRequest, ConvergeWatch
from tests.fakes.access import CONNECT_SECONDS, knock
from tests.fakes.cloud import FakeCloud
from tests.fakes.guest_scan import CONVERGED

TASKS: Final = ("Install nginx", "Write the site", "Start nginx")


def outcome_of(kind: str, host: str) -> Outcome:
    """How ansible-playbook ends under a fault; any other kind is none: it ends well."""
    ok = HostStats(host, ok=len(TASKS), changed=len(TASKS))
    well = Outcome(0, (ok,), has_stats=True)
    away = HostStats(host, unreachable=1)
    return {
        "unreachable": Outcome(4, (away,), has_stats=True, unreachable_hosts=(host,)),
        "failed": replace(
            well,
            exit_code=2,
            stats=(HostStats(host, ok=1, failed=1),),
            failed_task=TASKS[1],
            failure="no space left on device",
        ),
        "no_host": replace(well, stats=()),
        "other_host": replace(well, stats=(replace(ok, host="another.example.org"),)),
        "ignored": replace(well, stats=(replace(ok, ignored=1),), ignored_tasks=TASKS[2:]),
        "killed": Outcome(-9, lost="ansible-playbook was killed by signal 9"),
        "prompt": Outcome(-9, interruption="Ansible asked for a password and was ended"),
        "reboot": replace(well, exit_code=4, stats=(replace(away, ok=1),)),
    }.get(kind, well)


class FakeConverger(Converger):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.always_changes = False  # True: its playbook is not idempotent

    def converge(self, request: ConvergeRequest, *, watch: ConvergeWatch) -> ConvergeResult:
        outcome = self._run(request)
        if deserves_second_run(outcome, target=request.host):
            outcome = self._run(request)
        events = self._tell_tasks(request, outcome, watch=watch)
        verdict = judge(outcome, target=request.host)
        return ConvergeResult(
            succeeded=verdict.succeeded,
            reason=verdict.reason,
            stats=outcome.stats,
            exit_code=outcome.exit_code,
            seconds=0.0,
            accelerator="none: a fake",
            failed_task=events[-1] if outcome.failed_task else None,
            tasks=len(events),
        )

    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        del request
        return ()

    def read_vaulted(self, repository: str, path: str) -> bytes:
        raise NotImplementedError(f"no vault in {repository} for {path}")

    def _run(self, request: ConvergeRequest) -> Outcome:
        fault = self.cloud.take_guest_fault("converge", {"host": request.host})
        try:
            instance = knock(self.cloud, request.door, timeout_seconds=CONNECT_SECONDS)
        except AccessError:
            return outcome_of("unreachable", request.host)
        outcome = outcome_of(fault.kind if fault else "", request.host)
        succeeded = judge(outcome, target=request.host).succeeded
        if CONVERGED in instance.root_content and not self.always_changes:
            outcome = replace(
                outcome, stats=tuple(replace(stats, changed=0) for stats in outcome.stats)
            )
        if succeeded:
            change = {"instance_id": instance.id}
            self.cloud.change_beside("converge_in_guest", change, kind="guest")
        self.cloud.note(
            "converge",
            {"instance_id": instance.id, "playbook": request.playbook, "succeeded": succeeded},
            kind="converge",
        )
        return outcome

    def _tell_tasks(
        self, request: ConvergeRequest, outcome: Outcome, *, watch: ConvergeWatch
    ) -> list[TaskEvent]:
        mine = [stats for stats in outcome.stats if stats.host == request.host]
        count = sum(stats.ok + stats.failed for stats in mine)
        status = "changed" if any(stats.changed for stats in mine) else "ok"
        events = [self._event(request, task, status) for task in TASKS[:count]]
        if outcome.failed_task:
            events[-1] = replace(events[-1], status="failed", message=outcome.failure)
        for event in events:
            watch.on_task_start(event.task)
            watch.on_event(event)
        return events

    def _event(self, request: ConvergeRequest, task: str, status: str) -> TaskEvent:
        return TaskEvent(
            host=request.host,
            play="site",
            task=task,
            role="web",
            location=f"{request.playbook}:{TASKS.index(task) + 1}",
            action="ansible.builtin.package",
            status=status,
            started_at=self.cloud.clock.now().isoformat(timespec="seconds"),
            seconds=0.0,
            touches=(Touch(TouchKind.PACKAGE, "nginx"),),
        )
