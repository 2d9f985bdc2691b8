"""What a drill has shown, and how an image was proven, as Markdown."""

from collections.abc import Iterable

from releve.recovery.report.language import Wording
from releve.recovery.report.markdown_text import write_text
from releve.recovery.report.sentences import tell_proof
from releve.recovery.report.types import Report

Lines = list[str]


def write_drill(report: Report, wording: Wording) -> Lines:
    drill = report.drill
    if drill is None:
        return []
    image = drill.image or wording.say("drill_image_none")
    scans = [
        f"{wording.name_step(scan.step)}{wording.say('colon')} "
        + wording.say(
            "drill_facts",
            facts=wording.write_number(scan.facts),
            seconds=wording.write_duration(scan.seconds),
        )
        for scan in drill.scans
    ]
    return [
        f"## {write_text(wording.say('drill'))}",
        "",
        *_list(wording.say("drill_reasons"), drill.reasons),
        *_list(wording.say("drill_notes"), drill.notes),
        *_list(wording.say("drill_image"), [image]),
        *_list(wording.say("drill_scans"), scans),
    ]


def write_proof(report: Report, wording: Wording) -> Lines:
    told = tell_proof(report, wording)
    if not told or report.proof is None:
        return []
    return [
        f"## {write_text(wording.say('proof'))}",
        "",
        write_text(told),
        "",
        *(f"* {write_text(text)}" for text in report.proof.differences),
        "",
    ]


def _list(title: str, texts: Iterable[str]) -> Lines:
    lines = [f"* {write_text(text)}" for text in texts]
    return [f"**{write_text(title)}**", "", *lines, ""] if lines else []
