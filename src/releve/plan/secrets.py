"""Secrets written in clear where a plan must not hold any; pure, never shows a value."""

import re
from collections.abc import Iterator
from typing import Any, Final

from releve.plan.problems import Place, Problem, name_place

_LONGEST_TEXT: Final = 8192  # characters looked at, so that no text costs more than its share
_TELLING_WORD: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?(?:key|access[_-]?key|id))?|token"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
)
_SECRET_KEY: Final = re.compile(rf"(?:^|[_.-])(?:{_TELLING_WORD})$", re.IGNORECASE)
_ASSIGNMENT: Final = re.compile(
    rf"(?<![a-z])(?:pg|[a-z]{{1,20}}[_-])?(?:{_TELLING_WORD})[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?(?P<value>[^\s\"'&]{{3,}})",
    re.IGNORECASE,
)
_AUTHORIZATION: Final = re.compile(r"(?i)\bauthorization:\s{0,3}\w{1,20}\s{1,3}(?P<value>\S{6,})")
_TOKENS: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abpr]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|sk_live_\w{10,}|eyJ[\w-]{10,300}\.[\w-]{10,300}\.[\w-]{5})"
)
# What stands where a secret would, without being one.
_PLACEHOLDER: Final = re.compile(
    r"(?:no|yes|true|false|none|null|required|prohibit-password|optional|file|env|prompt)\W*"
    r"|[$%<{*/~.].*|x{3,}",
    re.IGNORECASE | re.DOTALL,
)
_URL_START: Final = re.compile(r"://(?P<authority>[^\s/?#]{1,300})")
_DATABASE_CLIENTS: Final = {"mysql", "mariadb", "mysqladmin", "mariadb-admin", "mysqldump"}


def list_clear_secrets(data: Any) -> list[Problem]:
    """Looks at every key and text of the plan, known or not."""
    return [problem for place, value in _walk(data, ()) for problem in _judge(place, value)]


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*place, index))


def _judge(place: Place, value: Any) -> Iterator[Problem]:
    if isinstance(value, list) and place[-1:] == ("command",):
        yield from _judge_command(place, value)
    if not isinstance(value, str) or not value:
        return
    reason = _reason_of_key(place) or _reason_of_text(value[:_LONGEST_TEXT])
    if reason:
        yield _to_problem(place, reason)


def _reason_of_key(place: Place) -> str:
    key = str(place[-1]) if place else ""
    return "its key says that the value is a secret" if _SECRET_KEY.search(key) else ""


def _reason_of_text(text: str) -> str:
    if _TOKENS.search(text):
        return "the text has the form of a private key or an access token"
    if _has_password_in_url(text):
        return "the URL carries a password"
    for pattern in (_ASSIGNMENT, _AUTHORIZATION):
        for match in pattern.finditer(text):
            if not _PLACEHOLDER.fullmatch(match["value"]):
                return "the text gives a password, token or key its value"
    return ""


def _has_password_in_url(text: str) -> bool:
    for match in _URL_START.finditer(text):
        user, at, _ = match["authority"].rpartition("@")
        _, colon, password = user.partition(":")
        if at and colon and password and not _PLACEHOLDER.fullmatch(password):
            return True
    return False


def _judge_command(place: Place, words: list[Any]) -> Iterator[Problem]:
    """Secrets that only the order of the words shows: mysql -psecret, curl -u user:secret."""
    texts = [word if isinstance(word, str) else "" for word in words]
    program = texts[0].rpartition("/")[2] if texts else ""
    for index, word in enumerate(texts[1:], start=1):
        if _is_password(word, before=texts[index - 1], program=program):
            yield _to_problem((*place, index), "the command takes this word as a password")


def _is_password(word: str, *, before: str, program: str) -> bool:
    if _reason_of_text(word[:_LONGEST_TEXT]):
        return False
    if program in _DATABASE_CLIENTS and re.match(r"-p[^$]", word):
        return True
    if program == "curl" and before in {"-u", "--user"}:
        return ":" in word
    is_option = before.startswith("--") and _SECRET_KEY.search(before)
    return bool(is_option and not word.startswith("-") and not _PLACEHOLDER.fullmatch(word))


def _to_problem(place: Place, reason: str) -> Problem:
    return Problem(
        f"{name_place(place)} holds a secret in clear",
        f"{reason}; releve.yml is read by everybody who reads the repository",
        "keep it in Ansible Vault, the ssh agent or a file on the instance, and delete it here",
        place,
    )
