"""Where a host's catch-up role is called: in the last play that converges the host."""

import re
from typing import Final

from releve.codify.draft import Draft
from releve.codify.types import RepositoryView
from releve.codify.yaml_text import (
    Node,
    NotEditable,
    append_items,
    append_top_level,
    compose,
    entries,
    find_node,
    items,
    text_of,
)

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_IMPORTS: Final = ("import_playbook", "ansible.builtin.import_playbook")


def wire_role(draft: Draft, repository: RepositoryView, role: str) -> None:
    """NotEditable where the playbook cannot be read."""
    found = _find_last_play(draft, repository, repository.playbook, depth=0)
    if found is not None:
        path, index = found
        play_text = draft.read(path) or ""
        try:
            draft.write(path, _add_to_play(play_text, index, repository=repository, role=role))
        except NotEditable:
            found = None
    if found is None:
        text = draft.read(repository.playbook)
        if text is None:
            raise NotEditable("the playbook is not in the commit")
        play = _write_play(repository.host, role)
        draft.write(repository.playbook, append_top_level(text, play))


def covers(pattern: str, repository: RepositoryView) -> frozenset[str]:
    """The hosts of a play's pattern; none where it is more than a list of names."""
    found: set[str] = set()
    everyone = {host for hosts in repository.groups.values() for host in hosts}
    for word in re.split(r"[,:]", pattern):
        name = word.strip()
        if not _NAME.fullmatch(name):
            return frozenset()
        if name == "all":
            found |= everyone | {repository.host}
        else:
            found |= repository.groups.get(name, frozenset({name}))
    return frozenset(found)


def _find_last_play(
    draft: Draft, repository: RepositoryView, path: str, *, depth: int
) -> tuple[str, int] | None:
    text = draft.read(path)
    last = None
    for index, play in enumerate(items(compose(text)) if text else []):
        keys = dict(entries(play))
        imported = next((text_of(keys[key]) for key in _IMPORTS if key in keys), None)
        if imported and depth < 5:
            beside = "/".join([*path.split("/")[:-1], imported])
            last = _find_last_play(draft, repository, beside, depth=depth + 1) or last
        elif repository.host in covers(_pattern(keys.get("hosts")), repository):
            last = (path, index)
    return last


def _pattern(node: Node | None) -> str:
    return text_of(node) or ",".join(text_of(item) or "" for item in items(node))


def _add_to_play(text: str, index: int, *, repository: RepositoryView, role: str) -> str:
    play = dict(entries(find_node(text, (index,))))
    shared = covers(_pattern(play.get("hosts")), repository) != {repository.host}
    condition = f"  when: inventory_hostname == '{repository.host}'\n" if shared else ""
    for key in ("post_tasks", "tasks"):
        if items(play.get(key)):
            called = (
                f"- name: Catch up with what was changed by hand\n"
                f"  ansible.builtin.import_role:\n    name: {role}\n"
            )
            return append_items(text, (index, key), lines=called + condition)
    if not items(play.get("roles")):
        raise NotEditable("the play has neither roles nor tasks")
    called = f"- role: {role}\n{condition}  tags: [catch_up]\n"
    return append_items(text, (index, "roles"), lines=called)


def _write_play(host: str, role: str) -> str:
    return (
        "- name: Catch up with what was changed by hand\n"
        f"  hosts: {host}\n  become: true\n  roles:\n    - role: {role}\n      tags: [catch_up]\n"
    )
