"""The checker port: a check holds where the host's content is really served."""

from collections.abc import Sequence
from typing import Final

from releve.errors import AccessError
from releve.model.checks import CheckResult
from releve.model.run import Output
from releve.ports.checker import Checker, Vantage
from tests.fakes.access import CONNECT_SECONDS, find_by_address, knock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import CloudState
from tests.fakes.guest_scan import CONVERGED

_WORDS: Final = {
    "not_passed": "status 500, wanted 200",
    "hang": "no answer in time",
    "refused": "connection refused",
    "reset": "connection reset",
}
_NEED_A_SHELL: Final = {"unit", "command", "file", "pytest"}


class FakeChecker(Checker):
    def __init__(self, cloud: FakeCloud, *, volumes: int) -> None:
        """`volumes`: how many must be mounted on an instance for its content to be whole."""
        self.cloud = cloud
        self.volumes = volumes

    def run_checks(self, checks: Sequence[Output], *, vantage: Vantage) -> tuple[CheckResult, ...]:
        reason = self._reason_to_fail(vantage)
        instance = find_by_address(self.cloud.state(), vantage.address)
        self.cloud.note(
            "run_checks",
            {
                "vantage": vantage.name,
                "instance_id": instance.id if instance else "",
                "passed": not reason,
            },
            kind="check",
        )
        return tuple(
            CheckResult(
                name=str(next(iter(check))),
                kind=str(next(iter(check))),
                passed=not reason,
                reason=reason or "it holds",
                seconds=0.0,
                vantage=vantage.name,
            )
            for check in checks
            if vantage.door is not None or not _NEED_A_SHELL & check.keys()
        )

    def _reason_to_fail(self, vantage: Vantage) -> str:
        fault = self.cloud.take_guest_fault("check", {"vantage": vantage.name})
        if fault and fault.kind == "hang":
            self.cloud.clock.sleep(CONNECT_SECONDS)
        if fault:
            return _WORDS[fault.kind]
        instance = find_by_address(self.cloud.state(), vantage.address)
        if instance is None:
            return f"connection to {vantage.address} refused"
        if vantage.door is not None:
            try:
                knock(self.cloud, vantage.door, timeout_seconds=CONNECT_SECONDS)
            except AccessError as error:
                return str(error)
        if not instance.run_that_made_it:
            return ""
        return self._reason_not_whole(instance.id)

    def _reason_not_whole(self, instance_id: str) -> str:
        state: CloudState = self.cloud.state()
        mounted = [item for item in state.volumes.values() if item.mounted_on == instance_id]
        if len(mounted) != self.volumes:
            return f"{len(mounted)} of {self.volumes} volumes are mounted"
        is_converged = CONVERGED in state.instances[instance_id].root_content
        return "" if is_converged else "the service is not installed"
