"""The autopsy and the recount as Markdown."""

from releve.recovery.report.autopsy_types import (
    DiskFacts,
    LastWords,
    LogLine,
    Recount,
)
from releve.recovery.report.language import Wording
from releve.recovery.report.markdown_text import write_table, write_text
from releve.recovery.report.sentences import (
    list_disk_facts,
    salvage_command,
    tell_recount,
)
from releve.recovery.report.types import (
    Autopsy,
    Report,
)

Lines = list[str]
COUNTS = ("came_back", "noise", "changed", "missing", "unknown")


def write_recount(report: Report, wording: Wording) -> Lines:
    if report.autopsy is None:
        return []
    title = f"## {write_text(wording.say('recount'))}"
    recount = report.autopsy.recount
    if recount is None:
        return [title, "", write_text(wording.say("recount_not_made")), ""]
    lines = [title, "", f"**{write_text(tell_recount(recount, wording))}**", ""]
    if recount.data_at_risk:
        at_risk = wording.say("recount_at_risk", count=recount.data_at_risk)
        lines += [f"**{write_text(at_risk)}**", ""]
    lines += _write_counts(recount, wording)
    lines += _write_findings(report, recount, wording=wording)
    facts = wording.write_number(recount.facts)
    return [*lines, write_text(wording.say("recount_how", facts=facts)), ""]


def _write_counts(recount: Recount, wording: Wording) -> Lines:
    rows = [
        (wording.say(f"recount_{name}"), wording.write_number(getattr(recount, name)))
        for name in (*COUNTS, "facts")
    ]
    return write_table((wording.say("what"), ""), rows)


def _write_findings(report: Report, recount: Recount, *, wording: Wording) -> Lines:
    if not recount.findings:
        return []
    rows = [
        (
            wording.texts.get(f"tier_{lost.tier}", lost.tier),
            lost.title,
            wording.texts.get(f"lost_{lost.status}", lost.status),
            salvage_command(lost, report),
        )
        for lost in recount.findings
    ]
    header = ("", *(wording.say(key) for key in ("lost", "lost_status", "lost_next")))
    lines = write_table(header, rows)
    more = recount.finding_count - len(recount.findings)
    if more > 0:
        told = wording.say("recount_more", count=more, host=report.run.host)
        lines += [write_text(told), ""]
    return lines


def write_autopsy(report: Report, wording: Wording) -> Lines:
    autopsy = report.autopsy
    if autopsy is None:
        return []
    name = autopsy.instance.name if autopsy.instance else wording.say("unknown")
    lines = [f"## {write_text(wording.say('autopsy'))}", ""]
    if autopsy.disk:
        lines += [write_text(wording.say("autopsy_note", name=name)), ""]
        lines += _write_disk(autopsy.disk, wording)
    if autopsy.words:
        lines += _write_words(autopsy.words, wording)
    return [*lines, *_write_not_done(autopsy, wording)]


def _write_disk(disk: DiskFacts, wording: Wording) -> Lines:
    lines = [] if disk.first_error else [write_text(wording.say("disk_no_error")), ""]
    lines += [
        f"* {write_text(wording.say(key))}{wording.say('colon')} {write_text(value)}"
        for key, value in list_disk_facts(disk, wording)
    ]
    return [*lines, *(f"* {write_text(note)}" for note in disk.notes), ""]


def _write_words(words: LastWords, wording: Wording) -> Lines:
    lines: Lines = []
    if words.scanned_at:
        told = wording.say(
            "words_running",
            moment=wording.write_moment(words.scanned_at),
            active=words.active_units,
            failed=len(words.failed_units),
        )
        lines += [write_text(told), ""]
    said = tuple(LogLine(None, "", text) for text in words.while_it_ran)
    for key, found in (
        ("words_kernel", words.kernel),
        ("words_while_it_ran", said),
        ("words_complaints", words.complaints),
    ):
        if found:
            lines += [f"### {write_text(wording.say(key))}", ""]
            lines += [*(f"* {write_text(_show_line(line, wording))}" for line in found), ""]
    if not (words.kernel or words.while_it_ran or words.complaints):
        lines += [write_text(wording.say("words_none", why=words.why)), ""]
    return lines


def _show_line(line: LogLine, wording: Wording) -> str:
    moment = f"{wording.write_moment(line.at)} " if line.at else ""
    unit = f"{line.unit}{wording.say('colon')} " if line.unit not in {"", "kernel"} else ""
    return f"{moment}{unit}{line.text}"


def _write_not_done(autopsy: Autopsy, wording: Wording) -> Lines:
    colon = wording.say("colon")
    if not autopsy.not_done:
        return []
    lines = [
        f"* {write_text(wording.name_step(item.step))}{colon} {write_text(item.reason)}"
        for item in autopsy.not_done
    ]
    return [f"### {write_text(wording.say('autopsy_not_done'))}", "", *lines, ""]
