"""The team's vault: one file decrypted in memory, one text encrypted as ansible.cfg says."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from releve.adapters.ansible.programs import program_beside_python
from releve.errors import PlanError

_SECONDS = 30.0
_MOST_BYTES = 1 << 20


def decrypt_file(repository: Path, path: str, *, environment: Mapping[str, str]) -> bytes:
    """PlanError without the vault's password, for a file outside the repository or in clear."""
    file = (repository / path).resolve()
    if not file.is_relative_to(repository.resolve()) or not file.is_file():
        raise PlanError(
            f"{path} is not a file in the repository",
            remedy="name a vaulted file relative to releve.yml",
        )
    command = [program_beside_python("ansible-vault"), "decrypt", "--output=-", "--", str(file)]
    try:
        finished = subprocess.run(  # noqa: S603 (an argv list of our own making)
            command,
            cwd=repository,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            start_new_session=True,  # without a terminal nothing can be asked
            check=True,
        )
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.decode("utf-8", "replace").split())
        raise _undecipherable(path, words) from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise _undecipherable(path, str(error)) from error
    return finished.stdout[:_MOST_BYTES]


def encrypt_text(
    repository: Path, clear: bytes, *, environment: Mapping[str, str], identity: str = ""
) -> bytes:
    """An Ansible Vault text under the team's identity; PlanError without its password.

    The clear text goes through a pipe only: never on a command line, never on a disk.
    """
    command = [program_beside_python("ansible-vault"), "encrypt", "--output=-"]
    if identity:
        command += ["--encrypt-vault-id", identity]
    try:
        finished = subprocess.run(  # noqa: S603 (an argv list of our own making)
            [*command, "-"],
            cwd=repository,
            env=dict(environment),
            input=clear,
            capture_output=True,
            timeout=_SECONDS,
            start_new_session=True,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.decode("utf-8", "replace").split())
        raise _not_encrypted(words) from None  # the error holds its input
    except (subprocess.TimeoutExpired, OSError) as error:
        raise _not_encrypted(type(error).__name__) from None
    if not finished.stdout.startswith(b"$ANSIBLE_VAULT;"):
        raise _not_encrypted("ansible-vault gave no vault text")
    return finished.stdout


def _not_encrypted(why: str) -> PlanError:
    return PlanError(
        "a secret cannot be encrypted",
        why=why[-500:],
        remedy="let vault_password_file in ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE hold "
        "the password; with several identities set vault_encrypt_identity",
    )


def _undecipherable(path: str, why: str) -> PlanError:
    return PlanError(
        f"{path} cannot be decrypted",
        why=why[-500:],
        remedy="let vault_password_file in ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE hold "
        "the password; encrypt the file with ansible-vault encrypt",
    )
