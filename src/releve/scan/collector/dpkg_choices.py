"""What a person told dpkg and its tools: alternatives, diversions, modes, answers."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("alternative", "diversion", "statoverride", "debconf")
LIVE = False

_ALTERNATIVES = "/var/lib/dpkg/alternatives"
_DEBCONF = "/var/cache/debconf/"
_NAME = re.compile(r"\A[A-Za-z0-9+._:@-]{1,128}\Z")
_QUESTION = re.compile(r"\A[^\s\x00-\x1f\x7f]{1,256}\Z")
_SILENT = ("", "false", "note", "title", "text", "error")
_LONGEST = 16384
_CONTROLS = re.compile("[\x00-\x1f\x7f]")


def collect(system):
    for read in (_alternatives, _diversions, _overrides, _debconf):
        kind = {"_overrides": "statoverride"}.get(read.__name__, read.__name__[1:].rstrip("s"))
        try:
            for fact in read(system):
                yield fact
        except NotChecked as failure:
            yield "not_checked", kind, {"why": str(failure)}, {}


def _alternatives(system):
    for name in system.names(_ALTERNATIVES):
        if not _NAME.match(name):
            yield _blind("alternative:" + _ALTERNATIVES, "a name that no tool would make")
            continue
        text = _text(system, _ALTERNATIVES + "/" + name)
        mode = text.split("\n", 1)[0]
        value = system.target("/etc/alternatives/" + name)
        if mode not in ("auto", "manual"):
            yield _blind("alternative:" + name, "no mode in it")
        elif value is not None and len(value) < 4096 and not _CONTROLS.search(value):
            yield "alternative", name, {"mode": mode, "value": value}, {}
        else:
            yield "alternative", name, {"mode": mode}, {}


def _diversions(system):
    lines = _text(system, "/var/lib/dpkg/diversions").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    seen = set()
    for start in range(0, len(lines), 3):
        record = lines[start : start + 3]
        if len(record) < 3 or not _are_usable(record) or record[0] in seen:
            yield _blind("diversion:line %d" % (start + 1), "a record that dpkg would not write")
            continue
        seen.add(record[0])
        by = "local" if record[2] == ":" else record[2]
        yield "diversion", record[0], {"to": record[1], "by": by}, {}


def _overrides(system):
    seen = set()
    lines = _text(system, "/var/lib/dpkg/statoverride").split("\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        fields = line.split(" ", 3)
        if len(fields) < 4 or not _are_usable([line]) or fields[3] in seen:
            yield _blind("statoverride:line %d" % number, "a record that dpkg would not write")
            continue
        seen.add(fields[3])
        attributes = {"owner": fields[0], "group": fields[1], "mode": fields[2]}
        yield "statoverride", fields[3], attributes, {}


def _are_usable(record):
    return all(len(line) <= _LONGEST and not _CONTROLS.search(line) for line in record)


def _debconf(system):
    """Answers that somebody was asked for; a package's own defaults are no decision."""
    types = _types(system)
    seen: set[str] = set()
    for name, secret in (("config.dat", False), ("passwords.dat", True)):
        for record in _stanzas(_text(system, _DEBCONF + name, 32 << 20)):
            if "seen" not in record.get("Flags", "").split() and not secret:
                continue
            for fact in _answer(system, record, types, secret=secret):
                if fact[1] not in seen:
                    seen.add(fact[1])
                    yield fact


def _answer(system, record, types, *, secret):
    question, value = record.get("Name", ""), record.get("Value", "")
    kind = types.get(record.get("Template", ""), "")
    secret = secret or kind == "password"
    if kind in _SILENT[2:] or not value:
        return
    if not _QUESTION.match(question) or len(value) > _LONGEST:
        yield _blind("debconf:" + question[:64], "an answer that no tool would write")
        return
    if secret or re.search(r"pass(?:word|wd|phrase)?\b|secret", question, re.I):
        value = system.keyed_digest(value.encode("utf-8", "surrogateescape"))
    for owner in record.get("Owners", "").split(","):
        if _NAME.match(owner.strip()):
            evidence = {"type": kind} if kind else {}
            yield "debconf", "%s %s" % (owner.strip(), question), {"value": value}, evidence


def _types(system):
    """Types by template; the texts themselves are skipped unread, they are most of the file."""
    content = system.read(_DEBCONF + "templates.dat", 64 << 20) or b""
    found = re.findall(rb"^(Name|Type): (.{1,256})$", content, re.MULTILINE)
    types: dict[str, str] = {}
    name = ""
    for field, raw in found:
        value = raw.decode("utf-8", "surrogateescape")
        if field == b"Name":
            name = value
        elif re.match(r"\A[a-z]{1,16}\Z", value):
            types.setdefault(name, value)
    return types


def _stanzas(text):
    for block in text.split("\n\n"):
        record = {}
        field = ""
        for line in block.split("\n"):
            if line.startswith(" ") and field:
                continue  # the list of variables
            field, colon, value = line.partition(": ")
            if colon:
                record[field] = value
        if record:
            yield record


def _text(system, path, limit=4 << 20):
    return (system.read(path, limit) or b"").decode("utf-8", "surrogateescape")


def _blind(place, why):
    shown = re.sub("[\x00-\x1f\x7f]", "?", place)
    return "not_checked", shown, {"why": why}, {}
