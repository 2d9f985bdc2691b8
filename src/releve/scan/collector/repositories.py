"""Where apt takes packages from, one fact for each type, place, suite and set of components."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("repository",)
LIVE = False

_ONE_LINE = re.compile(r"\A(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)\Z")
_FIELD = re.compile(r"\A([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)\Z")
_TOLD_ELSEWHERE = ("types", "uris", "suites", "components", "signed-by", "enabled", "description")
_LONGEST_LINE = 8192
_MOST = 5000


def collect(system):
    seen: set[str] = set()
    for path in _files(system):
        try:
            content = system.read(path, 1 << 20)
        except NotChecked as failure:
            yield "not_checked", "repository:" + path, {"why": str(failure)}, {}
            continue
        text = (content or b"").decode("utf-8", "surrogateescape")
        read = _stanzas if path.endswith(".sources") else _lines
        for kind, key, attributes, evidence in read(system, path, text):
            if kind + key not in seen:
                seen.add(kind + key)
                yield kind, key, attributes, evidence
            if len(seen) > _MOST:
                raise NotChecked("more than %d repositories" % _MOST)


def _files(system):
    place = "/etc/apt/sources.list.d"
    names = [name for name in system.names(place) if name.endswith((".list", ".sources"))]
    return ["/etc/apt/sources.list", *(place + "/" + name for name in names)]


def _lines(system, path, text):
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        found = _ONE_LINE.match(line) if len(line) <= _LONGEST_LINE else None
        if found is None or re.search("[\x00-\x08\x0b-\x1f\x7f]", line):
            why = "a line that apt would not take"
            yield "not_checked", "repository:%s line %d" % (path, number), {"why": why}, {}
            continue
        kind, options, uri, suite, components = found.groups()
        settings = dict(_setting(word) for word in (options or "").split())
        signed = settings.pop("signed-by", "")
        written = " ".join("%s=%s" % item for item in sorted(settings.items()))
        key = _key(system, (kind, uri, suite), components)
        yield "repository", key, _attributes(system, path, (written, signed)), {}


def _setting(word):
    name, _, value = word.partition("=")
    return name.lower(), value


def _stanzas(system, path, text):
    for number, block in enumerate(re.split(r"\n[ \t]*\n", text), 1):
        fields = _fields(block)
        if not fields or fields.get("enabled", "yes").lower() in ("no", "false", "0", "off"):
            continue
        kinds, uris, suites = (fields.get(name, "").split() for name in ("types", "uris", "suites"))
        if not (kinds and uris and suites) or len(kinds) * len(uris) * len(suites) > 100:
            why = "a paragraph that apt would not take"
            yield "not_checked", "repository:%s part %d" % (path, number), {"why": why}, {}
            continue
        others = sorted(set(fields) - set(_TOLD_ELSEWHERE))
        options = " ".join("%s=%s" % (name, " ".join(fields[name].split())) for name in others)
        attributes = _attributes(system, path, (options, fields.get("signed-by", "")))
        for source in [(kind, uri, suite) for kind in kinds for uri in uris for suite in suites]:
            yield "repository", _key(system, source, fields.get("components", "")), attributes, {}


def _fields(block):
    fields: dict[str, str] = {}
    name = ""
    for line in block.split("\n"):
        found = _FIELD.match(line)
        if line.startswith("#") or len(line) > _LONGEST_LINE:
            continue
        if found:
            name = found.group(1).lower()
            fields[name] = found.group(2).strip()
        elif name and line[:1] in (" ", "\t"):
            fields[name] += "\n" + line.strip()
    return fields


def _key(system, source, components):
    words = [*source, *sorted(components.split())]
    shown = system.mask(" ".join(words).replace("/ ", " "))
    return re.sub("[\x00-\x1f\x7f]", "?", shown)


def _attributes(system, path, settings):
    options, signed = settings
    attributes = {"file": path}
    if options:
        attributes["options"] = system.mask(options)[:_LONGEST_LINE]
    if "BEGIN PGP" in signed:
        attributes["key"] = "embedded " + system.digest(signed.encode("utf-8", "surrogateescape"))
    elif signed:
        attributes["key"] = _signing_key(system, signed.split()[0])
    return attributes


def _signing_key(system, place):
    """Where it lies with the digest of what lies there; a fingerprint is taken as it is."""
    if not place.startswith("/"):
        return place[:256]
    try:
        content = system.read(place, 1 << 20)
    except NotChecked:
        return place + " unreadable"
    return place + (" missing" if content is None else " " + system.digest(content))
