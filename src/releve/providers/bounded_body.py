"""Replies over HTTP, whole or not at all: a provider may send without end."""

import io
import time
from typing import Any, Final

import requests
import urllib3

_BODY_BYTES: Final = 8 * 2**20
_BODY_SECONDS: Final = 60.0


class BodyTooLong(requests.exceptions.RequestException):
    """The reply is longer, or takes longer, than any true one."""


def read_bounded(response: requests.Response, **_options: Any) -> None:
    """Take the whole body in, within bounds of bytes and time."""
    give_up, body = time.monotonic() + _BODY_SECONDS, bytearray()
    try:
        while chunk := response.raw.read(65536, decode_content=True):
            body += chunk
            if len(body) > _BODY_BYTES or time.monotonic() > give_up:
                response.raw.close()
                raise BodyTooLong(f"more than {len(body) - 1} bytes")
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ConnectionError(f"the reply broke off: {error}") from error
    response.raw.release_conn()
    response.raw = io.BytesIO(bytes(body))
