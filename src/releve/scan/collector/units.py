"""Systemd units: from the files and links that make them, and live what systemd runs of them.

So an offline scan says the same of everything but what runs.
"""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("unit",)
LIVE = False

_PLACES = (  # the first one that has a unit wins, as for systemd
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_PASSING_PLACES = (  # made at each boot, by generators or by hand
    ("/run/systemd/transient", "transient"),
    ("/run/systemd/system", "runtime"),
    ("/run/systemd/generator.early", "generated"),
    ("/run/systemd/generator", "generated"),
    ("/run/systemd/generator.late", "generated"),
)
_SUFFIX = r"(?:service|socket|timer|path|target|mount|automount|swap|slice)"
_UNIT = re.compile(r"\A[A-Za-z0-9:_.\\@-]{1,240}\.%s\Z" % _SUFFIX)
_PULLS = (".wants", ".requires", ".upholds")
# they come with devices, logins and mounted file systems, which other facts tell
_BY_NATURE = re.compile(
    r"\A(?:user@\d+\.service|user-runtime-dir@\d+\.service|user-\d+\.slice|session-.*|run-.*\.mount"
    r"|systemd-fsck@.+\.service|blockdev@.+\.target|modprobe@.+\.service"
    r"|.*\.slice|.*\.scope|.*\.device|-\.mount"
    r"|systemd-backlight@.+\.service|lvm2-pvscan@.+|dev-.*\.swap|snap-.*\.mount)\Z"
)
_STATES = {
    "activating": "active",
    "reloading": "active",
    "refreshing": "active",
    "maintenance": "active",
    "deactivating": "inactive",
}
_MOST_UNITS = 20000


def collect(system):
    units = _read_files(system)
    if system.offline:
        yield "not_checked", "unit:running", {"why": "needs a running kernel"}, {}
        yield "not_checked", "unit:generated", {"why": "needs a running kernel"}, {}
    else:
        for fact in _ask_systemd(system, units):
            yield fact
    if len(units) > _MOST_UNITS:
        raise NotChecked("more than %d units" % _MOST_UNITS)
    for name in sorted(units):
        if not _BY_NATURE.match(name):
            yield "unit", name, units[name]["attributes"], units[name]["evidence"]


def _read_files(system):
    units: dict[str, dict[str, dict[str, str]]] = {}
    enabled, aliases = _enabled(system)
    for place in _PLACES:
        for name in system.names(place):
            if _UNIT.match(name) and name not in units:
                units[name] = _from_file(system, place + "/" + name, name in enabled)
    for name in sorted(set(enabled) - set(units)):
        template = units.get(re.sub(r"@[^.]*", "@", name))
        units[name] = _instance(system, enabled[name], template)
        if template and _is_default(system, name, template):
            template["attributes"]["enablement"] = "enabled"
    _add_passing(system, units)
    _add_dropins(system, units)
    for name in aliases:
        if name in units:
            units[name]["attributes"]["enablement"] = "alias"
    return units


def _add_passing(system, units):
    for place, enablement in () if system.offline else _PASSING_PLACES:
        for name in system.names(place):
            path = place + "/" + name
            if not _UNIT.match(name):
                continue
            if system.target(path) == "/dev/null":
                units.setdefault(name, {"attributes": {}, "evidence": {"fragment": path}})
                units[name]["attributes"]["enablement"] = "masked-runtime"
            elif name not in units:
                evidence = dict(_told(_unit_text(system, path) or ""), fragment=path)
                units[name] = {"attributes": {"enablement": enablement}, "evidence": evidence}


def _add_dropins(system, units):
    dropins = _dropins(system)
    for name, unit in units.items():
        found = dict(dropins.get(re.sub(r"@[^.]+", "@", name), {}), **dropins.get(name, {}))
        if found:
            unit["attributes"]["dropins"] = ",".join(sorted(found.values()))


def _enabled(system):
    """Names that links under /etc pull in, and names that are links to another unit."""
    place = _PLACES[0]
    enabled = {}
    aliases = []
    for directory in system.directories(place):
        if directory.endswith(_PULLS):
            for name in system.names(place + "/" + directory):
                target = system.target(place + "/" + directory + "/" + name)
                if target is not None and _UNIT.match(name):
                    enabled[name] = target
    for name in system.names(place):
        target = system.target(place + "/" + name)
        leaf = (target or "").rsplit("/", 1)[-1]
        if target and _UNIT.match(name) and _UNIT.match(leaf) and leaf != name:
            aliases.append(name)
            enabled.setdefault(leaf, target)
    return enabled, aliases


def _from_file(system, path, enabled):
    place, name = path.rsplit("/", 1)
    target = system.target(path)
    attributes = {}
    evidence = {"fragment": path}
    content = _unit_text(system, path)
    if target == "/dev/null" or content == "":
        attributes["enablement"] = "masked"
    elif content is None and target is not None:
        attributes["load"] = "not-found"
        attributes["enablement"] = "enabled" if enabled else "disabled"
    elif target and target.rsplit("/", 1)[-1] != name and place != _PLACES[0]:
        attributes["enablement"] = "alias"
    else:
        attributes["enablement"] = "enabled" if enabled else _installable(content or "")
        evidence.update(_told(content or ""))
    return {"attributes": attributes, "evidence": evidence}


def _instance(system, target, template):
    """An enabled instance of a template, or a link that leads nowhere."""
    attributes = {"enablement": "enabled"}
    if template is not None:
        return {"attributes": attributes, "evidence": dict(template["evidence"])}
    if _unit_text(system, target) is None:
        attributes["load"] = "not-found"
    return {"attributes": attributes, "evidence": {"fragment": target}}


def _dropins(system):
    """Paths by leaf name, by unit; a leaf in a stronger place hides the one in a weaker."""
    found: dict[str, dict[str, str]] = {}
    for place in reversed(_PLACES):
        for directory in system.directories(place):
            unit = directory[:-2]
            if not directory.endswith(".d") or not _UNIT.match(unit):
                continue
            for leaf in system.names(place + "/" + directory):
                if leaf.endswith(".conf"):
                    found.setdefault(unit, {})[leaf] = place + "/" + directory + "/" + leaf
    return found


def _is_default(system, name, template):
    """An instance that stands for its template where the template itself is enabled."""
    content = _unit_text(system, template["evidence"].get("fragment", "")) or ""
    found = re.search(r"^DefaultInstance=(\S{1,100})$", content, re.M)
    return found is not None and "@%s." % found.group(1) in name


def _unit_text(system, path):
    try:
        content = system.read(path, 1 << 17)
    except NotChecked:
        return "unreadable"
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _installable(content):
    section = re.search(r"^\s*\[Install\]\s*$(.*?)(?=^\s*\[|\Z)", content, re.MULTILINE | re.DOTALL)
    if section is None:
        return "static"
    if re.search(r"^\s*(?:WantedBy|RequiredBy|UpheldBy|Alias)\s*=\s*\S", section.group(1), re.M):
        return "disabled"
    return "indirect" if re.search(r"^\s*Also\s*=\s*\S", section.group(1), re.M) else "static"


def _told(content):
    evidence = {}
    described = re.search(r"^Description=[ \t]*(.{1,200})", content, re.M)
    if described:
        evidence["description"] = described.group(1).strip()
    runs = re.findall(r"^Exec\w+=[-@:+!|]*(/[^\s;\"']{1,400})", content, re.M)
    if runs:
        evidence["runs"] = ",".join(sorted(set(runs))[:20])
    return evidence


def _ask_systemd(system, units):
    """What runs. Enablement is read from the files: for systemd it is seconds of work."""
    argv = ["systemctl", "list-units", "--all", "--plain", "--full", "--no-legend", "--no-pager"]
    rows = [words for words in _rows(system, argv) if len(words) >= 4 and _UNIT.match(words[0])]
    if not rows:
        yield "not_checked", "unit:running", {"why": "systemd does not say what runs"}, {}
        return
    for name, load, active, sub in sorted(tuple(words[:4]) for words in rows):
        _take_running_state(units, name, (load, active, sub))
    for name, unit in units.items():
        if unit["attributes"].get("enablement") != "alias" and "@." not in name:
            unit["attributes"].setdefault("active", "inactive")


def _take_running_state(units, name, state):
    load, active, sub = state
    active = "failed" if sub == "auto-restart" else _STATES.get(active, active)
    if active not in ("active", "inactive", "failed"):
        return
    if name not in units:
        # systemd forgets what is neither running nor referred to, so that comes and goes
        if active == "inactive" or name.endswith(".mount"):
            return
        enablement = "generated" if "@" in name else "transient"
        units[name] = {"attributes": {"enablement": enablement}, "evidence": {}}
        if load == "not-found":
            units[name]["attributes"].clear()
    attributes = units[name]["attributes"]
    attributes["active"] = active
    if load in ("not-found", "bad-setting", "error"):
        attributes["load"] = load


def _rows(system, argv):
    code, out = system.run(argv, 20)
    if code != 0:
        return []
    text = out.decode("utf-8", "surrogateescape")
    # a dot or a cross before a name says what the columns say as well
    return [
        line.lstrip("*\u25cf\u25cb\u00d7 ").split() for line in text.split("\n") if line.strip()
    ]
