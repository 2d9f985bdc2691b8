"""Keys that may log in, and the keys by which the machine proves itself."""

import base64
import binascii
import hashlib
import re

from releve.scan.collector.system import NotChecked

KINDS = ("authorized_key", "host_key")
LIVE = False

_TYPE = re.compile(r"\A(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{1,60}\Z")
_DEFAULT_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_MOST_USERS = 2000
_MOST_DAMAGED = 50
_MOST_KEYS = 10000
_LONGEST_LINE = 16384


def collect(system):
    for fact in _host_keys(system):
        yield fact
    patterns, why = _patterns(system)
    if why:
        yield "not_checked", "authorized_key:sshd_config", {"why": why}, {}
    seen = set()
    for user, home in _homes(system):
        for path in sorted({_expand(pattern, user, home) for pattern in patterns}):
            for fact in _keys(system, user, path):
                if (fact[0], fact[1]) not in seen:
                    seen.add((fact[0], fact[1]))
                    yield fact
            if len(seen) > _MOST_KEYS:
                raise NotChecked("more than %d keys" % _MOST_KEYS)


def _host_keys(system):
    for name in system.names("/etc/ssh"):
        if not re.match(r"\Assh_host_[a-z0-9]+_key\Z", name):
            continue
        path = "/etc/ssh/" + name
        attributes = {"algorithm": name[len("ssh_host_") : -len("_key")]}
        evidence = {}
        words = (_read(system, path + ".pub") or "").split()
        body = _decoded(words[1]) if len(words) > 1 else None
        if body is not None:
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
            evidence["fingerprint"] = "SHA256:" + digest.rstrip("=")
        yield "host_key", path, attributes, evidence


def _patterns(system):
    """Where sshd looks for keys, and what of its configuration was not followed."""
    lines: list[str] = []
    for name in system.names("/etc/ssh/sshd_config.d"):
        if name.endswith(".conf"):
            lines += (_read(system, "/etc/ssh/sshd_config.d/" + name) or "").splitlines()
    lines += (_read(system, "/etc/ssh/sshd_config") or "").splitlines()
    found = None
    why = ""
    for line in lines:
        words = line.split()
        word = words[0].lower() if words else ""
        if word == "match":
            why = why or "Match blocks of sshd_config are not followed"
        elif word == "authorizedkeysfile" and found is None:
            found = [item for item in words[1:] if item != "none"]
        elif word == "authorizedkeyscommand" and words[1:] != ["none"]:
            why = "sshd asks a command for keys"
    return (_DEFAULT_FILES if found is None else found), why


def _homes(system):
    content = _read(system, "/etc/passwd") or ""
    homes: dict[str, str] = {}
    for line in content.split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[0] and fields[5].startswith("/"):
            homes.setdefault(fields[0], fields[5])
        if len(homes) >= _MOST_USERS:
            break
    return sorted(homes.items())


def _expand(pattern, user, home):
    path = pattern.replace("%%", "\0").replace("%h", home).replace("%u", user).replace("\0", "%")
    return path if path.startswith("/") else home.rstrip("/") + "/" + path


def _keys(system, user, path):
    try:
        content = _read(system, path)
    except NotChecked as failure:
        yield "not_checked", "authorized_key:" + path, {"why": str(failure)}, {}
        return
    damaged = 0
    for number, written in enumerate((content or "").split("\n"), 1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        options, kind, body, comment = _parse(line)
        if not kind:
            damaged += 1
            if damaged > _MOST_DAMAGED:
                yield "not_checked", "authorized_key:" + path, {"why": "mostly no keys"}, {}
                return
            where = "authorized_key:%s line %d" % (path, number)
            yield "not_checked", where, {"why": "no key can be read in it"}, {}
            continue
        attributes = {"options": system.mask(options), "comment": comment}
        attributes = {name: value for name, value in attributes.items() if value}
        yield "authorized_key", "%s %s %s" % (user, kind, body), attributes, {"file": path}


def _parse(line):
    """(options, type, base64, comment); an empty type where it is no key."""
    if len(line) > _LONGEST_LINE:
        return "", "", "", ""
    options = ""
    rest = line
    if not _TYPE.match(line.split(None, 1)[0]):
        options, rest = _options(line)
    words = rest.split(None, 2)
    if len(words) < 2 or not _TYPE.match(words[0]) or not re.match(r"\A[\w+/=]+\Z", words[1]):
        return "", "", "", ""
    return options, words[0], words[1], words[2] if len(words) > 2 else ""


def _options(line):
    quoted = False
    for place, character in enumerate(line):
        if character == '"' and line[place - 1 : place] != "\\":
            quoted = not quoted
        elif character in " \t" and not quoted:
            return line[:place], line[place:].strip()
    return "", ""


def _decoded(text):
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


def _read(system, path):
    content = system.read(path, 1 << 20)
    return None if content is None else content.decode("utf-8", "surrogateescape")
