"""The one place where errors of pylxd, requests and LXD itself become those of Relève."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pylxd import exceptions as pylxd_errors
from requests import exceptions as requests_errors

from releve.errors import (
    Busy,
    Changed,
    Malformed,
    Missing,
    ProviderError,
    RateLimited,
    Refused,
    Unavailable,
)
from releve.model.server_text import show_server_text
from releve.providers.bounded_body import BodyTooLong

_LOOK_AGAIN: Final = "Look at the resource again, then repeat what is still missing"
_LONGEST_TEXT: Final = 400


class ActFailed(Unavailable):
    """LXD ended the act with an error; what it had changed before that stays changed."""


# LXD answers most acts by status 400 or 500 and a sentence; the sentence decides, first match.
_SENTENCES: Final[tuple[tuple[re.Pattern[str], type[ProviderError]], ...]] = (
    (re.compile(r"Failed to write backup file"), ActFailed),  # the change itself is stored
    (re.compile(r"already (running|stopped|exists)|is busy|in use|ETag doesn't match"), Busy),
    (
        re.compile(r"\b(instance|image|network|pool|volume|profile|project) not found", re.I),
        Missing,
    ),
    (re.compile(r"no space left|quota|reached maximum|not allowed|forbidden", re.I), Refused),
)
_REMEDIES: Final[dict[type[ProviderError], str]] = {
    Unavailable: "See that the LXD daemon answers (lxc info), then try again",
    ActFailed: "See LXD's log for this instance (lxc info --show-log), then try again",
    Busy: _LOOK_AGAIN,
    Missing: "See what exists with lxc list, lxc storage volume list and lxc image list",
    Refused: "Change LXD's limits or rights, or the plan, so that this is allowed",
    Changed: "Find out who changed it, then try again",
    Malformed: "See that an LXD or Incus daemon answers at this endpoint",
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """`what` names the attempt: stopping instance web."""
    try:
        yield
    except pylxd_errors.LXDAPIException as error:
        raise from_response(what, error) from error
    except (ValueError, TypeError, RecursionError, BodyTooLong) as error:
        # pylxd indexes a reply before it knows its shape
        raise make_error(Malformed, what, why=f"the reply is not readable: {error}") from error
    except requests_errors.Timeout as error:
        raise make_error(Unavailable, what, why="no answer in time") from error
    except (requests_errors.RequestException, pylxd_errors.ClientConnectionFailed) as error:
        raise make_error(Unavailable, what, why=f"no connection to LXD: {error}") from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Around code that only takes a reply apart."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = f"LXD's description of it has another shape: {error!r}"
        raise make_error(Malformed, what, why=why) from error


def from_response(what: str, error: pylxd_errors.LXDAPIException) -> ProviderError:
    status, sentence = error.response.status_code, str(error)
    if status == 429:
        return RateLimited(
            what,
            retry_after_seconds=_read_seconds(error.response.headers.get("Retry-After", "")),
            remedy="Wait, then try again",
        )
    kinds = {401: Refused, 403: Refused, 404: Missing, 409: Busy, 412: Changed}
    if status in kinds:
        return make_error(kinds[status], what, why=sentence)
    if status in {200, 201, 202}:
        return make_error(Malformed, what, why=sentence)
    if 300 <= status < 500:
        return from_sentence(what, sentence, otherwise=Refused)
    return from_sentence(what, sentence, otherwise=Unavailable if status > 500 else ActFailed)


def from_sentence(
    what: str, sentence: str, *, otherwise: type[ProviderError] = ActFailed
) -> ProviderError:
    for pattern, kind in _SENTENCES:
        if pattern.search(sentence):
            return make_error(kind, what, why=sentence)
    return make_error(otherwise, what, why=sentence)


def make_error(kind: type[ProviderError], what: str, *, why: str) -> ProviderError:
    return kind(
        show_server_text(what, limit=_LONGEST_TEXT),
        why=show_server_text(why, limit=_LONGEST_TEXT),
        remedy=_REMEDIES[kind],
    )


def _read_seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text) else None
