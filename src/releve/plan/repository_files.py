"""The files that a plan names: there, inside the repository, and vaulted where they must be."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from releve.plan.problems import Place, Problem, name_place, near_words, offer, show_word
from releve.plan.types import HostPlan, Plan, PytestCheck

_VAULT_HEADER: Final = b"$ANSIBLE_VAULT;"
_MOST_PROBLEMS: Final = 20
_MOST_FILES: Final = 2000  # looked at for a near name
_HIDDEN: Final = {".git", ".venv", "__pycache__", "node_modules"}


class _Repository:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def names(self) -> list[str]:
        """Relative paths for near names, listed once and only when something is missing."""
        names: list[str] = []
        for root, directories, files in os.walk(self.directory):
            directories[:] = sorted(set(directories) - _HIDDEN)
            names += [str(Path(root, name).relative_to(self.directory)) for name in sorted(files)]
            if len(names) > _MOST_FILES:
                break
        return names[:_MOST_FILES]


@dataclass(frozen=True)
class _NamedFile:
    subject: str  # what the plan calls it
    path: str  # as in the plan
    place: Place
    repository: _Repository
    may_be_directory: bool = False

    @property
    def target(self) -> Path:
        return self.repository.directory / self.path

    @property
    def allowed(self) -> set[str]:
        return {"file", "directory"} if self.may_be_directory else {"file"}


def list_file_problems(plan: Plan, directory: Path) -> Iterator[Problem]:
    """Reads names, and the first bytes of vaulted files; no path leads out of the repository.

    Bounded to 20 problems: each may take a search for the near name.
    """
    return islice(_list_problems(plan, _Repository(directory)), _MOST_PROBLEMS)


def _list_problems(plan: Plan, repository: _Repository) -> Iterator[Problem]:
    for name, host in plan.hosts.items():
        place: Place = ("hosts", name)
        for file in _list_named_files(host, place, repository=repository):
            problem = _judge_path(file)
            if problem is None and file.subject == "host key file":
                problem = _judge_vaulted(file)
            if problem:
                yield problem
        yield from _judge_inventory_source(host, place, directory=repository.directory)
        yield from _judge_identity_files(host, place, directory=repository.directory)


def resolve_identity_files(plan: Plan, repository: Path) -> Plan:
    """The same plan, its identity files as absolute paths on this controller."""
    hosts = {}
    for name, host in plan.hosts.items():
        paths = [str(_identity_path(path, repository)) for path in host.ssh.identity_files]
        ssh = host.ssh.model_copy(update={"identity_files": paths})
        hosts[name] = host.model_copy(update={"ssh": ssh})
    return plan.model_copy(update={"hosts": hosts})


def _list_named_files(
    host: HostPlan, place: Place, *, repository: _Repository
) -> Iterator[_NamedFile]:
    converge: Place = (*place, "converge")
    yield _NamedFile("playbook", host.converge.playbook, (*converge, "playbook"), repository)
    for index, path in enumerate(host.converge.inventory):
        at = (*converge, "inventory", index)
        yield _NamedFile("inventory", path, at, repository, may_be_directory=True)
    for index, path in enumerate(host.ssh.host_key_files):
        at = (*place, "ssh", "host_key_files", index)
        yield _NamedFile("host key file", path, at, repository)
    for index, check in enumerate(host.checks):
        if isinstance(check, PytestCheck):
            at = (*place, "checks", index, "pytest")
            yield _NamedFile("pytest file", check.pytest, at, repository)


def _judge_path(file: _NamedFile) -> Problem | None:
    name = f"the {file.subject} {show_word(file.path)}"
    if file.path.startswith(("/", "~")):
        return Problem(
            f"{name} is not a relative path",
            "the plan must mean the same file on every controller",
            "write the path from the directory of releve.yml",
            file.place,
        )
    if ".." in PurePosixPath(file.path).parts:
        return Problem(
            f"{name} leads out of the repository",
            "what lies outside is not under the repository's review",
            "move the file into the repository and write its path from there",
            file.place,
        )
    found, detail = _look_at(file.target, inside=file.repository.directory)
    return _word_finding(file, found, detail) if found not in file.allowed else None


def _look_at(path: Path, *, inside: Path) -> tuple[str, str]:
    """file, directory, missing, outside or unusable; with the system's words for the last."""
    try:
        path.lstat()
        real = path.resolve(strict=True)
        if not real.is_relative_to(inside):
            return "outside", ""
        if real.is_dir():
            return "directory", ""
        return ("file", "") if real.is_file() else ("unusable", "it is a special file")
    except (FileNotFoundError, NotADirectoryError):
        return ("unusable", "it is a broken link") if path.is_symlink() else ("missing", "")
    except OSError as error:
        return "unusable", error.strerror or "the system refuses it"
    except RuntimeError:  # how Python 3.11 tells a loop of links
        return "unusable", "it is a loop of links"


def _word_finding(file: _NamedFile, found: str, detail: str) -> Problem:
    name = f"the {file.subject} {show_word(file.path)}"
    what, why, remedy = {
        "missing": (
            f"{name} does not exist",
            "it was looked for from the directory of releve.yml",
            _suggest_file(file) if found == "missing" else "",
        ),
        "outside": (
            f"{name} is a link that leads out of the repository",
            "what lies outside is not under the repository's review",
            "replace the link by the file itself",
        ),
        "directory": (
            f"{name} is not a file",
            "it is a directory",
            "name the file in it",
        ),
        "unusable": (
            f"{name} cannot be used",
            detail,
            "put a regular file there, or correct the path",
        ),
    }[found]
    return Problem(what, why, remedy, file.place)


def _suggest_file(file: _NamedFile) -> str:
    if file.subject == "inventory" and "," in file.path:
        return "write the hosts into an inventory file; a list of names is not taken here"
    names = file.repository.names
    basename = PurePosixPath(file.path).name
    elsewhere = [name for name in names if PurePosixPath(name).name == basename]
    near = elsewhere[:3] or near_words(file.path, names)
    return offer(near) or "correct the path"


def _judge_vaulted(file: _NamedFile) -> Problem | None:
    try:
        with file.target.open("rb") as opened:
            is_vaulted = opened.read(len(_VAULT_HEADER)) == _VAULT_HEADER
    except OSError as error:
        return _word_finding(file, "unusable", error.strerror or "the read failed")
    if is_vaulted:
        return None
    return Problem(
        f"the host key file {show_word(file.path)} is not vaulted",
        "a private host key in clear lets every reader of the repository pose as the host",
        f"run `ansible-vault encrypt {show_word(file.path)}`, and change the key if it was shared",
        file.place,
    )


def _judge_inventory_source(host: HostPlan, place: Place, *, directory: Path) -> Iterator[Problem]:
    if not host.converge.inventory and not (directory / "ansible.cfg").is_file():
        yield Problem(
            f"{name_place((*place, 'converge'))} has no inventory",
            "it is left to ansible.cfg, and there is none beside releve.yml",
            "name the inventory: `inventory: [inventory/hosts.yml]`",
            (*place, "converge"),
        )


def _judge_identity_files(host: HostPlan, place: Place, *, directory: Path) -> Iterator[Problem]:
    for index, path in enumerate(host.ssh.identity_files):
        at = (*place, "ssh", "identity_files", index)
        if not _is_file(_identity_path(path, directory)):
            yield Problem(
                f"the identity file {show_word(path)} does not exist on this controller",
                "without it nobody could log in on the new instance",
                "correct the path, or delete the list to use the ssh agent and the default keys",
                at,
            )
        elif path.endswith(".pub"):
            yield Problem(
                f"the identity file {show_word(path)} is a public key",
                "logging in takes the private key; its public half is read beside it",
                f"write {show_word(path.removesuffix('.pub'))}",
                at,
            )


def _identity_path(path: str, repository: Path) -> Path:
    try:
        return repository / Path(path).expanduser()
    except RuntimeError:  # ~name of nobody on this controller
        return repository / path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
