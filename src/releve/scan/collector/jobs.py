"""Entries of users' crontabs and jobs of at; /etc/crontab and cron.d are files like any other."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("cron", "at_job")
LIVE = False

_CRONTABS = "/var/spool/cron/crontabs"
_AT_SPOOLS = ("/var/spool/cron/atjobs", "/var/spool/at")
_AT_NAME = re.compile(r"\A[=a-zA-Z][0-9a-f]{5}([0-9a-f]{8})\Z")
_LONGEST_LINE = 8192
_MOST_DAMAGED = 50
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def collect(system):
    for user in system.names(_CRONTABS):
        path = _CRONTABS + "/" + user
        for fact in _each("cron", path, _crontab(system, path)):
            yield fact
    seen: dict[str, int] = {}
    for spool in _AT_SPOOLS:
        for name in system.names(spool):
            if _AT_NAME.match(name):
                path = spool + "/" + name
                for kind, key, attributes, evidence in _each("at_job", path, _at_job(system, path)):
                    seen[key] = seen.get(key, 0) + 1
                    number = " #%d" % seen[key] if seen[key] > 1 else ""
                    yield kind, key + number, attributes, evidence


def _each(kind, path, facts):
    try:
        for fact in facts:
            yield fact
    except NotChecked as failure:
        yield "not_checked", "%s:%s" % (kind, path), {"why": str(failure)}, {}


def _crontab(system, path):
    user = path.rsplit("/", 1)[-1]
    seen = set()
    damaged = 0
    content = (system.read(path, 1 << 20) or b"").decode("utf-8", "surrogateescape")
    for number, written in enumerate(content.split("\n"), 1):
        line = written.strip()
        if not line or line.startswith("#") or line in seen:
            continue
        if len(line) > _LONGEST_LINE or _CONTROLS.search(line):
            damaged += 1
            if damaged > _MOST_DAMAGED:
                raise NotChecked("too many lines that no tool would write")
            why = "a line of %d characters, or with control characters" % len(line)
            yield "not_checked", "cron:%s line %d" % (path, number), {"why": why}, {}
            continue
        seen.add(line)
        yield "cron", user + " " + system.mask(line), {}, {"file": path}


def _at_job(system, path):
    minutes = int(path[-8:], 16)
    content = system.read(path)
    if content is None:
        return
    owner = re.search(rb"^# atrun uid=(\d{1,10}) ", content, re.MULTILINE)
    user = _user_name(system, owner.group(1).decode("ascii")) if owner else "?"
    # the header holds the whole environment of the caller, with what nobody chose
    script = content.split(b"\n}\n", 1)[-1]
    due = "%d" % (minutes * 60)
    yield "at_job", user + " " + system.keyed_digest(script), {"due": due}, {"file": path}


def _user_name(system, number):
    content = (system.read("/etc/passwd") or b"").decode("utf-8", "surrogateescape")
    for line in content.split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == number:
            return fields[0]
    return number
