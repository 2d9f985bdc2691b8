"""What the host still said: its kernel, what could not write any more, what was running."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from releve.errors import CommandFailed
from releve.model.observed import RANKS, FactKind, ScanRole
from releve.model.run import RunInput
from releve.model.server_text import show_server_text
from releve.recovery.autopsy.autopsy_step import ReadingStep
from releve.recovery.autopsy.case import MOUNT, Case, case_of
from releve.recovery.autopsy.helper_program import run_on_helper
from releve.workflow.step import Done, StepContext

EARLIER_SECONDS: Final = 120.0  # before the first error: what led to it
MOST_LINES: Final = 60
MOST_UNITS: Final = 50


class HearLastWords(ReadingStep):
    name = "autopsy_words"
    cell = "A04"
    needs = ("autopsy_attach",)
    builds_on = ("autopsy_attach",)

    def describe(self, run: RunInput) -> str:
        del run
        return "read the last lines of its kernel, and who could not write any more"

    def read(self, context: StepContext) -> Done:
        case = case_of(context)
        words = ask_helper(context)
        output = words | {
            "while_it_ran": [show_server_text(line, limit=300) for line in case.said[-MOST_LINES:]],
            "last_scan": read_last_scan(context, case),
        }
        return Done(tell_words(output), output)


def ask_helper(context: StepContext) -> dict[str, Any]:
    request = {"root": MOUNT, "since": find_since(context)}
    task = "read the logs on the dead disk"
    return parse_words(run_on_helper(context, "guest_last_words.py", request, task=task))


def find_since(context: StepContext) -> float:
    """Unix seconds a little before the first error; 0 where none was noted."""
    steps = ("autopsy_disk", "autopsy_attach")  # whichever could read it
    told = (context.outputs.get(step, {}).get("superblock") for step in steps)
    superblock: Mapping[str, Any] = next(filter(None, told), {})
    at = (superblock.get("first_error") or {}).get("at", "")
    try:
        return max(0.0, datetime.fromisoformat(at).timestamp() - EARLIER_SECONDS)
    except (ValueError, TypeError):
        return 0.0


def parse_words(stdout: bytes) -> dict[str, Any]:
    """Of the expected shape only, bounded and escaped; anything else is refused."""
    try:
        answer = json.loads(stdout)
        return {
            "kernel": [check_line(line) for line in answer["kernel"][-MOST_LINES:]],
            "complaints": [check_line(line) for line in answer["complaints"][-MOST_LINES:]],
            "source": show_server_text(str(answer["source"])),
            "why": show_server_text(str(answer["why"])),
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandFailed(
            "the helper's answer about the dead disk's logs cannot be read",
            why=f"{len(stdout)} bytes: {type(error).__name__}",
            remedy="Log in to a helper and see what its python3 prints",
        ) from error


def check_line(line: Mapping[str, Any]) -> dict[str, str]:
    return {
        "at": show_moment(str(line["at"])),
        "unit": show_server_text(str(line["unit"]), limit=100),
        "text": show_server_text(str(line["text"]), limit=300),
    }


def show_moment(seconds: str) -> str:
    try:
        moment = datetime.fromtimestamp(float(seconds), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="seconds")


def read_last_scan(context: StepContext, case: Case) -> dict[str, Any]:
    """What ran and what had failed when the host was scanned for the last time."""
    observed = context.outside.observed
    scans = observed.find_scans(context.run.host, role=ScanRole.LIVE)
    scan = next((scan for scan in scans if scan.instance_id == case.dead), None)
    if scan is None:
        return {}
    active, failed = 0, []
    for fact in observed.read_facts(scan.scan_id):
        if RANKS[fact.kind] > RANKS[FactKind.UNIT]:
            break
        if fact.kind is FactKind.UNIT:
            active += fact.attributes.get("active") == "active"
            if fact.attributes.get("active") == "failed":
                failed.append(show_server_text(fact.key, limit=100))
    return {"taken_at": scan.taken_at, "active": active, "failed": failed[:MOST_UNITS]}


def tell_words(output: Mapping[str, Any]) -> str:
    kernel, complaints = len(output["kernel"]), len(output["complaints"])
    if not kernel and not complaints:
        return f"no last words on the disk: {output['why']}"
    return f"{kernel} kernel line(s), {complaints} complaint(s) of what could not write"
