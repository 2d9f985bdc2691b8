"""Sizes as providers state them: 1GiB, 500MB, 2TiB, or plain bytes."""

import re
from typing import Final

_UNITS: Final = {
    "": 1, "B": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def parse_size(text: str) -> int:
    """Bytes; ValueError where the text is no size."""
    match = re.fullmatch(r"(\d{1,15}) ?([kKMGT]?i?B?)", text)
    if not match or match[2] not in _UNITS:
        raise ValueError("a size is a whole number and a unit: 500MiB, 1GiB, 2TB")
    return int(match[1]) * _UNITS[match[2]]


def format_size(size_bytes: int) -> str:
    """The largest binary unit that states the size exactly."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes and size_bytes % _UNITS[unit] == 0:
            return f"{size_bytes // _UNITS[unit]}{unit}"
    return f"{size_bytes}B"
