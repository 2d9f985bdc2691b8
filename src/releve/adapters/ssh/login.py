"""One connection to one door: the host key is proven before a byte of authentication is sent."""

import asyncio
import contextlib
import socket

import asyncssh

from releve.adapters.ssh.identities import offered_keys
from releve.errors import HostKeyMismatch, PlanError, Unreachable
from releve.ports.access import Door

_CONNECT_SECONDS = 10.0
_LOGIN_SECONDS = 15.0  # banner, key exchange and authentication
_KEEPALIVE_SECONDS = 15.0
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # never SHA-1
# Offered after the proven ones, so that a server without those shows another key and is refused.
_OTHER_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


async def log_in(
    door: Door, *, keepalive_seconds: float = _KEEPALIVE_SECONDS
) -> asyncssh.SSHClientConnection:
    """Unreachable where trying again may help, HostKeyMismatch where it must not be tried again.

    0 keepalive_seconds: none are sent; for connections that are never silent for long.
    """
    trusted, algorithms = _proven_keys(door)
    async with offered_keys(door.identity_files) as keys:
        connected = await _connect_socket(door)
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                return await asyncssh.connect(
                    door.address,
                    door.port,
                    sock=connected,
                    config=None,  # the user's ssh configuration must not lead elsewhere
                    username=door.user,
                    known_hosts=(trusted, [], []),
                    server_host_key_algs=algorithms,
                    client_keys=list(keys),
                    agent_path=None,
                    agent_forwarding=False,
                    x11_forwarding=False,
                    preferred_auth="publickey",
                    password=None,
                    kbdint_auth=False,
                    host_based_auth=False,
                    gss_kex=False,
                    gss_auth=False,
                    x509_trusted_certs=None,
                    compression_algs=["none"],
                    keepalive_interval=keepalive_seconds,
                    login_timeout=0,  # the time-out around this call is the login's
                )
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise explain_failure(door, error) from error
        except BaseException:
            connected.close()
            raise


def explain_failure(door: Door, error: Exception) -> Unreachable | HostKeyMismatch:
    """What a failed connection means for the caller: another try, or none."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return HostKeyMismatch(
            f"the host key of {_name(door)} is not the proven one",
            why=_words(error),
            remedy="find out which instance answers there; nothing was sent to it",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        what, remedy = (
            f"{_name(door)} refused the login of {door.user}",
            "check ssh.user and that the instance was given this controller's public key",
        )
    elif isinstance(error, TimeoutError):
        what, remedy = (
            f"{_name(door)} did not answer in time",
            "check that the instance has booted and that its SSH port is open to this controller",
        )
    else:
        what, remedy = (
            f"no SSH connection to {_name(door)}",
            "check that the instance runs and that its SSH port is open to this controller",
        )
    return Unreachable(what, why=_words(error), remedy=remedy)


async def _connect_socket(door: Door) -> socket.socket:
    connected: socket.socket | None = None
    try:
        family = socket.AF_INET6 if ":" in door.address else socket.AF_INET
        connected = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(connected, (door.address, door.port))
    except (OSError, TimeoutError) as error:
        _close(connected)
        raise explain_failure(door, error) from error
    except BaseException:
        _close(connected)
        raise
    return connected


def _close(connected: socket.socket | None) -> None:
    if connected is not None:
        with contextlib.suppress(OSError):
            connected.close()


def _proven_keys(door: Door) -> tuple[list[asyncssh.SSHKey], list[str]]:
    try:
        trusted = [
            asyncssh.import_public_key(f"{key.algorithm} {key.public}") for key in door.host_keys
        ]
    except asyncssh.KeyImportError as error:
        raise _no_door(door, str(error)) from error
    if not trusted:
        raise _no_door(door, "no proven host key is known")
    algorithms = [
        algorithm
        for key in door.host_keys
        for algorithm in _ALGORITHMS.get(key.algorithm, (key.algorithm,))
    ]
    return trusted, list(dict.fromkeys((*algorithms, *_OTHER_ALGORITHMS)))


def _no_door(door: Door, why: str) -> PlanError:
    return PlanError(
        f"{_name(door)} cannot be reached safely",
        why=why,
        remedy="let the provider show the instance's host keys, or carry them over",
    )


def _name(door: Door) -> str:
    return f"{door.address} port {door.port}"


def _words(error: Exception) -> str:
    return str(error)[:500] or type(error).__name__
