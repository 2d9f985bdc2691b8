"""The controller's own keys: which lines let it in, and which keys it may offer."""

import base64
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import asyncssh

from releve.errors import PlanError

Item = TypeVar("Item")

_DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")


async def read_public_keys(identity_files: tuple[str, ...]) -> tuple[str, ...]:
    """authorized_keys lines: of the given files, else of the agent, else of ~/.ssh."""
    if identity_files:
        return tuple(_public_line(_path_of(name)) for name in identity_files)
    async with AsyncExitStack() as stack:
        lines = tuple(_line_of_pair(pair) for pair in await _agent_pairs(stack))
    return lines or _default_lines()


@asynccontextmanager
async def offered_keys(
    identity_files: tuple[str, ...],
) -> AsyncIterator[tuple[asyncssh.SSHKeyPair, ...]]:
    """The keys to offer; of the agent's, only the given ones where files are given."""
    async with AsyncExitStack() as stack:
        if identity_files:
            yield await _given_pairs(identity_files, stack)
        else:
            agents = await _agent_pairs(stack)
            yield _some((*agents, *asyncssh.load_keypairs(_default_paths(), ignore_encrypted=True)))


async def _given_pairs(
    identity_files: tuple[str, ...], stack: AsyncExitStack
) -> tuple[asyncssh.SSHKeyPair, ...]:
    pairs: list[asyncssh.SSHKeyPair] = []
    locked: dict[bytes, str] = {}
    for name in identity_files:
        path = _path_of(name)
        try:
            pairs.extend(asyncssh.load_keypairs([str(path)]))
        except (asyncssh.KeyImportError, OSError) as error:
            if not _needs_passphrase(error):
                raise _unusable(path, error) from error
            locked[asyncssh.import_public_key(_public_line(path)).public_data] = name
    if locked:
        agents = [pair for pair in await _agent_pairs(stack) if pair.public_data in locked]
        pairs.extend(agents)
    if not pairs:
        raise _locked(tuple(locked.values()))
    return tuple(pairs)


async def _agent_pairs(stack: AsyncExitStack) -> Sequence[asyncssh.SSHKeyPair]:
    agent_path = os.environ.get("SSH_AUTH_SOCK")
    if not agent_path:
        return ()
    try:
        agent = await stack.enter_async_context(asyncssh.connect_agent(agent_path))
        return await agent.get_keys()
    except (OSError, ValueError):
        return ()  # a dead agent is no agent: the files are next


def _default_lines() -> tuple[str, ...]:
    folder = Path("~/.ssh").expanduser()
    present = [
        folder / name
        for name in _DEFAULT_NAMES
        if (folder / name).exists() or (folder / f"{name}.pub").exists()
    ]
    return _some(tuple(_public_line(path) for path in present))


def _default_paths() -> list[str]:
    paths = [Path("~/.ssh").expanduser() / name for name in _DEFAULT_NAMES]
    return [str(path) for path in paths if path.exists()]


def _some(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if items:
        return items
    raise PlanError(
        "there is no SSH key to let this controller in",
        why="no identity file is given, no agent answers and ~/.ssh holds no id_* key",
        remedy="name a key under ssh.identity_files, or make one with ssh-keygen -t ed25519",
    )


def _public_line(path: Path) -> str:
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        if public.exists():
            line = public.read_text("utf-8").strip()
            asyncssh.import_public_key(line)
            return line
        key = asyncssh.read_private_key(str(path))
        return key.export_public_key("openssh").decode("ascii").strip()
    except (asyncssh.KeyImportError, OSError, UnicodeDecodeError) as error:
        if _needs_passphrase(error):
            raise _locked((str(path),)) from error
        raise _unusable(path, error) from error


def _needs_passphrase(error: Exception) -> bool:
    return isinstance(error, asyncssh.KeyImportError) and "Passphrase must" in str(error)


def _path_of(name: str) -> Path:
    return Path(name).expanduser()


def _line_of_pair(pair: asyncssh.SSHKeyPair) -> str:
    return f"{pair.get_algorithm()} {base64.b64encode(pair.public_data).decode('ascii')}"


def _locked(names: tuple[str, ...]) -> PlanError:
    return PlanError(
        f"the SSH key {', '.join(names)} needs a passphrase",
        why="Relève never asks for one, and no agent holds the key",
        remedy="add the key to ssh-agent with ssh-add and keep its .pub file next to it",
    )


def _unusable(path: Path, error: Exception) -> PlanError:
    return PlanError(
        f"the SSH key {path} cannot be used",
        why=str(error),
        remedy="name an OpenSSH private key that this user may read under ssh.identity_files",
    )
