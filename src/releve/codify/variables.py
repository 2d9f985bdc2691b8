"""The team's variables for one host, as far as files alone can tell, and where each is set."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from releve.codify.draft import Draft
from releve.codify.types import RepositoryView
from releve.codify.yaml_text import Node, NotEditable, compose, entries


@dataclass(frozen=True)
class Definition:
    """A variable in a file."""

    name: str
    file: str
    node: Node
    reaches: frozenset[str]  # the hosts that read the file
    rank: int  # the highest wins; 0 is a role's defaults


def list_definitions(draft: Draft, repository: RepositoryView) -> list[Definition]:
    """Lowest first, as Ansible would let one win over the other."""
    found = [
        definition
        for path in draft.paths()
        for definition in _read(draft, path, repository=repository)
    ]
    return sorted(found, key=lambda definition: definition.rank)


def host_file(draft: Draft, repository: RepositoryView) -> str:
    """Where a variable of this host alone is written; it may not be there yet."""
    candidates = [
        path for path in draft.paths() if _rank(path, repository) == _HOST and draft.read(path)
    ]
    plain = [path for path in candidates if not (draft.read(path) or "").startswith("$ANSIBLE")]
    if plain:
        return min(plain, key=lambda path: ("main." not in path, path))
    base = repository.variables_directories[0]
    return f"{base}host_vars/{repository.host}/main.yml"


_DEFAULTS, _ALL, _GROUP, _HOST, _ROLE = range(5)


def _read(draft: Draft, path: str, *, repository: RepositoryView) -> Iterator[Definition]:
    rank = _rank(path, repository)
    text = draft.read(path) if rank is not None else None
    if rank is None or text is None or text.startswith("$ANSIBLE_VAULT"):
        return
    try:
        node = compose(text)
    except NotEditable:
        return
    for name, value in entries(node):
        yield Definition(name, path, value, _reach(path, repository, rank=rank), rank)


def _rank(path: str, repository: RepositoryView) -> int | None:
    parts = path.split("/")
    if not path.endswith((".yml", ".yaml")) and "." in parts[-1]:
        return None
    if len(parts) >= 4 and parts[0] == "roles" and parts[2] in {"defaults", "vars"}:
        return _DEFAULTS if parts[2] == "defaults" else _ROLE
    for directory in repository.variables_directories:
        inside = path.removeprefix(directory)
        if directory and inside == path:
            continue
        kind, _, rest = inside.partition("/")
        name = rest.split("/")[0].removesuffix(".yml").removesuffix(".yaml")
        if kind == "host_vars" and name == repository.host:
            return _HOST
        if kind == "group_vars" and _is_group_of(name, repository):
            return _ALL if name == "all" else _GROUP
    return None


def _reach(path: str, repository: RepositoryView, *, rank: int) -> frozenset[str]:
    everyone = frozenset(host for hosts in repository.groups.values() for host in hosts)
    own = frozenset({repository.host})
    if rank == _HOST:
        return own
    if rank == _GROUP:
        name = path.partition("group_vars/")[2].split("/")[0]
        return repository.groups.get(name.removesuffix(".yml").removesuffix(".yaml"), everyone)
    return everyone | own


def _is_group_of(name: str, repository: RepositoryView) -> bool:
    return name == "all" or repository.host in repository.groups.get(name, frozenset())


def scalar_of(definition: Definition) -> str | None:
    node = definition.node
    return node.value if isinstance(node, yaml.ScalarNode) else None
