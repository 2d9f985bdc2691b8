"""Fed to `python3 -` on a helper: what the logs of a mounted dead root say of its last minutes.

Standard library only, Python 3.6 or later; reads, writes nothing. One JSON request in argv:
{"root", "since": unix seconds of the first error or 0}. Prints one JSON object: {"kernel": [line],
"complaints": [line], "source", "why"}; a line is {"at", "unit", "text"}, oldest first.
"""

import json
import os
import re
import subprocess
import sys
import threading
from typing import Any, Dict, Iterator, List, Optional

MOST_LINES = 50000  # read backwards from the end of the journal
MOST_KEPT = 60  # of each sort
MOST_CHARACTERS = 400
MOST_BYTES = 1 << 20  # of one record
SECONDS = 60
TAIL_BYTES = 4 << 20
TEXT_LOGS = ("/var/log/kern.log", "/var/log/syslog", "/var/log/messages")
COMPLAINT = re.compile(
    r"read-only file ?system|input/output error|i/o error|structure needs cleaning"
    r"|remounting filesystem|journal has aborted|ext4-fs error|xfs .*shutdown|no space left",
    re.IGNORECASE,
)
KERNEL = re.compile(r"\bkernel: ")
Line = Dict[str, str]


def main():  # type: () -> None
    request = json.loads(sys.argv[1])
    print(json.dumps(find_words(request["root"], float(request["since"]))))


def find_words(root: str, since: float) -> Dict[str, Any]:
    journal = os.path.join(root, "var/log/journal")
    words = sort_lines(read_journal(journal), since) if has_files(journal) else None
    if words is not None and (words["kernel"] or words["complaints"]):
        return dict(words, source="/var/log/journal", why="")
    for path in TEXT_LOGS:
        tail = read_tail(root, path)
        if tail:
            found = sort_lines(iter(tail), 0)
            if found["kernel"] or found["complaints"]:
                return dict(found, source=path, why="")
    why = "its logs say nothing of its kernel" if words else "it kept no journal on this disk"
    return {"kernel": [], "complaints": [], "source": "", "why": why}


def has_files(directory: str) -> bool:
    for _root, _directories, names in os.walk(directory):
        if any(name.endswith((".journal", ".journal~")) for name in names):
            return True
    return False


def sort_lines(newest_first: "Iterator[Line]", since: float) -> Dict[str, List[Line]]:
    kernel, complaints = [], []  # type: List[Line], List[Line]
    for number, line in enumerate(newest_first):
        if number >= MOST_LINES or min(len(kernel), len(complaints)) >= MOST_KEPT:
            break
        kept = kernel if line["unit"] == "kernel" else complaints
        if len(kept) < MOST_KEPT and (kept is kernel or is_complaint(line, since)):
            kept.append(line)
    return {"kernel": kernel[::-1], "complaints": complaints[::-1]}


def is_complaint(line: Line, since: float) -> bool:
    return bool(COMPLAINT.search(line["text"])) and float(line["at"] or "0") >= since


def read_journal(directory: str) -> "Iterator[Line]":
    command = ["journalctl", "--directory", directory, "--reverse", "--no-pager", "--quiet"]
    command += ["--output=json", "--lines", str(MOST_LINES)]
    try:
        child = subprocess.Popen(  # noqa: S603 - argv list of our own words
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return
    end = threading.Timer(SECONDS, child.kill)  # a journal may never end
    end.start()
    try:
        for raw in iter(lambda: child.stdout.readline(MOST_BYTES), b""):  # type: ignore[union-attr] # it is a pipe
            line = parse_record(raw)
            if line is not None:
                yield line
    finally:
        end.cancel()
        child.kill()
        child.wait()


def parse_record(raw: bytes) -> Optional[Line]:
    try:
        record = json.loads(raw.decode("utf-8", "replace"))
        is_kernel = record.get("_TRANSPORT") == "kernel"
        unit = record.get("_SYSTEMD_UNIT") or record.get("SYSLOG_IDENTIFIER") or ""
        at = int(record.get("__REALTIME_TIMESTAMP") or 0) / 1e6
    except (ValueError, TypeError, AttributeError):
        return None
    return {
        "at": f"{at:.3f}" if at else "",
        "unit": "kernel" if is_kernel else text_of(unit)[:100],
        "text": text_of(record.get("MESSAGE"))[:MOST_CHARACTERS],
    }


def text_of(value: Any) -> str:
    """Journalctl writes what is not UTF-8 as a list of bytes."""
    if isinstance(value, list):
        numbers = [item for item in value if isinstance(item, int) and 0 <= item < 256]
        return bytes(numbers).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def read_tail(root: str, path: str) -> List[Line]:
    """The last lines of a regular file, newest first; no link is followed."""
    try:
        handle = os.open(root + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(handle, "rb") as lines:
        try:
            size = os.fstat(handle).st_size
            lines.seek(max(0, size - TAIL_BYTES))
            content = lines.read(TAIL_BYTES)
        except OSError:
            return []
    texts = content.decode("utf-8", "replace").splitlines()[::-1]
    return [
        {
            "at": "",
            "unit": "kernel" if KERNEL.search(text) else "",
            "text": text[:MOST_CHARACTERS],
        }
        for text in texts
    ]


if __name__ == "__main__":
    main()
