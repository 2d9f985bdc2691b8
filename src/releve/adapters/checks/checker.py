"""Makes the plan's checks from one vantage point, side by side."""

import ipaddress
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pydantic import TypeAdapter, ValidationError

from releve.adapters.checks.http_check import check_http
from releve.adapters.checks.pytest_check import check_pytest
from releve.adapters.checks.shell_checks import check_command, check_file, check_unit
from releve.adapters.checks.tcp_check import check_tcp
from releve.adapters.checks.trust import SystemTrust
from releve.errors import CheckFailed, ReleveError
from releve.model.checks import CheckResult
from releve.model.run import Output
from releve.model.server_text import show_server_text
from releve.plan.types import (
    CheckPlan,
    CommandCheck,
    FileCheck,
    HttpCheck,
    PytestCheck,
    TcpCheck,
    UnitCheck,
)
from releve.ports.access import Access, CommandResult, Door
from releve.ports.checker import Checker, Vantage

MAX_SIDE_BY_SIDE = 16
KINDS = ("http", "tcp", "unit", "command", "file", "pytest")

_CHECK: TypeAdapter[CheckPlan] = TypeAdapter(CheckPlan)


class PlanChecker(Checker):
    def __init__(self, access: Access) -> None:
        self._access = access

    def run_checks(self, checks: Sequence[Output], *, vantage: Vantage) -> tuple[CheckResult, ...]:
        applicable = [check for check in checks if _applies(check, vantage)]
        if not applicable:
            return ()
        make_check = partial(self._run_one, vantage=vantage, system=SystemTrust())
        with ThreadPoolExecutor(min(len(applicable), MAX_SIDE_BY_SIDE), "check") as pool:
            return tuple(pool.map(make_check, applicable))

    def _run_one(self, check: Output, *, vantage: Vantage, system: SystemTrust) -> CheckResult:
        started = time.monotonic()
        passed, reason = True, ""
        try:
            reason = self._find_out(_CHECK.validate_python(dict(check)), vantage, system=system)
        except ValidationError as error:
            passed, reason = False, f"the check cannot be read: {error.errors()[0]['msg']}"
        except ReleveError as error:
            passed, reason = False, f"{error}; {error.remedy}"
        return CheckResult(
            name=_name_check(check),
            kind=_kind_of(check),
            passed=passed,
            reason=show_server_text(reason, limit=2000),
            seconds=time.monotonic() - started,
            vantage=vantage.name,
        )

    def _find_out(self, check: CheckPlan, vantage: Vantage, *, system: SystemTrust) -> str:
        _require_address(vantage)
        if isinstance(check, HttpCheck):
            return check_http(check, address=vantage.address, system=system)
        if isinstance(check, TcpCheck):
            return check_tcp(check, address=vantage.address)
        return self._ask_instance(check, vantage)

    def _ask_instance(
        self, check: UnitCheck | CommandCheck | FileCheck | PytestCheck, vantage: Vantage
    ) -> str:
        door = vantage.door
        if door is None:
            raise CheckFailed("expected a shell, but there is none here", remedy="")
        shell = partial(self._run_command, door)
        match check:
            case UnitCheck():
                return check_unit(check, shell=shell)
            case CommandCheck():
                return check_command(check, shell=shell)
            case FileCheck():
                return check_file(check, shell=shell)
            case PytestCheck():
                return check_pytest(check, door=door, repository=vantage.repository)

    def _run_command(self, door: Door, command: tuple[str, ...], seconds: float) -> CommandResult:
        return self._access.run_command(door, command=command, timeout_seconds=seconds)


def _applies(check: Output, vantage: Vantage) -> bool:
    return vantage.door is not None or _kind_of(check) in {"http", "tcp"}


def _require_address(vantage: Vantage) -> None:
    try:
        ipaddress.ip_address(vantage.address)
    except ValueError as error:
        raise CheckFailed(
            f'expected an IP address to connect to, but "{vantage.address}" is none',
            remedy="correct the address in releve.yml",
        ) from error


def _kind_of(check: Output) -> str:
    return next((kind for kind in KINDS if kind in check), "unknown")


def _name_check(check: Output) -> str:
    kind = _kind_of(check)
    subject = check.get(kind, "")
    if kind == "http":
        subject = re.sub(r"^[^/]*//[^/?#]*", "", str(subject)) or "/"
    elif kind == "command":
        subject = " ".join(str(word) for word in subject)
    return show_server_text(f"{kind} {subject}", limit=100)
