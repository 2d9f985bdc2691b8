"""Checks that ask a shell on the instance: unit, command, file."""

import re
from collections.abc import Callable

from releve.errors import CheckFailed
from releve.model.server_text import show_server_text
from releve.plan.types import CommandCheck, FileCheck, UnitCheck
from releve.ports.access import CommandResult

MAX_FILE_BYTES = 1024 * 1024
LOOK_SECONDS = 30.0

Shell = Callable[[tuple[str, ...], float], CommandResult]  # argv, time-out in seconds


def check_unit(check: UnitCheck, *, shell: Shell) -> str:
    result = shell(("systemctl", "is-active", "--", check.unit), LOOK_SECONDS)
    found = show_server_text(result.stdout.strip() or result.stderr.strip(), limit=80)
    if result.exit_code == 0 and result.stdout.strip() == b"active":
        return f"{check.unit} is active, as expected"
    raise CheckFailed(
        f'expected {check.unit} to be active, but found "{found}"',
        remedy=f"read journalctl -u {check.unit} on the instance",
    )


def check_command(check: CommandCheck, *, shell: Shell) -> str:
    seconds = check.timeout.total_seconds()
    result = shell(tuple(check.command), seconds)
    if result.exit_code != 0:
        said = result.stderr.strip() or result.stdout.strip()
        raise CheckFailed(
            f"expected exit 0, but found exit {result.exit_code}: "
            f'"{show_server_text(said) if said else "no output"}"',
            remedy="run the command on the instance",
        )
    _find_texts(result.stdout, check.contains, where="the command's output")
    texts = f" and {len(check.contains)} texts found" if check.contains else ""
    return f"exit 0{texts}, as expected"


def check_file(check: FileCheck, *, shell: Shell) -> str:
    """Only regular files are read, at most 1 MiB of them; a sha256 is over the whole file."""
    if shell(("test", "-f", check.file), LOOK_SECONDS).exit_code != 0:
        raise CheckFailed(
            f"expected a file at {check.file}, but there is none",
            remedy="see whether its volume is mounted",
        )
    found = ["the file is there"]
    if check.sha256:
        found.append(_compare_hash(check, shell=shell))
    if check.contains:
        found.append(_compare_content(check, shell=shell))
    return ", ".join(found) + ", as expected"


def _compare_hash(check: FileCheck, *, shell: Shell) -> str:
    result = shell(("sha256sum", "--", check.file), LOOK_SECONDS)
    match = re.match(rb"\\?([0-9a-f]{64}) ", result.stdout)
    if result.exit_code != 0 or match is None:
        raise _refuse_reading(check, result)
    found = match.group(1).decode()
    if found != check.sha256.lower():
        raise CheckFailed(
            f"expected sha256 {check.sha256.lower()}, but found {found}",
            remedy="see whether this is the file that the plan means",
        )
    return "its sha256 is right"


def _compare_content(check: FileCheck, *, shell: Shell) -> str:
    result = shell(("head", "-c", str(MAX_FILE_BYTES), "--", check.file), LOOK_SECONDS)
    if result.exit_code != 0:
        raise _refuse_reading(check, result)
    _find_texts(result.stdout[:MAX_FILE_BYTES], check.contains, where="the file")
    return f"{len(check.contains)} of {len(check.contains)} texts found"


def _refuse_reading(check: FileCheck, result: CommandResult) -> CheckFailed:
    return CheckFailed(
        f"expected to read {check.file}, but could not",
        why=show_server_text(result.stderr.strip()),
        remedy="see whether the plan's user may read it",
    )


def _find_texts(content: bytes, wanted: list[str], *, where: str) -> None:
    for text in wanted:
        if text.encode() not in content:
            raise CheckFailed(
                f'expected "{show_server_text(text)}" in {where}, but it is not in the '
                f'{len(content)} bytes read: "{show_server_text(content)}"',
                remedy="see whether the data is there",
            )
