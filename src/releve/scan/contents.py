"""Bodies of chosen files, for whoever writes them into playbooks; capped, never more."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from releve.ports.access import Access, Door
from releve.scan.framing import read_list
from releve.scan.malformed import malformed
from releve.scan.remote import run_program
from releve.scan.request import BOUNDS

MOST_EACH: Final = 1 << 20
MOST_IN_ALL: Final = 32 << 20


def read_contents(
    access: Access, door: Door, paths: Sequence[str], *, root: str = ""
) -> dict[str, bytes]:
    """Regular files only, reached without a link; one that is too large or gone is left out."""
    wanted = set(paths)
    bodies: dict[str, bytes] = {}

    def take_line(line: bytes) -> None:
        _, path, body, why = read_list(line, str, str, str)
        if path not in wanted:
            raise malformed("it holds a file that nobody asked for", text=path)
        wanted.discard(path)
        if not why:
            bodies[path] = _read_body(body)
        if sum(map(len, bodies.values())) > MOST_IN_ALL:
            raise malformed("it is larger than asked for")

    request = {"root": root, "paths": list(paths), "each": MOST_EACH, "most": MOST_IN_ALL}
    bounds = replace(BOUNDS, seconds=300.0, stdout_bytes=2 * MOST_IN_ALL)
    framing, _ = run_program(
        access, door, request, bounds=bounds, take_line=take_line, main="contents"
    )
    if not framing.is_ended:
        raise malformed("it ended early")
    return bodies


def _read_body(body: str) -> bytes:
    try:
        content = base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise malformed(str(error), text=body[:100]) from error
    if len(content) > MOST_EACH:
        raise malformed("a file is larger than asked for")
    return content
