"""Requests to the services of one cloud: each has a time-out; an act is never sent twice."""

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from releve.errors import Malformed, Missing, Unavailable
from releve.providers.openstack.errors import from_answer, make_error, reading, translated
from releve.providers.openstack.session import CloudSession

Path = tuple[str, ...]
Content = Mapping[str, Any]

READ_TRIES: Final = 5
_FIRST_PAUSE_SECONDS: Final = 0.2  # doubles with each try
_PAGE: Final = 500
_MOST_PAGES: Final = 200


@dataclass(frozen=True)
class Call:
    """One request, as it is sent."""

    service: str
    method: str
    path: Path
    what: str  # names the attempt in an error: stopping instance web
    body: Content | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenstackApi:
    """Safe to use from several threads."""

    def __init__(self, session: CloudSession) -> None:
        self.session = session
        self.microversions: dict[str, str] = {}  # by service; set once these are known

    def get(self, service: str, *path: str, **params: str) -> Content:
        what = f"reading {'/'.join(path) or service}"
        call = Call(service, "GET", path, what, params=params)
        return _as_object(self._read(call), call.what)

    def list_all(
        self,
        service: str,
        path: Path,
        *,
        key: str,
        params: Mapping[str, str] | None = None,
        most: int = 0,
    ) -> list[Content]:
        """Page after page, until no more is said to follow; at most `most` where that is given."""
        what, found = f"listing {key}", list[Content]()
        marker: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = self.get(service, *path, **(params or {}), **marker, limit=str(_PAGE))
            with reading(what):
                items = [dict(item) for item in page[key]]
                found += items
                if not items or not _is_followed(page, key) or (most and len(found) >= most):
                    return found[: most or None]
                marker = {"marker": str(items[-1]["id"])}
        raise make_error(Malformed, what, why=f"more than {len(found)} of them")

    def ask(self, service: str, path: Path, body: Content, *, what: str) -> Content:
        """A POST that only reads."""
        call = Call(service, "POST", path, what, body=body)
        return _as_object(self._read(call), what)

    def post(self, service: str, path: Path, body: Content, *, what: str) -> Content:
        """Empty where the service answers with nothing."""
        answer = self._send(Call(service, "POST", path, what, body=body))
        return _as_object(answer, what) if answer.body.strip() else {}

    def put(
        self, service: str, path: Path, body: Content, *, what: str, revision: str = ""
    ) -> None:
        """Changed where the revision is given and no longer true."""
        self._send(Call(service, "PUT", path, what, body=body, headers=_insist(revision)))

    def delete(self, service: str, path: Path, *, what: str, revision: str = "") -> None:
        """Changed where the revision is given and no longer true."""
        self._send(Call(service, "DELETE", path, what, headers=_insist(revision)))

    def _read(self, call: Call) -> Answer:
        """A read may be repeated; what ran into its time-out is not, since the caller waits."""
        pause = _FIRST_PAUSE_SECONDS
        for tries in range(1, READ_TRIES + 1):
            began = time.monotonic()
            try:
                return self._send(call)
            except Unavailable:
                took = time.monotonic() - began
                if tries == READ_TRIES or took > self.session.timeout_seconds / READ_TRIES:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, no secret
            pause *= 2
        raise AssertionError("unreachable")

    def _send(self, call: Call) -> Answer:
        """Once; whatever is no success is raised."""
        url = "/" + "/".join(_encode(segment, call.what) for segment in call.path)
        microversion = self.microversions.get(call.service)
        with translated(call.what):
            response = self.session.adapter(call.service).request(
                url,
                call.method,
                params=dict(call.params),
                headers={"Accept": "application/json", **call.headers},
                json=call.body,
                microversion=microversion,
                raise_exc=False,
                redirect=False,
                log=False,
                connect_retries=0,
                status_code_retries=0,
                timeout=self.session.timeout_seconds,
            )
            answer = Answer(response.status_code, response.headers, bytes(response.content))
        if not 200 <= answer.status < 300:
            raise from_answer(call.what, answer.status, answer.headers, body=answer.body)
        return answer


def _insist(revision: str) -> dict[str, str]:
    return {"If-Match": f"revision_number={revision}"} if revision else {}


def _encode(segment: str, what: str) -> str:
    if not segment or segment in {".", ".."}:
        raise make_error(Missing, what, why="no such name")
    return quote(segment, safe="")


def _as_object(answer: Answer, what: str) -> Content:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise make_error(Malformed, what, why=f"the reply is not readable: {error}") from error
    if not isinstance(content, dict):
        raise make_error(Malformed, what, why="the reply is no JSON object")
    return content


def _is_followed(page: Content, key: str) -> bool:
    """Nova, Cinder and Neutron link to the next page; Glance names it."""
    links = page.get(f"{key}_links") or []
    return bool(page.get("next")) or any(link.get("rel") == "next" for link in links)
