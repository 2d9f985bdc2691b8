"""Files that hold secrets: a template with vaulted variables, or vaulted as a whole."""

import hashlib
import re
from typing import Final

from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.readers import reader_of
from releve.codify.scalars import Value
from releve.codify.secrets import find_secrets, is_secret_throughout
from releve.codify.sections import section
from releve.codify.types import Encrypt
from releve.codify.yaml_text import append_top_level, find_node
from releve.model.finding import Deviation

# What Jinja would read, or would not give back byte by byte.
_NO_TEMPLATE: Final = re.compile(rb"\{\{|\{%|\{#|\r|\A#jinja2:|\A\xef\xbb\xbf")
_SIMPLE_SECRET: Final = re.compile(rb"[\x20-\x7e]+")


def write_secret_file(
    deviation: Deviation, placed: dict[str, Value], *, content: bytes, work: Work
) -> Outcome:
    encrypt = work.situation.encrypt
    if encrypt is None:
        return leave_out(
            deviation,
            "it holds a secret, and there is no vault password to encrypt it with",
            remedy="let vault_password_file in ansible.cfg or ANSIBLE_VAULT_PASSWORD_FILE hold "
            "the password, and codify again",
        )
    spans = find_secrets(content)
    if is_secret_throughout(deviation.key, content) or not _can_be_template(content, spans):
        return _write_vaulted(placed, content, encrypt=encrypt, work=work)
    return _write_template(placed, content, spans=spans, work=work)


def _write_vaulted(
    placed: dict[str, Value], content: bytes, *, encrypt: Encrypt, work: Work
) -> Outcome:
    path = str(placed["path"])
    placed["source"] = work.catch_up.ship(path, encrypt(content))
    work.catch_up.add(section("vaulted_files", reader=reader_of(path)), placed)
    return Written("it is secret, so the whole file is encrypted with the team's vault")


def _write_template(
    placed: dict[str, Value],
    content: bytes,
    *,
    spans: tuple[tuple[int, int], ...],
    work: Work,
) -> Outcome:
    path = str(placed["path"])
    pieces: list[bytes] = []
    end = 0
    for start, stop in spans:
        name = _vault_secret(content[start:stop], path, work)
        pieces += [content[end:start], b"{{ %s }}" % name.encode()]
        end = stop
    pieces.append(content[end:])
    placed["source"] = work.catch_up.ship(path, b"".join(pieces), folder="templates")
    work.catch_up.add(section("templates", reader=reader_of(path)), placed)
    return Written("it holds secrets, so it becomes a template whose secrets are in the vault")


def _vault_secret(secret: bytes, path: str, work: Work) -> str:
    """The variable's name says where it is used, and nothing of what it is."""
    encrypt, role = work.situation.encrypt, work.catch_up.role
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    file = f"{work.catch_up.directory}/vars/main.yml"
    work.catch_up.ensure_role()
    text = work.draft.read(file) or "---\n"
    number = 1
    while find_node(text, (f"{role}_secret_{digest}_{number}",)) is not None:
        number += 1
    name = f"{role}_secret_{digest}_{number}"
    lines = encrypt(secret).decode("ascii").split() if encrypt else []
    block = f"{name}: !vault |\n" + "".join(f"  {line}\n" for line in lines)
    work.draft.write(file, append_top_level(text, block))
    return name


def _can_be_template(content: bytes, spans: tuple[tuple[int, int], ...]) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    secrets = [content[start:stop] for start, stop in spans]
    return not _NO_TEMPLATE.search(content) and all(
        _SIMPLE_SECRET.fullmatch(secret) for secret in secrets
    )
