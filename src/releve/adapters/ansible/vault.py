"""One vaulted file of the team's, decrypted in memory."""

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


def _undecipherable(path: str, why: str) -> PlanError:
    return PlanError(
        f"{path} cannot be decrypted",
        why=why[-500:],
        remedy="let vault_password_file in ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE hold "
        "the password; encrypt the file with ansible-vault encrypt",
    )
