"""Single values that a whole machine goes by: names, time, language, what it boots into."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("setting",)
LIVE = False

_ASSIGNMENT = re.compile(r"\A(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)\Z")
_LONGEST = 4096
_SWITCHES = (  # set by hand under /sys they are gone at the next boot
    ("transparent_hugepage.enabled", "/sys/kernel/mm/transparent_hugepage/enabled"),
    ("transparent_hugepage.defrag", "/sys/kernel/mm/transparent_hugepage/defrag"),
    ("ksm.run", "/sys/kernel/mm/ksm/run"),
)


def collect(system):
    settings = {}
    for read in (_hostname, _timezone, _locale, _keyboard, _machine_id, _target, _resolver):
        try:
            settings.update(read(system))
        except NotChecked as failure:
            key = "setting:" + read.__name__.strip("_")
            yield "not_checked", key, {"why": str(failure)}, {}
    if system.offline:
        yield "not_checked", "setting:kernel", {"why": "needs a running kernel"}, {}
    else:
        settings.update(_kernel(system))
    for name in sorted(settings):
        value = settings[name]
        if not value:
            continue
        if len(value) > _LONGEST or "\0" in value:
            why = "a value of %d characters" % len(value)
            yield "not_checked", "setting:" + name, {"why": why}, {}
        else:
            yield "setting", name, {"value": value}, {}


def _hostname(system):
    found = {"hostname": _first_line(system, "/etc/hostname")}
    if not system.offline:
        running = _first_line(system, "/proc/sys/kernel/hostname")
        if running != found["hostname"]:
            found["hostname.running"] = running
    return found


def _timezone(system):
    target = system.target("/etc/localtime")
    if target and "/zoneinfo/" in target:
        return {"timezone": target.split("/zoneinfo/", 1)[1]}
    written = _first_line(system, "/etc/timezone")
    content = system.read("/etc/localtime")
    if content is not None:
        return {"timezone": (written + " " + system.digest(content)).strip()}
    return {"timezone": written}


def _locale(system):
    found: dict[str, str] = {}
    # the second is what systemd reads; Debian makes it a link to the first
    for path in ("/etc/default/locale", "/etc/locale.conf"):
        for name, value in _assignments(system, path):
            found.setdefault("locale." + name, value)
    return found


def _keyboard(system):
    found: dict[str, str] = {}
    for path in ("/etc/default/keyboard", "/etc/vconsole.conf"):
        for name, value in _assignments(system, path):
            found.setdefault("keyboard." + name, value)
    return found


def _machine_id(system):
    """That there is one, never which: it is an identity."""
    value = _first_line(system, "/etc/machine-id")
    return {"machine-id": "present"} if re.match(r"\A[0-9a-f]{32}\Z", value) else {}


def _target(system):
    for directory in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"):
        target = system.target(directory + "/default.target")
        if target:
            return {"default-target": target.rstrip("/").rsplit("/", 1)[-1]}
    return {}


def _resolver(system):
    target = system.target("/etc/resolv.conf")
    if target:
        return {"dns": "link to " + target}
    content = system.read("/etc/resolv.conf", 65536) or b""
    words = []
    for written in content.decode("utf-8", "surrogateescape").splitlines():
        line = written.split("#", 1)[0].split(";", 1)[0].strip()
        if line:
            words.append(" ".join(line.split()))
    return {"dns": "; ".join(words)}


def _kernel(system):
    found = {}
    for name, path in _SWITCHES:
        try:
            value = _first_line(system, path)
        except NotChecked:
            continue  # containers may not look there
        chosen = re.search(r"\[([^\]]*)\]", value)
        found["kernel." + name] = chosen.group(1) if chosen else value
    return found


def _assignments(system, path):
    content = system.read(path, 65536) or b""
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        found = _ASSIGNMENT.match(line.strip())
        if found:
            yield found.group(1), found.group(2).strip().strip("\"'")


def _first_line(system, path):
    content = system.read(path, 65536) or b""
    for written in content.decode("utf-8", "surrogateescape").splitlines():
        line = written.strip()
        if line and not line.startswith("#"):
            return line
    return ""
