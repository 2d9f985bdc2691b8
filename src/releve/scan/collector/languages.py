"""Software that Python's, Node's and Ruby's own installers brought, outside of packages."""

import itertools
import json
import re

from releve.scan.collector.system import NotChecked
from releve.scan.collector.trees import homes, walk

KINDS = ("pip", "npm", "gem")
LIVE = False

_VENV_ROOTS = ("/opt", "/srv", "/home", "/root", "/var/www", "/usr/local")
_VENV_DEPTH = 4
_PACKAGED_PYTHON = "/usr/lib/python3/dist-packages"
_LIBRARIES = ("/dist-packages", "/site-packages")
_NAME = re.compile(r"\A@?[A-Za-z0-9][A-Za-z0-9._@/-]{0,213}\Z")
_VERSION = re.compile(r"\A[^\s\x00-\x1f\x7f]{1,128}\Z")
_MOST = 20000  # of each kind
_LARGEST = 2 << 20


def collect(system):
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for read in (_python, _node, _ruby):
        try:
            for kind, key, attributes, evidence in itertools.islice(read(system), _MOST):
                _take(seen, (kind, key), (attributes, evidence))
        except NotChecked as failure:
            kind = {"_python": "pip", "_node": "npm", "_ruby": "gem"}[read.__name__]
            yield "not_checked", kind, {"why": str(failure)}, {}
    for (kind, key), (attributes, evidence) in sorted(seen.items()):
        yield kind, key, attributes, evidence


def _take(seen, name, told):
    """Several versions of one thing side by side are one fact."""
    if name not in seen:
        seen[name] = told
    elif "version" in told[0]:
        versions = set(seen[name][0].get("version", "").split(",")) | {told[0]["version"]}
        seen[name][0]["version"] = ",".join(sorted(versions))


def _python(system):
    for place in _python_places(system):
        for name in system.names(place):
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            try:
                told = _distribution(system, place + "/" + name, place == _PACKAGED_PYTHON)
            except NotChecked as failure:
                yield "not_checked", "pip:%s/%s" % (place, name), {"why": str(failure)}, {}
                continue
            if told:
                yield "pip", "%s %s" % (place, told[0]), {"version": told[1]}, told[2]


def _python_places(system):
    places = [_PACKAGED_PYTHON]
    prefixes = ["/usr/local"] + [home + "/.local" for home in homes(system)]
    for root in _VENV_ROOTS:
        prefixes += _environments(system, root)
    for prefix in prefixes:
        for name in system.names(prefix + "/lib"):
            if re.match(r"\Apython[23](?:\.\d+)?\Z", name):
                places += [prefix + "/lib/" + name + leaf for leaf in _LIBRARIES]
    return sorted(set(places))


def _environments(system, root):
    found = []
    try:
        for path, names in walk(system, root, _VENV_DEPTH):
            if "lib" in names and "bin" in names:
                found.append(path)
    except NotChecked:
        pass  # a cut walk is told by the collector of checkouts, which walks the same places
    return found


def _distribution(system, path, packaged):
    """(name, version, evidence), or None for what a package brought."""
    installer = _text(system, path + "/INSTALLER").strip()
    # Debian's own leave out the list of files, or say so
    if packaged and (installer == "debian" or not _is_recorded(system, path)):
        return None
    if packaged and _is_packaged(system, path):
        return None
    text = _text(system, path + "/METADATA") or _text(system, path + "/PKG-INFO")
    text = text or _text(system, path)
    head = text.split("\n\n", 1)[0]
    name = re.search(r"^Name:[ \t]*(\S+)[ \t]*\r?$", head, re.M)
    version = re.search(r"^Version:[ \t]*(\S+)[ \t]*\r?$", head, re.M)
    if not (name and version and _NAME.match(name.group(1)) and _VERSION.match(version.group(1))):
        raise NotChecked("it has no name and version")
    evidence = {"installer": installer} if _VERSION.match(installer) else {}
    source = _object(_text(system, path + "/direct_url.json")).get("url")
    if isinstance(source, str):
        evidence["source"] = system.mask(source)[:1024]
    return re.sub(r"[-_.]+", "-", name.group(1)).lower(), version.group(1), evidence


def _is_recorded(system, path):
    return any(_text(system, path + leaf) for leaf in ("/RECORD", "/installed-files.txt"))


def _is_packaged(system, path):
    """Most likely in the package of its own name, which is looked at first."""
    leaf = re.split(r"[-.]\d", path.rsplit("/", 1)[-1])[0].lower().replace("_", "-")
    return any(
        found.startswith(path + "/")
        for prefix in ("python3-" + leaf, "python3-")
        for found in _owned(system, (prefix,))
    )


def _node(system):
    places = ["/usr/local/lib/node_modules", "/usr/lib/node_modules"]
    for home in homes(system):
        places.append(home + "/.npm-global/lib/node_modules")
        versions = home + "/.nvm/versions/node"
        places += [versions + "/" + name + "/lib/node_modules" for name in system.names(versions)]
    for place in places:
        owned = _owned(system, ("node", "npm")) if place.startswith("/usr/lib/") else set()
        for name in _modules(system, place):
            path = place + "/" + name
            described = _object(_text(system, path + "/package.json"))
            version = described.get("version")
            if path + "/package.json" in owned or not _NAME.match(name):
                continue
            if not isinstance(version, str) or not _VERSION.match(version):
                why = "its package.json says no version"
                yield "not_checked", "npm:" + path, {"why": why}, {}
                continue
            source = system.target(path) or described.get("_resolved")
            evidence = {"source": system.mask(str(source))[:1024]} if source else {}
            yield "npm", "%s %s" % (place, name), {"version": version}, evidence


def _modules(system, place):
    for name in system.names(place):
        if name.startswith("@"):
            for leaf in system.names(place + "/" + name):
                yield name + "/" + leaf
        elif not name.startswith("."):
            yield name


def _owned(system, prefixes):
    """Paths of packages whose names begin so; reading all packages' lists would cost more."""
    info = "/var/lib/dpkg/info"
    paths: set[str] = set()
    for name in system.names(info):
        if name.startswith(prefixes) and name.endswith(".list"):
            paths.update(_text(system, info + "/" + name).split("\n"))
    return paths


def _ruby(system):
    roots = ["/var/lib/gems", "/usr/local/lib/ruby/gems", "/usr/local/rvm/gems"]
    for home in homes(system):
        roots += [home + "/.gem/ruby", home + "/.local/share/gem/ruby"]
    for root in roots:
        for release in system.names(root):
            place = root + "/" + release
            for name in system.names(place + "/specifications"):
                if not name.endswith(".gemspec"):
                    continue
                text = _text(system, place + "/specifications/" + name)
                found = re.search(r"^# stub: (\S+) (\S+) ", text, re.M)
                found = found or re.match(r"\A(.+)-(\d[^-]*)(?:-.*)?\.gemspec\Z", name)
                if found and _NAME.match(found.group(1)) and _VERSION.match(found.group(2)):
                    key = "%s %s" % (place, found.group(1))
                    yield "gem", key, {"version": found.group(2)}, {}


def _object(text):
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(system, path):
    try:
        content = system.read(path, _LARGEST)
    except NotChecked:
        return ""
    return (content or b"").decode("utf-8", "surrogateescape")
