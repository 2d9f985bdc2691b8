"""Say what came back, what did not, and how we know; findings stay with the host."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from releve.drift.examine import Comparison, examine
from releve.errors import JournalError, ReleveError
from releve.model.finding import Finding
from releve.model.run import RunInput
from releve.model.server_text import show_server_text
from releve.recovery.autopsy.autopsy_step import ReadingStep
from releve.recovery.autopsy.case import MOUNT, case_of, door_to_helper
from releve.recovery.autopsy.comparison import Recount, count_facts
from releve.recovery.contents import keep_contents, list_missing
from releve.recovery.subject import plan_of
from releve.scan.contents import read_contents
from releve.workflow.step import Done, StepContext

MOST_FINDINGS: Final = 200  # in the journal; all of them are in the store


class Compare(ReadingStep):
    name = "autopsy_compare"
    cell = "A07"
    needs = ("autopsy_scan", "autopsy_recovered")
    builds_on = ("autopsy_scan", "autopsy_recovered")
    deadline_seconds = 1800.0

    def describe(self, run: RunInput) -> str:
        del run
        return "hold the dead disk against the new instance: what came back, what did not"

    def read(self, context: StepContext) -> Done:
        outside, host = context.outside, context.run.host
        comparison = comparison_of(context)
        recount = count_facts(comparison)
        findings = examine(comparison).findings
        outside.findings.save_findings(
            host, findings, at=outside.clock.now().isoformat(timespec="seconds")
        )
        keep_dead_contents(context, findings)
        return Done(tell_recount(recount, findings), describe(recount, findings))


def keep_dead_contents(context: StepContext, findings: Sequence[Finding]) -> None:
    """While the helper still reads the disk; without them codify says which it lacks."""
    outside, door = context.outside, door_to_helper(context)

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        return read_contents(outside.access, door, paths, root=MOUNT)

    try:
        host, store = context.run.host, outside.observed
        missing = list_missing(findings, host=host, store=store)
        keep_contents(missing, host=host, store=store, read=read)
    except ReleveError as error:
        if isinstance(error, JournalError):
            raise
        context.report_progress(f"files of the dead disk were not kept: {error}")


def comparison_of(context: StepContext) -> Comparison:
    """The dead disk stands where a drill has the live host, the new host where it has the twin."""
    outside, host = context.outside, context.run.host
    dead, new = context.output_of("autopsy_scan"), context.output_of("autopsy_recovered")
    return Comparison(
        host=host,
        live=lambda: outside.observed.read_facts(str(dead["scan_id"])),
        twin=lambda: outside.observed.read_facts(str(new["scan_id"])),
        noise=outside.findings.read_noise(host, case_of(context).image),
        volumes={volume.mount: volume.id for volume in plan_of(context.run).volumes.values()},
        live_partial=not dead["complete"],
        twin_partial=not new["complete"],
        names=frozenset({case_of(context).dead_name, case_of(context).new}),
    )


def tell_recount(found: Recount, findings: Sequence[Finding]) -> str:
    return (
        f"{found.came_back} of {found.facts} facts came back, {found.missing} are missing,"
        f" {found.changed} differ, in {len(findings)} finding(s)"
    )


def describe(found: Recount, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "facts": found.facts,
        "came_back": found.came_back,
        "noise": found.noise,
        "changed": found.changed,
        "missing": found.missing,
        "unknown": found.unknown,
        "only_new": found.only_new,
        "tiers": dict(Counter(finding.tier.value for finding in findings)),
        "finding_count": len(findings),
        "findings": [describe_finding(finding) for finding in findings[:MOST_FINDINGS]],
    }


def describe_finding(finding: Finding) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "title": show_server_text(finding.title, limit=300),
        "tier": finding.tier.value,
        "status": finding.status.value,
        "cause": finding.cause.value,
        "subject": show_server_text(finding.subject, limit=300),
        "deviations": len(finding.deviations) + finding.folded,
    }
