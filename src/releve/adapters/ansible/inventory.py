"""What Ansible's own inventory says about hosts, read with ansible-inventory."""

import difflib
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from releve.adapters.ansible.programs import program_beside_python
from releve.adapters.ansible.redirect import PROGRAM_VARIABLES
from releve.errors import PlanError

_SECONDS = 60.0
_SSH = {"ssh", "smart", "ansible.builtin.ssh", "ansible.legacy.ssh", "mitogen_ssh"}
_UNKNOWN = "single valid host"  # in the words of ansible-inventory
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


@dataclass(frozen=True)
class Query:
    """Where to look: the same sources, directory and settings as the playbook's."""

    sources: tuple[str, ...]
    repository: str
    playbook_directory: str
    environment: Mapping[str, str]


def refuse_pattern(host: str) -> None:
    """A limit of several hosts, or of all but one, would converge what nobody asked for."""
    if not _HOST.fullmatch(host):
        raise PlanError(
            f"{host!r} is not the name of one inventory host",
            why="Ansible would read it as a pattern",
            remedy="set converge.name to the host's inventory name",
        )


def read_host(query: Query, host: str) -> Mapping[str, Any]:
    """The host's variables as Ansible merges them, not templated; PlanError for an unknown host."""
    try:
        return _read(query, f"--host={host}")
    except PlanError as error:
        if _UNKNOWN not in error.why:
            raise
        known = list(read_hosts(query))
        raise PlanError(
            unknown_host(host, known), remedy="set converge.name to its inventory name"
        ) from error


def read_hosts(query: Query) -> Mapping[str, Mapping[str, Any]]:
    """Every host's variables."""
    listing = _read(query, "--list")
    names = {
        name
        for group in listing.values()
        if isinstance(group, dict)
        for name in group.get("hosts", ())
    }
    variables = listing.get("_meta", {}).get("hostvars", {})
    return {name: variables.get(name, {}) for name in sorted(names | set(variables))}


def read_groups(query: Query) -> Mapping[str, frozenset[str]]:
    """Every group with all its hosts, those of its children too; `all` among them."""
    listing = _read(query, "--list")
    names = {name for name in listing if name != "_meta"} | {"all"}
    return {name: frozenset(_hosts_below(name, listing, seen=set())) for name in names}


def unknown_host(host: str, known: list[str]) -> str:
    """The sentence for a host that is in no source, with near words."""
    near = difflib.get_close_matches(host, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it holds {_listed(known)}"
    return f"{host} is not in the inventory; {hint}"


def check_redirect(variables: Mapping[str, Any], host: str) -> str:
    """Why ssh could not be led to the new instance for this host, or empty."""
    connection = variables.get("ansible_connection", "ssh")
    if connection not in _SSH:
        return (
            f"the inventory reaches {host} by ansible_connection={connection!s:.80}; "
            "only ssh can be led to a new instance"
        )
    taken = [name for name in PROGRAM_VARIABLES if name in variables]
    if taken:
        return f"the inventory sets {', '.join(taken)} for {host}, which Relève must set"
    return ""


def old_names(variables: Mapping[str, Any], host: str) -> tuple[str, ...]:
    """What the host is called on the team's command lines; a template is no name."""
    given = variables.get("ansible_host") or variables.get("ansible_ssh_host")
    names = [host, given] if isinstance(given, str) and "{{" not in given else [host]
    return tuple(dict.fromkeys(str(name) for name in names))


def old_port(variables: Mapping[str, Any]) -> int:
    text = str(variables.get("ansible_port") or variables.get("ansible_ssh_port") or "22")
    return int(text) if text.isdigit() else 22


def _hosts_below(name: str, listing: Mapping[str, Any], *, seen: set[str]) -> set[str]:
    group = listing.get(name, {})
    if name in seen or not isinstance(group, dict):
        return set()
    seen.add(name)
    hosts = set(group.get("hosts", ()))
    for child in group.get("children", ()):
        hosts |= _hosts_below(child, listing, seen=seen)
    return hosts


def _read(query: Query, selection: str) -> Mapping[str, Any]:
    command = [program_beside_python("ansible-inventory"), selection]
    command += [f"--inventory={source}" for source in query.sources]
    command += ["--playbook-dir", query.playbook_directory]
    try:
        finished = subprocess.run(  # noqa: S603 (an argv list of our own making)
            command,
            cwd=query.repository,
            env=dict(query.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        found = json.loads(finished.stdout)
    except subprocess.CalledProcessError as error:
        raise _unreadable(error.stderr.decode("utf-8", "replace")) from error
    except (subprocess.TimeoutExpired, ValueError, OSError) as error:
        raise _unreadable(str(error)) from error
    return found if isinstance(found, dict) else {}


def _unreadable(why: str) -> PlanError:
    return PlanError(
        "the inventory cannot be read",
        why=" ".join(why.split())[-1000:],
        remedy="run ansible-inventory --list in the repository and correct what it reports",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
