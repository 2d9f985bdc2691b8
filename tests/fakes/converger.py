"""The converger port: a playbook of three tasks on the instance behind the door."""

from dataclasses import dataclass, replace
from typing import Final

from releve.errors import AccessError
from releve.model.converge import ConvergeResult, HostStats, TaskEvent, Touch, TouchKind
from releve.ports.converger import Converger, ConvergeRequest, ConvergeWatch
from tests.fakes.access import CONNECT_SECONDS, knock
from tests.fakes.cloud import FakeCloud

TASKS: Final = ("Install nginx", "Write the site", "Start nginx")


@dataclass(frozen=True)
class _Ending:
    """How ansible-playbook ended, and what the adapter makes of it."""

    reason: str
    exit_code: int
    stats: HostStats | None
    tasks: int = len(TASKS)
    failed: bool = False


def _endings(host: str) -> dict[str, _Ending]:
    ok = HostStats(host, ok=len(TASKS))
    return {
        "unreachable": _Ending(f"{host} was unreachable", 4, replace(ok, ok=0, unreachable=1), 0),
        "failed": _Ending("1 task failed", 2, replace(ok, ok=1, failed=1), 2, failed=True),
        "no_host": _Ending("no host matched", 0, None, 0),
        "ignored": _Ending("1 error was ignored", 0, replace(ok, ignored=1)),
        "killed": _Ending("ansible-playbook was killed by signal 9", -9, None, 1),
        "prompt": _Ending("ansible-playbook did not end in its time", -9, None, 1),
        "reboot": _Ending(f"{host} went away", 4, replace(ok, ok=1, unreachable=1), 1),
    }


class FakeConverger(Converger):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def converge(self, request: ConvergeRequest, *, watch: ConvergeWatch) -> ConvergeResult:
        fault = self.cloud.take_guest_fault("converge", {"host": request.host})
        if fault and fault.kind == "prompt":
            self.cloud.clock.sleep(request.timeout_seconds)
        try:
            instance = knock(self.cloud, request.door, timeout_seconds=CONNECT_SECONDS)
        except AccessError:
            return self._end(request, _endings(request.host)["unreachable"], watch=watch)
        arguments = {"instance_id": instance.id, "playbook": request.playbook}
        if fault and fault.kind in _endings(request.host):
            self.cloud.note("converge_failed", arguments, kind="converge")
            return self._end(request, _endings(request.host)[fault.kind], watch=watch)
        self.cloud.note("converge", arguments, kind="converge")
        whole = _Ending("every task came to success", 0, HostStats(request.host, ok=len(TASKS)))
        return self._end(request, whole, watch=watch)

    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        del request
        return ()

    def read_vaulted(self, repository: str, path: str) -> bytes:
        raise NotImplementedError(f"no vault in {repository} for {path}")

    def _end(
        self, request: ConvergeRequest, ending: _Ending, *, watch: ConvergeWatch
    ) -> ConvergeResult:
        events = [self._event(request, task) for task in TASKS[: ending.tasks]]
        if ending.failed:
            events[-1] = replace(events[-1], status="failed", message="no such package")
        for event in events:
            watch.on_task_start(event.task)
            watch.on_event(event)
        succeeded = ending.exit_code == 0 and ending.stats is not None and not ending.stats.ignored
        return ConvergeResult(
            succeeded=succeeded,
            reason=ending.reason,
            stats=(ending.stats,) if ending.stats else (),
            exit_code=ending.exit_code,
            seconds=0.0,
            accelerator="none: a fake",
            failed_task=events[-1] if ending.failed else None,
            tasks=len(events),
        )

    def _event(self, request: ConvergeRequest, task: str) -> TaskEvent:
        return TaskEvent(
            host=request.host,
            play="site",
            task=task,
            role="web",
            location=f"{request.playbook}:{TASKS.index(task) + 1}",
            action="ansible.builtin.package",
            status="changed",
            started_at=self.cloud.clock.now().isoformat(timespec="seconds"),
            seconds=0.0,
            touches=(Touch(TouchKind.PACKAGE, "nginx"),),
        )
