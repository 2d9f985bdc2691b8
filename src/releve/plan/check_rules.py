"""What must hold within each check; pure."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from releve.plan.problems import Place, Problem, name_place, quote, show_word
from releve.plan.types import CheckPlan, CommandCheck, FileCheck, HostPlan, HttpCheck, UnitCheck

_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}")


def list_check_problems(host: HostPlan, place: Place) -> Iterator[Problem]:
    for index, check in enumerate(host.checks):
        yield from _judge_check(check, (*place, "checks", index))


def _judge_check(check: CheckPlan, place: Place) -> Iterator[Problem]:
    match check:
        case HttpCheck():
            yield from _judge_http(check, place)
        case UnitCheck():
            yield from _judge_unit(check, place)
        case CommandCheck():
            yield from _judge_command(check, place)
        case FileCheck():
            yield from _judge_file(check, place)


def _judge_http(check: HttpCheck, place: Place) -> Iterator[Problem]:
    at = (*place, "http")
    try:
        url = urlsplit(check.http)
        is_port_valid = url.port is None or 1 <= url.port <= 65535
    except ValueError as error:
        yield Problem(
            f"{quote(check.http)} is not a URL", str(error)[:120], "write https://name/path", at
        )
        return
    if not is_port_valid:
        yield Problem(
            f"port 0 of {quote(check.http)} cannot be connected to",
            "TCP ports are 1 to 65535",
            "write the port that the service listens on, or none",
            at,
        )
    problem = _judge_url(url, check.http)
    if problem:
        yield Problem(*problem, at)
    elif check.tls_days and url.scheme == "http":
        yield Problem(
            f"{name_place(place)} asks for tls_days on an http:// URL",
            "there is no certificate whose expiry could be read",
            "write https:// or delete tls_days",
            (*place, "tls_days"),
        )


def _judge_url(url: SplitResult, text: str) -> tuple[str, str, str] | None:
    if re.search(r"[\s\x00-\x1f\x7f\\]", text):
        return (
            f"the URL {quote(text)} holds a blank or a backslash",
            "it would be read otherwise by each program",
            "write blanks as %20",
        )
    if url.scheme not in {"http", "https"}:
        return (
            f"{quote(text)} is not an http or https URL",
            f"its scheme is {show_word(url.scheme)}" if url.scheme else "it has no scheme",
            "write https://name/path; for another service use a tcp check",
        )
    if "@" in url.netloc:
        return (
            f"the URL of {show_word(url.netloc.rpartition('@')[2])} carries a user name",
            "who logs in is a secret of the site, and a plan holds none",
            "check a page that needs no login, or use a pytest check",
        )
    if not url.hostname:
        return (
            f"the URL {quote(text)} names no host",
            "one host may serve several sites, told apart by name",
            "write it whole: https://name/path",
        )
    if not _HOST_NAME.fullmatch(url.hostname):
        return (
            f"the host name {quote(url.hostname)} of a URL has characters no name can have",
            "names are letters, digits, dash and dot",
            "write an international name in its xn-- form",
        )
    return None


def _judge_unit(check: UnitCheck, place: Place) -> Iterator[Problem]:
    if not _UNIT.fullmatch(check.unit):
        yield Problem(
            f"{quote(check.unit)} is not a unit name",
            "systemd allows letters, digits and : - _ . \\ @, and no dash first",
            "write one unit per check, such as nginx.service",
            (*place, "unit"),
        )


def _judge_command(check: CommandCheck, place: Place) -> Iterator[Problem]:
    at = (*place, "command")
    program = check.command[0]
    if not program.strip():
        yield Problem(
            f"{name_place(place)} names no program",
            "the first word of the command is empty",
            "write the program first: [systemctl, is-system-running]",
            at,
        )
    elif len(check.command) == 1 and len(program.split()) > 1:
        yield Problem(
            f"{quote(program)} is a whole command line in one word",
            "a command is run as a list of words, without a shell",
            f"write [{', '.join(program.split()[:8])}]",
            at,
        )


def _judge_file(check: FileCheck, place: Place) -> Iterator[Problem]:
    if not check.file.startswith("/"):
        yield Problem(
            f"the file {quote(check.file)} is not absolute",
            "it is looked for on the instance, where there is no directory to start from",
            f"write it from the root: {quote('/' + check.file.removeprefix('./'))}",
            (*place, "file"),
        )
    if check.sha256 and not re.fullmatch(r"[0-9A-Fa-f]{64}", check.sha256):
        yield Problem(
            f"sha256 in {name_place(place)} is not a checksum",
            f"it has {len(check.sha256)} characters; a checksum is 64 hexadecimal digits",
            "copy it from `sha256sum` of the file, or delete the line",
            (*place, "sha256"),
        )
