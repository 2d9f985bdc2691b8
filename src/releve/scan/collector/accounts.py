"""Users with what their shadow entry allows, and groups with their members."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("user", "group")
LIVE = False

_NAME = re.compile(r"\A[A-Za-z0-9_.][A-Za-z0-9_.@-]{0,63}\$?\Z")
_NUMBER = re.compile(r"\A[0-9]{1,10}\Z")
_MOST_DAMAGED = 50
_LONGEST_LINE = 65536  # a group may have thousands of members
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def collect(system):
    for kind, path, read in (("user", "/etc/passwd", _users), ("group", "/etc/group", _groups)):
        try:
            found = read(system) if system.read(path) is not None else _missing(kind, path)
            for fact in found:
                yield fact
        except NotChecked as failure:
            yield "not_checked", kind, {"why": str(failure)}, {}


def _missing(kind, path):
    return [("not_checked", kind, {"why": "there is no " + path}, {})]


def _users(system):
    shadow, spots = _shadow(system)
    for spot in spots:
        yield spot
    numbers = {
        "subuid": _subordinate(system, "/etc/subuid"),
        "subgid": _subordinate(system, "/etc/subgid"),
    }
    seen: set[str] = set()
    for number, fields, damage in _records(system, "/etc/passwd", 7):
        why = damage or _why_unusable(fields, fields[2:4], seen)
        if why:
            yield _blind("user:/etc/passwd", number, why)
            continue
        name = fields[0]
        seen.add(name)
        attributes = dict(zip(("uid", "gid", "gecos", "home", "shell"), fields[2:]))
        attributes.update(_secret_state(system, fields[1], shadow.get(name)))
        for key, ranges in numbers.items():
            attributes.update({key: ",".join(sorted(ranges[name]))} if name in ranges else {})
        yield "user", name, attributes, {}


def _shadow(system):
    """Entries by name, and what could not be read of them."""
    entries: dict[str, list[str]] = {}
    spots = []
    try:
        for number, fields, why in _records(system, "/etc/shadow", 9):
            if why:
                spots.append(_blind("user:/etc/shadow", number, why))
            else:
                entries.setdefault(fields[0], fields)
    except NotChecked as failure:
        spots.append(("not_checked", "user:/etc/shadow", {"why": str(failure)}, {}))
    return entries, spots


def _secret_state(system, visible, entry):
    if entry is None:
        # without a shadow entry, what stands in passwd itself is what logs in
        return {"password": _password(system, visible if visible != "x" else "*")}
    limits = (
        ("min_days", entry[3], ("", "0")),
        ("max_days", entry[4], ("", "99999")),
        ("expires", entry[7], ("",)),
    )
    found = {name: value for name, value, usual in limits if value not in usual}
    found["password"] = _password(system, entry[1])
    return found


def _password(system, value):
    """What a password field allows, never what stands in it."""
    if not value:
        return "none"
    bare = value.lstrip("!*")
    locked = len(bare) < len(value)
    if not bare or bare in ("x", "LK*", "NP"):
        return "locked"
    digest = system.keyed_digest(bare.encode("utf-8", "surrogateescape"))
    return "locked " + digest if locked else digest


def _subordinate(system, path):
    ranges: dict[str, set[str]] = {}
    for _, fields, why in _records(system, path, 3):
        if not why:
            ranges.setdefault(fields[0], set()).add(fields[1] + ":" + fields[2])
    return ranges


def _groups(system):
    seen: set[str] = set()
    for number, fields, damage in _records(system, "/etc/group", 4):
        why = damage or _why_unusable(fields, fields[2:3], seen)
        if why:
            yield _blind("group:/etc/group", number, why)
            continue
        seen.add(fields[0])
        members = sorted({member.strip() for member in fields[3].split(",")} - {""})
        attributes = {"gid": fields[2]}
        if members:
            attributes["members"] = ",".join(members)
        yield "group", fields[0], attributes, {}


def _records(system, path, width):
    """(line number, fields, why it cannot be used); the comment and NIS lines left out."""
    damaged = 0
    content = system.read(path) or b""
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        if not line or line[0] in "#+-":
            continue
        fields = line.split(":")
        why = ""
        if len(line) > _LONGEST_LINE:
            why = "a line of %d characters" % len(line)
        elif _CONTROLS.search(line):
            why = "control characters in it"
        elif len(fields) != width:
            why = "%d fields in place of %d" % (len(fields), width)
        elif not _NAME.match(fields[0]):
            why = "a name that no tool would make"
        damaged += bool(why)
        if damaged > _MOST_DAMAGED:
            raise NotChecked("too many lines that no tool would write in " + path)
        yield number, fields, why


def _why_unusable(fields, numbers, seen):
    if not all(_NUMBER.match(number) for number in numbers):
        return "an id that is no number"
    return "the same name a second time" if fields[0] in seen else ""


def _blind(place, number, why):
    return "not_checked", "%s line %d" % (place, number), {"why": why}, {}
