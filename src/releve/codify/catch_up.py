"""One role per host for what no playbook managed yet: made, wired in and added to."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from releve.codify.draft import Draft
from releve.codify.playbook import wire_role
from releve.codify.scalars import NotExpressible, Value, write_mode, write_unsafe, write_value
from releve.codify.secrets import find_secrets
from releve.codify.sections import ORDER, Section
from releve.codify.types import Encrypt, RepositoryView
from releve.codify.yaml_text import (
    append_block,
    append_items,
    append_top_level,
    compose,
    entries,
    find_below,
    find_node,
    insert_lines,
    items,
    text_of,
)

_MIRRORED: Final = re.compile(
    r"(?:/(?!\.git|\.\.?(?:/|$))[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,80}){1,12}"
)
# ansible-lint and editors would take such a file for something of Ansible's.
_TELLING_ENDINGS: Final = (".yml", ".yaml", ".j2", ".json", ".py")


@dataclass(frozen=True)
class CatchUp:
    draft: Draft
    repository: RepositoryView
    encrypt: Encrypt | None = None

    @property
    def role(self) -> str:
        return "catch_up_" + re.sub(r"[^a-z0-9]+", "_", self.repository.host.lower()).strip("_")

    @property
    def directory(self) -> str:
        return f"roles/{self.role}"

    def add(self, section: Section, value: str | Mapping[str, Value]) -> None:
        """Add one item to the section's list; the same item twice is there once."""
        self.ensure_role()
        self._ensure_section(section)
        path = f"{self.directory}/vars/main.yml"
        text = self.draft.read(path) or "---\n"
        key = f"{self.role}_{section.name}"
        item = _write_item(self._without_secrets(value))
        block = "\n".join(f"  {line}".rstrip() for line in item.splitlines())
        if _holds(text, key, block):
            return
        self.draft.write(path, _append(text, key, item=item, block=block))

    def ship(self, path: str, content: bytes, *, folder: str = "files") -> str:
        """Put a file of the host's into the role; its name below `folder`."""
        name = self._name_for(path) + (".j2" if folder == "templates" else "")
        self.draft.write(f"{self.directory}/{folder}/{name}", content)
        if b"\r" in content:  # a repository that normalises line ends would change it
            self.draft.write(f"{self.directory}/{folder}/.gitattributes", "* -text -filter\n")
        return name

    def _without_secrets(self, value: str | Mapping[str, Value]) -> str | Mapping[str, Value]:
        """A crontab line may hold a password like any file: such a value goes into the vault."""
        if isinstance(value, str):
            if find_secrets(_encode(value)):
                raise NotExpressible("a name in it looks like a secret")
            return value
        return {key: self._hide(field) for key, field in value.items()}

    def _hide(self, field: Value) -> Value:
        if not isinstance(field, str) or not find_secrets(_encode(field)):
            return field
        if self.encrypt is None:
            raise NotExpressible("it holds a secret, and there is no vault password")
        if re.search(r"\{[{%#]", field):
            raise NotExpressible("it holds a secret, and what older Ansible takes for a template")
        return self.encrypt(_encode(field))

    def _name_for(self, path: str) -> str:
        if _MIRRORED.fullmatch(path):
            name = path.removeprefix("/")
            return name + ".as-is" if name.endswith(_TELLING_ENDINGS) else name
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
        return f"others/{digest[:16]}"

    def ensure_role(self) -> None:
        if self.draft.has(f"{self.directory}/tasks/main.yml"):
            return
        self.draft.write(f"{self.directory}/tasks/main.yml", "---\n")
        self.draft.write(f"{self.directory}/vars/main.yml", _VARIABLES_HEAD)
        wire_role(self.draft, self.repository, self.role)

    def _ensure_section(self, section: Section) -> None:
        for name, text in section.handlers.items():
            handler = text.replace("@role@", self.role)
            self._ensure_named(f"{self.directory}/handlers/main.yml", name, handler)
        task = section.task.replace("@role@", self.role).strip("\n") + "\n"
        path = f"{self.directory}/tasks/{section.file}.yml"
        self._ensure_named(path, _name_of(task), task, before=section.later)
        self._ensure_import(section.file)

    def _ensure_named(
        self, path: str, name: str, block: str, *, before: Sequence[str] = ()
    ) -> None:
        """Add a named block, ahead of the first whose name begins with one of `before`."""
        text = self.draft.read(path) or "---\n"
        found = [
            (text_of(dict(entries(item)).get("name")) or "", item) for item in items(compose(text))
        ]
        if name in [known for known, _ in found]:
            return
        for known, item in found:
            if any(known.startswith(later) for later in before):
                self.draft.write(path, insert_lines(text, item.start_mark.line, block + "\n"))
                return
        self.draft.write(path, append_top_level(text, block))

    def _ensure_import(self, file: str) -> None:
        path = f"{self.directory}/tasks/main.yml"
        text = self.draft.read(path) or "---\n"
        block = f"- name: {ORDER[file]}\n  ansible.builtin.import_tasks: {file}.yml\n"
        ranks = list(ORDER)
        for item in items(compose(text)):
            imported = text_of(dict(entries(item)).get("ansible.builtin.import_tasks")) or ""
            known = imported.removesuffix(".yml")
            if known == file:
                return
            if known in ranks and ranks.index(known) > ranks.index(file):
                self.draft.write(path, insert_lines(text, item.start_mark.line, block + "\n"))
                return
        self.draft.write(path, append_top_level(text, block))


def _append(text: str, key: str, *, item: str, block: str) -> str:
    is_mapping = "\n" in block  # single words have their place among the others
    if is_mapping and (appended := append_block(text, key, block)) is not None:
        return appended
    if find_node(text, (key,)) is None:
        return append_top_level(text, f"{key}:\n{block}\n")
    return append_items(text, (key,), lines=item)


def _holds(text: str, key: str, block: str) -> bool:
    """Whether the list has this item, as we write it: no parsing, as there may be thousands."""
    place = find_below(text, key)
    whole = re.compile(re.escape(f"\n{block}\n") + r"(?!    )")
    return place is not None and whole.search(f"\n{text[place]}") is not None


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _name_of(task: str) -> str:
    return task.splitlines()[0].removeprefix("- name: ")


def _write_item(value: str | Mapping[str, Value]) -> str:
    """`- item` in lines without indentation."""
    if isinstance(value, str):
        return f"- {write_unsafe(value)}\n"
    lines = []
    for key, field in value.items():
        if key == "mode" and isinstance(field, str):
            written = write_mode(field)
        else:
            written = write_value(field, indent=2)
        gap = "" if written.startswith("\n") else " "
        lines.append(f"{key}:{gap}{written}")
    return "- " + "\n  ".join(lines) + "\n"


_VARIABLES_HEAD: Final = """\
---
# Changed on the host by hand, found by Relève. What is `!unsafe` is data, never a template.
"""
