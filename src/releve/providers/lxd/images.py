"""Images: by alias, by whole fingerprint, or by an exact description."""

import re
from collections.abc import Mapping
from typing import Any, Final

from releve.errors import Ambiguous, Missing
from releve.model.resources import Image
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import make_error, reading

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class Images:
    def __init__(self, api: LxdApi) -> None:
        self._api = api

    def get(self, reference: str) -> Image:
        contents = self._list()
        with reading(f"reading image {reference}"):
            found = [content for content in contents if _is_called(content, reference)]
            if len({content["fingerprint"] for content in found}) > 1:
                raise Ambiguous(
                    f"{len(found)} images are called {reference}",
                    why=", ".join(str(content["fingerprint"])[:12] for content in found),
                    remedy="Name the image by its whole fingerprint",
                )
            for content in found:
                is_id = bool(_FINGERPRINT.fullmatch(reference))
                name = _name_of(content) if is_id else reference
                return Image(str(content["fingerprint"]), name)
        raise make_error(Missing, f"no image {reference!r}", why="neither alias, nor fingerprint")

    def list_all(self) -> tuple[Image, ...]:
        contents = self._list()
        with reading("reading the list of images"):
            return tuple(Image(str(item["fingerprint"]), _name_of(item)) for item in contents)

    def size_of(self, fingerprint: str) -> int:
        """Bytes of the packed image; 0 where LXD does not know this image."""
        contents = self._list()
        with reading("reading the size of an image"):
            return next(
                (int(item["size"]) for item in contents if item["fingerprint"] == fingerprint), 0
            )

    def _list(self) -> list[Mapping[str, Any]]:
        contents = self._api.get("images", recursion="1")
        with reading("reading the list of images"):
            return [dict(content) for content in contents or []]


def _is_called(content: Mapping[str, Any], reference: str) -> bool:
    names = {content["fingerprint"], *_aliases(content)}
    return reference in names or reference == _description(content)


def _name_of(content: Mapping[str, Any]) -> str:
    return next(iter(_aliases(content)), "") or _description(content) or content["fingerprint"]


def _aliases(content: Mapping[str, Any]) -> list[str]:
    return [str(alias["name"]) for alias in content.get("aliases") or []]


def _description(content: Mapping[str, Any]) -> str:
    return str((content.get("properties") or {}).get("description", ""))
