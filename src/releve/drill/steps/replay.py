"""Do on a twin what somebody decided about packages on the live host: it explains itself then."""

import re
from typing import Any, Final

from releve.drift.packages import PackageDecisions, decide_packages
from releve.drill.subject import Twin, door_to_twin, why_left_out
from releve.errors import AccessError, Unreachable
from releve.model.observed import ScanRole
from releve.model.run import Phase, RunInput
from releve.model.server_text import show_server_text
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

REPLAY_SECONDS: Final = 900.0
MOST_PACKAGES: Final = 500
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.+-]*(:[a-z0-9-]+)?")
_APT: Final = ("apt-get", "-qq", "-o", "Dpkg::Options::=--force-confold", "--no-install-recommends")


class ReplayPackages(Step):
    name = "replay_packages"
    phase = Phase.STUDY
    cell = "R14"
    needs = ("scan_aged",)
    deadline_seconds = 3600.0

    def describe(self, run: RunInput) -> str:
        return f"install and remove on the twin what was on {run.host} by hand"

    def look(self, context: StepContext) -> Sight:
        if why := why_nothing_to_replay(context):
            return Done(f"left out: {why}", {"left_out": why})
        return Todo("package decisions have to be made again")

    def act(self, context: StepContext) -> Sight:
        decisions = decide(context)
        if decisions.is_empty:
            why = "the live host has the packages of the twin"
            return Done(why, {"left_out": why})
        notes = [
            note for command in list_commands(decisions) if (note := run_or_note(context, command))
        ]
        notes += [
            f"{show_server_text(name)} is in no repository" for name in decisions.not_replayable
        ]
        count = len(decisions.install) + len(decisions.remove) + len(decisions.purge)
        return Done(f"{count} package(s) installed or removed", describe(decisions, notes))


def why_nothing_to_replay(context: StepContext) -> str:
    if why := why_left_out(context):
        return why
    if not context.output_of("scan_aged").get("scan_id"):
        return "the twin was not scanned"
    live = context.outside.observed.find_scans(context.run.host, role=ScanRole.LIVE, limit=1)
    return "" if live else "the live host was never scanned"


def decide(context: StepContext) -> PackageDecisions:
    observed, host = context.outside.observed, context.run.host
    live = observed.find_scans(host, role=ScanRole.LIVE, limit=1)[0]
    aged = str(context.output_of("scan_aged")["scan_id"])
    return decide_packages(observed.read_facts(live.scan_id), observed.read_facts(aged))


def list_commands(decisions: PackageDecisions) -> list[tuple[str, ...]]:
    """Few calls; names came from a server, so what is not plainly a name is left out."""
    install = [f"{name}+" for name in safe(decisions.install)]
    remove = [f"{name}-" for name in safe(decisions.remove)]
    purge = safe(decisions.purge)
    groups: list[tuple[tuple[str, ...], list[str]]] = [
        ((*_APT, "install", "--"), [*install, *remove]),
        ((*_APT, "purge", "--"), purge),
        (("apt-mark", "-qq", "manual", "--"), safe(decisions.manual)),
        (("apt-mark", "-qq", "auto", "--"), safe(decisions.auto)),
        (("apt-mark", "-qq", "unhold", "--"), safe(decisions.unhold)),
        (("apt-mark", "-qq", "hold", "--"), safe(decisions.hold)),
    ]
    prepared = [("apt-get", "-qq", "update")] if install else []
    return prepared + [(*command, *names[:MOST_PACKAGES]) for command, names in groups if names]


def safe(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if _NAME.fullmatch(name)]


def run_or_note(context: StepContext, command: tuple[str, ...]) -> str:
    """Why the command did not do; empty: it did."""
    shown = " ".join(command)[:200]
    try:
        result = context.outside.access.run_command(
            door_to_twin(context, Twin.AGED),
            command=("env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", *command),
            timeout_seconds=REPLAY_SECONDS,
        )
    except Unreachable:
        raise
    except AccessError as error:
        return f"{shown}: {error}"
    if result.exit_code == 0:
        return ""
    return f"{shown}: {show_server_text(result.stderr.strip()[-300:])}"


def describe(decisions: PackageDecisions, notes: list[str]) -> dict[str, Any]:
    done = {
        kind: [show_server_text(name) for name in getattr(decisions, kind)[:MOST_PACKAGES]]
        for kind in ("install", "remove", "purge", "hold", "unhold", "manual", "auto")
    }
    return {**done, "notes": notes[:50]}
