"""What dpkg has installed, what apt thinks of it, and whether any repository still has it."""

import gzip
import io
import re
import zlib

from releve.scan.collector.machine import decode
from releve.scan.collector.system import NotChecked

KINDS = ("package",)
LIVE = False

_STATUS = "/var/lib/dpkg/status"
_STATES = "/var/lib/apt/extended_states"
_LISTS = "/var/lib/apt/lists"
_MOST_BYTES = 256 << 20
_EVIDENCE = ("Architecture", "Section", "Priority")
_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*$")
_VERSION_LINE = re.compile(r"( \*\*\*|    ) \S+ -?[0-9]+$")


def collect(system):
    content = system.read(_STATUS, _MOST_BYTES)
    if content is None:
        raise NotChecked("there is no " + _STATUS)
    packages = [parse_stanza(stanza) for stanza in content.split(b"\n\n")]
    packages = [fields for fields in packages if fields.get("Package") and "Status" in fields]
    native = next((f["Architecture"] for f in packages if f["Package"] == "dpkg"), "")
    automatic = _read_automatic(system)
    origins, spots = _read_origins(system, {fields["Package"] for fields in packages})
    for spot in spots:
        yield spot
    for fields in packages:
        yield _describe(fields, native, automatic=automatic, origins=origins)


def parse_stanza(stanza):
    """The first lines of the fields that are asked for; continuation lines are left out."""
    fields = {}
    for line in decode(stanza).split("\n"):
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            fields[name] = value.strip()
    return fields


def is_newer(version, other):
    """In the order of dpkg: epoch, upstream version, revision."""
    return _sort_key(version) > _sort_key(other)


def _describe(fields, native, *, automatic, origins):
    name, architecture = fields["Package"], fields.get("Architecture", "")
    is_native = architecture in (native, "all", "")
    words = fields["Status"].split()
    state = words[2] if len(words) == 3 else fields["Status"]
    attributes = {"state": state}
    if state != "config-files":
        attributes["version"] = fields.get("Version", "")
        is_automatic = (name, native if is_native else architecture) in automatic
        attributes["mark"] = "auto" if is_automatic else "manual"
    if words[0] == "hold":
        attributes["hold"] = "yes"
    evidence = {key.lower(): fields[key] for key in _EVIDENCE if fields.get(key)}
    if "architecture" in evidence:
        evidence["arch"] = evidence.pop("architecture")
    depends = [fields[key] for key in ("Pre-Depends", "Depends") if fields.get(key)]
    if depends:
        evidence["depends"] = ", ".join(depends)
    origin = _origin_of(name, fields.get("Version", ""), origins)
    if origin:
        evidence["origin"] = origin
    return "package", name if is_native else name + ":" + architecture, attributes, evidence


def _read_automatic(system):
    marked = set()
    for stanza in (system.read(_STATES, _MOST_BYTES) or b"").split(b"\n\n"):
        fields = parse_stanza(stanza)
        if fields.get("Auto-Installed") == "1":
            marked.add((fields.get("Package"), fields.get("Architecture")))
    return marked


def _read_origins(system, wanted):
    """({name: {version: repository}}, whether every list was read), and what was not."""
    origins: dict[str, dict[str, str]] = {}
    lists = [name for name in system.names(_LISTS) if "_Packages" in name]
    spots: list[object] = []
    try:
        if any(not name.endswith(("_Packages", ".gz")) for name in lists):
            return (_ask_apt(system, sorted(wanted)), True), spots
    except NotChecked:
        pass  # without apt itself, what is in a list of another compression is not known
    for name in lists:
        try:
            content = _unpack(name, system.read(_LISTS + "/" + name, _MOST_BYTES) or b"")
        except (NotChecked, OSError, EOFError, zlib.error) as failure:
            why = {"why": str(failure) or type(failure).__name__}
            spots.append(("not_checked", "package:origin " + name, why, {}))
            continue
        repository = name.partition("_binary-")[0]
        for package, version in _read_versions(content, wanted):
            origins.setdefault(package, {}).setdefault(version, repository)
    return (origins, bool(lists) and not spots), spots


def _ask_apt(system, names):
    """The same from apt's own words, which reads its lists however they are packed."""
    plain = [name for name in names if _PLAIN_NAME.match(name)]
    code, out = system.run(("apt-cache", "policy", *plain), seconds=30)
    if code != 0:
        raise NotChecked("apt-cache ended with " + str(code))
    origins: dict[str, dict[str, str]] = {}
    package = version = ""
    for line in decode(out).split("\n"):
        words = line.split()
        if line and not line.startswith(" "):
            package, version = line.rstrip(":"), ""
        elif _VERSION_LINE.match(line):
            version = words[1] if words[0] == "***" else words[0]
        elif len(words) >= 3 and version and "://" in words[1]:
            place = words[1].partition("://")[2] + "/dists/" + words[2]
            repository = place.replace("/", "_")
            origins.setdefault(package, {}).setdefault(version, repository)
    return origins


def _unpack(name, content):
    if name.endswith("_Packages"):
        return content
    if not name.endswith(".gz"):
        raise NotChecked("its compression is not known")
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        return packed.read(_MOST_BYTES)


def _read_versions(content, wanted):
    """Stanza by stanza without taking it apart: a list may hold 60,000 of them."""
    start = 0
    while start < len(content):
        end = content.find(b"\n\n", start)
        end = len(content) if end < 0 else end
        if content.startswith(b"Package: ", start):
            name = decode(content[start + 9 : content.find(b"\n", start)])
            if name in wanted:
                place = content.find(b"\nVersion: ", start, end)
                if place >= 0:
                    line_end = content.find(b"\n", place + 1)
                    line_end = len(content) if line_end < 0 else line_end
                    yield name, decode(content[place + 10 : line_end])
        start = end + 2


def _origin_of(name, version, origins):
    """An older version came from the repository; a newer one did not."""
    versions = origins[0].get(name, {})
    if version in versions:
        return versions[version]
    if any(is_newer(known, version) for known in versions):
        return next(iter(versions.values()))
    return "local" if version and origins[1] else ""


def _sort_key(version):
    epoch, colon, rest = version.partition(":")
    if not (colon and epoch.isdigit()):
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), _parts(upstream), _parts(revision)


def _parts(text):
    key: list[object] = []
    for letters, digits in _PARTS.findall(text):
        key.append([_weight(letter) for letter in letters] + [0])
        key.append(int(digits or 0))
    return key


def _weight(letter):
    """A tilde sorts before the end, letters before everything else."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
