"""Unit, command and file checks over a real sshd."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.checks.checker import PlanChecker
from releve.adapters.ssh.access import SshAccess
from releve.model.checks import CheckResult
from releve.ports.checker import Vantage
from tests.adapters.sshd import Sshd, make_key, read_host_key

RunInside = Callable[[dict[str, Any]], CheckResult]


@pytest.fixture
def run_inside(access: SshAccess, sshd: Sshd) -> RunInside:
    def run(check: dict[str, Any]) -> CheckResult:
        vantage = Vantage(name="instance", address="127.0.0.1", door=sshd.door())
        (result,) = PlanChecker(access).run_checks([check], vantage=vantage)
        return result

    return run


def test_command_with_expected_output_passes(run_inside: RunInside) -> None:
    result = run_inside({"command": ["printf", "%s", "two ferns"], "contains": ["fern"]})
    assert result.passed, result.reason
    assert (result.name, result.vantage) == ("command printf %s two ferns", "instance")


def test_command_is_argv_not_a_shell_line(run_inside: RunInside) -> None:
    result = run_inside({"command": ["echo", "$(id -u); `id`"], "contains": ["$(id -u); `id`"]})
    assert result.passed, result.reason


def test_failing_command_tells_exit_and_error(run_inside: RunInside) -> None:
    result = run_inside({"command": ["sh", "-c", "printf '\\033[2Jno\\n' >&2; exit 3"]})
    assert not result.passed
    assert 'expected exit 0, but found exit 3: "\\x1b[2Jno"' in result.reason


def test_command_without_expected_text_shows_what_it_said(run_inside: RunInside) -> None:
    result = run_inside({"command": ["echo", "moss"], "contains": ["fern"]})
    assert not result.passed
    assert 'expected "fern" in the command\'s output' in result.reason
    assert "moss" in result.reason


def test_command_that_hangs_is_cut(run_inside: RunInside) -> None:
    result = run_inside({"command": ["sleep", "60"], "timeout": "1s"})
    assert not result.passed
    assert result.seconds < 5


def test_endless_output_is_bounded(run_inside: RunInside) -> None:
    result = run_inside({"command": ["yes"], "contains": ["fern"], "timeout": "3s"})
    assert not result.passed
    assert result.seconds < 10
    assert len(result.reason) < 600


@pytest.mark.parametrize("unit", ["no-such.service", "--version", "-H"])
def test_unit_that_is_not_active_fails(run_inside: RunInside, unit: str) -> None:
    result = run_inside({"unit": unit})
    assert not result.passed
    assert f"expected {unit} to be active" in result.reason


def test_file_with_hash_and_text_passes(run_inside: RunInside, tmp_path: Path) -> None:
    file = tmp_path / "a fern's $(leaf)\n.txt"
    file.write_bytes(b"green\n")
    digest = hashlib.sha256(b"green\n").hexdigest().upper()
    result = run_inside({"file": str(file), "sha256": digest, "contains": ["green"]})
    assert result.passed, result.reason


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ({"file": "/no/such/file"}, "expected a file at /no/such/file, but there is none"),
        ({"file": "/dev/zero"}, "there is none"),
        ({"file": "/etc"}, "there is none"),
        ({"file": "/etc/hostname", "sha256": "0" * 64}, "expected sha256 000"),
        ({"file": "/etc/hostname", "contains": ["\x00 never"]}, "in the file"),
    ],
)
def test_file_that_is_not_as_expected_fails(
    run_inside: RunInside, check: dict[str, Any], reason: str
) -> None:
    result = run_inside(check)
    assert not result.passed
    assert reason in result.reason


def test_fifo_is_not_read(run_inside: RunInside, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = run_inside({"file": str(tmp_path / "pipe"), "contains": ["x"]})
    assert not result.passed
    assert result.seconds < 10


def test_large_file_is_read_to_one_mebibyte(run_inside: RunInside, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 3_000_000 + b"end")
    result = run_inside({"file": str(file), "contains": ["end"]})
    assert not result.passed
    assert "1048576 bytes read" in result.reason


def test_wrong_host_key_fails_every_shell_check(
    access: SshAccess, sshd: Sshd, tmp_path: Path
) -> None:
    make_key(tmp_path / "other")
    door = sshd.door(host_keys=(read_host_key(tmp_path / "other.pub"),))
    vantage = Vantage(name="instance", address="127.0.0.1", door=door)
    results = PlanChecker(access).run_checks(
        [{"command": ["true"]}, {"file": "/etc/hostname"}], vantage=vantage
    )
    assert [result.passed for result in results] == [False, False]
    assert all("host key" in result.reason for result in results)


def test_without_a_door_shell_checks_are_left_out(access: SshAccess) -> None:
    vantage = Vantage(name="public address", address="127.0.0.1", door=None)
    checks: list[dict[str, Any]] = [
        {"command": ["true"]},
        {"tcp": 1},
        {"unit": "a.service"},
        {"file": "/etc/hostname"},
        {"pytest": "test_a.py"},
        {"http": "http://a.example:1/"},
    ]
    results = PlanChecker(access).run_checks(checks, vantage=vantage)
    assert [result.name for result in results] == ["tcp 1", "http /"]


def test_checks_run_side_by_side_in_order(access: SshAccess, sshd: Sshd) -> None:
    vantage = Vantage(name="instance", address="127.0.0.1", door=sshd.door())
    checks = [{"command": ["sh", "-c", f"sleep 1; echo {n}"]} for n in range(8)]
    results = PlanChecker(access).run_checks(checks, vantage=vantage)
    assert [result.name[-1] for result in results] == list("01234567")
    assert all(result.passed for result in results)
    assert sum(result.seconds for result in results) > 8
    assert max(result.seconds for result in results) < 6


def test_check_of_another_version_fails_rather_than_passes(run_inside: RunInside) -> None:
    result = run_inside({"icmp": "yes"})
    assert not result.passed
    assert "the check cannot be read" in result.reason
