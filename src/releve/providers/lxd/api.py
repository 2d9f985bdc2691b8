"""Requests to one LXD project: each has a time-out, none is ever sent twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import pylxd
import requests

from releve.errors import Malformed, Missing, Unavailable
from releve.providers.bounded_body import read_bounded
from releve.providers.lxd.errors import from_sentence, make_error, translated

Path = tuple[str, ...]

OPERATION_SECONDS: Final = 60.0
_SUCCESS, _STILL_RUNNING = 200, {103, 105, 106, 107}


@dataclass(frozen=True)
class Tagged:
    """A resource with the ETag that a later PUT can insist on."""

    content: Mapping[str, Any]
    etag: str


class LxdApi:
    """Safe to use from several threads: each request takes a connection of its own."""

    def __init__(self, url: str, *, project: str, timeout_seconds: float) -> None:
        with translated("connecting to LXD"):
            self._client = pylxd.Client(endpoint=url, project=project, timeout=timeout_seconds)
        self.project = project
        self._timeout = timeout_seconds
        self._session: requests.Session = self._client.api.session
        self._session.trust_env = False  # no proxy, no netrc
        self._session.max_redirects = 0
        self._session.hooks["response"].append(read_bounded)

    def get(self, *path: str, **params: str) -> Any:
        """The `metadata` of the reply."""
        what = f"reading {'/'.join(path)}"
        with translated(what):
            return _metadata(self._node(path).get(params=dict(params)), what)

    def get_tagged(self, *path: str) -> Tagged:
        what = f"reading {'/'.join(path)}"
        with translated(what):
            response = self._node(path).get(params={})
            content = _metadata(response, what)
        if not isinstance(content, dict):
            raise make_error(Malformed, what, why="the reply is no JSON object")
        return Tagged(content, response.headers.get("ETag", ""))

    def put(
        self, path: Path, body: Any, *, what: str, etag: str = "", wait: float = OPERATION_SECONDS
    ) -> None:
        """Replace; Changed where the resource no longer has this ETag."""
        with translated(what):
            headers = {"If-Match": etag} if etag else {}
            response = self._node(path).put(params={}, json=body, headers=headers)
            reply = _body(response, what)
        self._finish(reply, what=what, seconds=wait)

    def post(self, path: Path, body: Any, *, what: str, wait: float = OPERATION_SECONDS) -> None:
        with translated(what):
            reply = _body(self._node(path).post(params={}, json=body), what)
        self._finish(reply, what=what, seconds=wait)

    def delete(self, path: Path, *, what: str, wait: float = OPERATION_SECONDS) -> None:
        with translated(what):
            reply = _body(self._node(path).delete(), what)
        self._finish(reply, what=what, seconds=wait)

    def read_file(self, instance: str, path: str) -> bytes | None:
        """The content of a regular file inside; None where there is none."""
        with translated(f"reading {path} of instance {instance}"):
            node = self._node(("instances", instance, "files"))
            try:
                response = node.get(params={"path": path}, is_api=False)
            except pylxd.exceptions.NotFound:
                return None
        kinds = {response.headers.get(f"X-{maker}-type") for maker in ("LXD", "Incus")}
        return bytes(response.content) if "file" in kinds else None

    def read_template(self, instance: str, name: str) -> bytes | None:
        """As the image brought it; None where there is none."""
        with translated(f"reading template {name} of instance {instance}"):
            node = self._node(("instances", instance, "metadata", "templates"))
            try:
                return bytes(node.get(params={"path": name}, is_api=False).content)
            except pylxd.exceptions.NotFound:
                return None

    def push_file(self, instance: str, path: str, *, content: bytes | None, mode: str) -> None:
        """Write a file owned by root inside; a directory where the content is None."""
        facts = {"type": "directory" if content is None else "file", "mode": mode}
        facts |= {"uid": "0", "gid": "0", "write": "overwrite"}
        headers = {
            f"X-{maker}-{key}": fact for maker in ("LXD", "Incus") for key, fact in facts.items()
        }
        with translated(f"writing {path} into instance {instance}"):
            node = self._node(("instances", instance, "files"))
            node.post(params={"path": path}, data=content or b"", headers=headers)

    def wait_for(self, operation: str, *, what: str, seconds: float) -> None:
        """Return when it succeeded; ActFailed when it did not, Unavailable when time is over."""
        with translated(what):
            node = self._node(("operations", operation, "wait"))
            # LXD forgets an operation five seconds after its end
            try:
                response = node.get(
                    params={"timeout": str(round(seconds))}, timeout=seconds + self._timeout
                )
            except pylxd.exceptions.NotFound as error:
                raise make_error(Unavailable, what, why="LXD has forgotten how it ended") from error
            outcome = _metadata(response, what)
        if not isinstance(outcome, dict) or not isinstance(outcome.get("status_code"), int):
            raise make_error(Malformed, what, why="the operation's end cannot be read")
        if outcome["status_code"] in _STILL_RUNNING:
            raise make_error(Unavailable, what, why=f"not over after {seconds:g} s")
        if outcome["status_code"] != _SUCCESS:
            raise from_sentence(what, str(outcome.get("err", "")))

    def close(self) -> None:
        self._session.close()

    def _node(self, path: Path) -> Any:
        node = self._client.api
        for segment in path:
            if not segment or segment in {".", ".."}:
                raise make_error(Missing, f"reading {'/'.join(path)}", why="no such name")
            node = node[quote(segment, safe="")]
        return node

    def _finish(self, reply: Mapping[str, Any], *, what: str, seconds: float) -> None:
        if reply.get("type") != "async":
            return
        metadata = reply.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("id"), str):
            raise make_error(Malformed, what, why="LXD named no operation")
        self.wait_for(metadata["id"], what=what, seconds=seconds)


def _metadata(response: requests.Response, what: str) -> Any:
    return _body(response, what).get("metadata")


def _body(response: requests.Response, what: str) -> dict[str, Any]:
    body = response.json()
    if not isinstance(body, dict):
        raise make_error(Malformed, what, why="the reply is no JSON object")
    return body
