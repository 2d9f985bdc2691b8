"""Server text as YAML that Ansible takes for data: `!unsafe`, one line, nothing that acts."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import yaml
from yaml.resolver import Resolver

_PLAIN: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_/.@+-]*")
_ACTING: Final = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}
_RESOLVER: Final = Resolver()
_WIDTH: Final = 100  # characters of one line, so that a reviewer sees all of it
_MODE: Final = re.compile(r"[0-7]{4}")

Value = str | Sequence[str] | bool | bytes  # bytes: an Ansible Vault text


class NotExpressible(Exception):
    """A value that no playbook can hold; the argument is the reason."""


def write_unsafe(text: str, *, indent: int = 0) -> str:
    """A tagged scalar that loads as exactly this text and is never a template."""
    if _is_resolved(text):
        # Ansible resolves what is tagged again: `!unsafe "012"` would be 10. No template is in it.
        return write_quoted(text, indent=indent)
    if _PLAIN.fullmatch(text) and len(text) <= _WIDTH:
        return f"!unsafe {text}"
    return f"!unsafe {write_quoted(text, indent=indent)}"


def write_quoted(text: str, *, indent: int = 0) -> str:
    """Double quoted; long text goes on in further lines that load as one."""
    if "\0" in text:
        raise NotExpressible("it holds a NUL byte")
    pieces: list[str] = []
    length = 0
    for character in text:
        escaped = _escape(character)
        if length + len(escaped) > _WIDTH:
            pieces.append("\\\n" + " " * (indent + 2))
            escaped = "\\ " if escaped == " " else escaped
            length = 0
        pieces.append(escaped)
        length += len(escaped)
    return '"' + "".join(pieces) + '"'


def write_mode(mode: str) -> str:
    if not _MODE.fullmatch(mode):
        raise NotExpressible("its mode is not four octal digits")
    return f'"{mode}"'


def write_value(value: Value, *, indent: int) -> str:
    """What stands after `key: `; a list goes on in the lines below."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        lines = value.decode("ascii").split()
        # The header has no blanks inside; each word is one line of the vault text.
        return "!vault |\n" + "\n".join(" " * (indent + 2) + line for line in lines)
    if isinstance(value, str):
        return write_unsafe(value, indent=indent)
    items = (f"{' ' * (indent + 2)}- {write_unsafe(item, indent=indent + 2)}" for item in value)
    return "\n" + "\n".join(items)


def _is_resolved(text: str) -> bool:
    """Whether YAML would take the plain text for a number, a date, a truth or nothing."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return bool(tag != "tag:yaml.org,2002:str")


def _escape(character: str) -> str:
    point = ord(character)
    if 0xD800 <= point <= 0xDFFF:
        raise NotExpressible("it is not valid UTF-8, which a playbook must be")
    if character in '"\\':
        return "\\" + character
    if character != " " and unicodedata.category(character) in _ACTING:
        return _escape_point(point)
    return character


def _escape_point(point: int) -> str:
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
