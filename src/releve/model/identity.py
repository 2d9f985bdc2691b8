"""Names that are the same however often they are derived."""

import re
import secrets
import string

_ALPHABET = string.ascii_lowercase + string.digits


def new_run_id() -> str:
    """12 characters of a-z0-9, the first a letter: usable in every provider's names."""
    return secrets.choice(string.ascii_lowercase) + "".join(
        secrets.choice(_ALPHABET) for _ in range(11)
    )


def is_run_id(text: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9]{11}", text) is not None


def instance_name(host: str, run_id: str) -> str:
    """At most 63 characters of a-z0-9 and dash: valid as an LXD name and a DNS label."""
    plain = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:40].strip("-") or "host"
    plain = plain if plain[0].isalpha() else f"h-{plain}"
    return f"{plain}-{run_id}"


def is_instance_name(name: str, host: str) -> bool:
    """Whether some run of this host could have called an instance so."""
    whole = re.fullmatch(r"(.+-)[a-z][a-z0-9]{11}(?:-[a-z]+)?", name)
    return whole is not None and whole[1] == instance_name(host, "")


def helper_name(host: str, run_id: str) -> str:
    """Of the instance that reads the dead disk for this run."""
    return f"helper-{instance_name(host, run_id)}"


def snapshot_name(run_id: str) -> str:
    return f"releve-{run_id}"
