"""What a scan reads in a fake guest: in the collector's own words, so that all else is real."""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from tests.fakes.cloud_state import CloudInstance

CONVERGED = "|converged"  # what a playbook leaves on a system disk
BY_HAND = "0 4 * * * /opt/bin/export"  # on a dead host's disk, beside all that the new one has
_REQUEST = re.compile(rb'REQUEST = """([A-Za-z0-9+/=\n]*)"""')


def is_scan(program: bytes) -> bool:
    return _REQUEST.search(program) is not None


def read_request(program: bytes) -> dict[str, Any]:
    found = _REQUEST.search(program)
    assert found
    request: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return request


def answer_last_words() -> bytes:
    """What guest_last_words.py prints on a helper."""
    line = {"at": "1794000000.5", "unit": "kernel", "text": "EXT4-fs error (device sda1)"}
    words = {"kernel": [line], "complaints": [], "source": "/var/log/journal", "why": ""}
    return _encode(words)


def answer_scan(instance: CloudInstance, program: bytes, *, by_hand: str = "") -> bytes:
    """Every byte that the collector would print for this guest."""
    nonce = read_request(program)["nonce"]
    root: list[Any] = ["d", None, "", 0, [["/", 0o40755, "root", "root"]]]
    lines = [*(["f", *fact] for fact in _list_facts(instance)), root]
    if by_hand:
        lines.insert(0, ["f", "cron", f"root {by_hand}", {}, {}])
    body = b"".join(_encode(line) for line in [*lines, ["end", nonce, {}]])
    return _encode(["releve-scan", 1, nonce, {}]) + zlib.compress(body)


def _list_facts(
    instance: CloudInstance,
) -> Iterator[tuple[str, str, dict[str, str], dict[str, str]]]:
    yield "package", "base-files", {"state": "installed", "version": "13"}, {}
    if CONVERGED in instance.root_content:
        yield "package", "nginx", {"state": "installed", "version": "1.26", "mark": "manual"}, {}
        yield "unit", "nginx.service", {"enablement": "enabled", "active": "active"}, {}
    for word in instance.root_content.replace(CONVERGED, "").split("|"):
        if word:  # what a person wrote there
            yield "cron", f"root {word}", {}, {}
    yield "setting", "hostname", {"value": instance.name}, {}


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
