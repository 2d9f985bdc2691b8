"""The one place where what keystoneauth and the services say becomes an error of Relève.

An answer below 500 is final: the act did not happen. No answer, a time-out and an answer of 500
or more leave open whether it did.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from keystoneauth1 import exceptions as keystone_errors
from openstack import exceptions as sdk_errors
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

LONGEST_WAIT_SECONDS: Final = 600.0  # of what a Retry-After may ask for
_LONGEST_TEXT: Final = 400
_LONGEST_SENTENCE: Final = 4000
_REMEDIES: Final[dict[type[ProviderError], str]] = {
    Unavailable: "See that the cloud answers (openstack server list), then try again",
    Busy: "Look at the resource again, then repeat what is still missing",
    Missing: "See what exists with openstack server list, volume list and image list",
    Refused: "Change the quota, the rights or the plan, so that this is allowed",
    Changed: "Find out who changed it, then try again",
    Malformed: "See that the endpoints of this cloud are those of an OpenStack",
}
_SEE_SETTINGS: Final = "Put the entry of this cloud in clouds.yaml right"
_SEE_CREDENTIAL: Final = (
    "See that auth_url and the credential in clouds.yaml are right and the credential is still"
    " there: openstack --os-cloud NAME token issue"
)
_SEE_REGION: Final = (
    "Set region_name in clouds.yaml, or provider.region, to one that this shows: openstack"
    " catalog list"
)
_QUOTA: Final = re.compile(r"quota|exceeds? allowed|limit exceeded|no more ip addresses", re.I)
# Nova says 400 where a volume is in use or on its way, which passes.
_IN_TRANSITION: Final = re.compile(
    r"already attached|status must be|must be available|is in use|in-use|currently (at|de)taching"
    r"|invalid volume|not in a (valid|suitable) state|still has \d+ dependent|being (at|de)tached",
    re.I,
)
_KINDS: Final[dict[int, type[ProviderError]]] = {
    401: Refused,
    403: Refused,
    404: Missing,
    408: Unavailable,
    409: Busy,
    412: Changed,
    413: Refused,
    423: Busy,
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """`what` names the attempt: stopping instance web. Around all that keystoneauth does."""
    try:
        yield
    except keystone_errors.HttpError as error:
        raise from_keystone(what, error) from error
    except keystone_errors.EndpointNotFound as error:
        why = "the cloud's catalogue has no such service in this region"
        raise make_error(Refused, what, why=why, remedy=_SEE_REGION) from error
    except keystone_errors.ConnectionError as error:
        raise _from_connection(what, error) from error
    except (keystone_errors.ClientException, requests_errors.RequestException) as error:
        why = f"no connection to the cloud: {shorten(error)}"
        raise make_error(Unavailable, what, why=why) from error
    except sdk_errors.SDKException as error:
        why = f"the cloud's settings do not do: {error}"
        raise make_error(Refused, what, why=why, remedy=_SEE_SETTINGS) from error
    except (ValueError, TypeError, RecursionError) as error:
        why = f"the reply is not readable: {error}"
        raise make_error(Malformed, what, why=why) from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Around code that only takes a reply apart."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = f"the cloud's description of it has another shape: {error!r}"
        raise make_error(Malformed, what, why=why) from error


def from_keystone(what: str, error: keystone_errors.HttpError) -> ProviderError:
    """What is raised, not answered, comes from signing in: a credential deleted is 404 there."""
    status = int(error.http_status or 0)
    if status == 429:
        return make_rate_limited(what, "")
    if 300 <= status < 500:
        why = f"the cloud does not let us in: {status} {error.message}"
        return make_error(Refused, what, why=why, remedy=_SEE_CREDENTIAL)
    return make_error(Unavailable, what, why=f"{status} {error.message}")


def from_answer(
    what: str, status: int, headers: Mapping[str, str], *, body: bytes
) -> ProviderError:
    """For an answer that is neither 2xx nor a page of it."""
    sentence = read_sentence(body)
    why = f"the cloud said {status}: {sentence}" if sentence else f"the cloud said {status}"
    is_over_quota = bool(_QUOTA.search(sentence))
    if status == 429 or (status == 413 and not is_over_quota):
        return make_rate_limited(what, headers.get("Retry-After", ""))
    if status >= 500:
        return make_error(Unavailable, what, why=why)
    if status in {400, 409} and is_over_quota:
        return make_error(Refused, what, why=why)
    if status == 400 and _IN_TRANSITION.search(sentence):
        return make_error(Busy, what, why=why)
    return make_error(_KINDS.get(status, Refused), what, why=why)


def make_rate_limited(what: str, retry_after: str) -> RateLimited:
    return RateLimited(
        show_server_text(what, limit=_LONGEST_TEXT),
        retry_after_seconds=read_seconds(retry_after),
        remedy="Wait, then try again",
    )


def make_error(
    kind: type[ProviderError], what: str, *, why: str, remedy: str = ""
) -> ProviderError:
    return kind(
        show_server_text(what, limit=_LONGEST_TEXT),
        why=show_server_text(why, limit=_LONGEST_TEXT),
        remedy=remedy or _REMEDIES[kind],
    )


def read_sentence(body: bytes) -> str:
    """What a service says went wrong; each wraps it in another way, some in HTML."""
    text = body[:_LONGEST_SENTENCE].decode("utf-8", errors="replace")
    try:
        found = _find_message(json.loads(body)) if len(body) <= _LONGEST_SENTENCE else ""
    except (ValueError, RecursionError):
        found = ""
    plain = found or re.sub(r"<[^>]{0,200}>", " ", text)
    return " ".join(plain.split())


def read_seconds(text: str) -> float | None:
    """Of a Retry-After in seconds, capped; None for a date or anything else."""
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
        return None
    return min(float(text), LONGEST_WAIT_SECONDS)


def _find_message(content: Any) -> str:
    if not isinstance(content, dict):
        return ""
    for key in ("message", "faultstring"):
        if isinstance(content.get(key), str):
            kind = content.get("type")
            return f"{kind}: {content[key]}" if isinstance(kind, str) else str(content[key])
    return next((found for inner in content.values() if (found := _find_message(inner))), "")


def _from_connection(what: str, error: keystone_errors.ConnectionError) -> ProviderError:
    original = getattr(error, "original", None)
    if isinstance(original, BodyTooLong):
        return make_error(Malformed, what, why=f"the reply is not readable: {original}")
    if isinstance(error, keystone_errors.ConnectTimeout):
        return make_error(Unavailable, what, why="no answer in time")
    return make_error(Unavailable, what, why=f"no connection to the cloud: {shorten(error)}")


def shorten(error: Exception) -> str:
    """Where to, and the last reason of all that the libraries wrap around it."""
    text = str(error)
    found = re.search(
        r"(Unable to establish connection to \S+): .*?(\[Errno -?\d+\] [^'\")]+)", text
    )
    return f"{found[1]}: {found[2]}" if found else text
