"""Settings of a Redis server as they are now, which CONFIG SET changes without a file."""

import re

KINDS = ("database_variable",)
LIVE = True

_SECRET = re.compile(r"pass|auth|secret|user")
_VOLATILE = ("slave-announce-ip", "replica-announce-ip")
_NAME = re.compile(r"\A[a-z0-9_.-]{1,128}\Z")
_LONGEST = 8192


def collect(system):
    if not {"redis", "redis-server.pid", "redis.pid"} & set(system.names("/run")):
        return
    code, out = system.run(["redis-cli", "--raw", "config", "get", "*"])
    if code == 127:
        return
    lines = out.decode("utf-8", "surrogateescape").split("\n")
    if code != 0 or len(lines) < 3:
        why = "redis does not answer, or asks for a password"
        yield "not_checked", "database_variable:redis", {"why": why}, {}
        return
    seen = set()
    for name, value in zip(lines[::2], lines[1::2]):
        if not _NAME.match(name) or name in _VOLATILE or name in seen:
            continue
        seen.add(name)
        if _SECRET.search(name) and value:
            shown = system.keyed_digest(value.encode("utf-8", "surrogateescape"))
        else:
            shown = system.mask(value)[:_LONGEST]
        yield "database_variable", "redis " + name, {"value": shown}, {}
