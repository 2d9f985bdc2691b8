"""Images: by alias, by whole fingerprint, or by an exact description."""

import re
from collections.abc import Mapping
from typing import Any, Final

from releve.errors import Ambiguous, Busy, Missing, Refused
from releve.model.deletion import require_criterion
from releve.model.resources import Image
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import make_error, reading

_CAPTURE_SECONDS: Final = 900.0
# Faster than none on two cores, since less is hashed and written; see decision 0006.
_COMPRESSION: Final = "zstd"
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
                return describe_image(content, name=name)
        raise make_error(Missing, f"no image {reference!r}", why="neither alias, nor fingerprint")

    def list_all(self) -> tuple[Image, ...]:
        contents = self._list()
        with reading("reading the list of images"):
            return tuple(describe_image(item, name=_name_of(item)) for item in contents)

    def find(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        require_criterion(labels, kind="image")
        return tuple(image for image in self.list_all() if labels.items() <= image.labels.items())

    def capture(self, instance: str, *, name: str, labels: Mapping[str, str]) -> str:
        """Publish a stopped instance; returns the image's id."""
        if not labels.get("releve.host") or not labels.get("releve.run"):
            raise Refused(
                f"no image {name} is made of {instance}",
                why="its labels name no host and run, so that nobody could delete it again",
                remedy="Give the labels releve.host and releve.run",
            )
        if any(name in _aliases(content) for content in self._list()):
            raise Busy(
                f"the name {name} is taken",
                why="an image of this name is there already",
                remedy="Look at it: it may be the one that was asked for",
            )
        body = {
            "source": {"type": "instance", "name": instance},
            "compression_algorithm": _COMPRESSION,
            "properties": dict(labels) | {"description": name},
            "aliases": [{"name": name}],
        }
        what = f"making image {name} of instance {instance}"
        self._api.post(("images",), body, what=what, wait=_CAPTURE_SECONDS)
        return self.get(name).id

    def delete(self, image_id: str) -> None:
        image = self.get(image_id)
        if image.id != image_id or not image.labels.get("releve.run"):
            raise Refused(
                f"image {image_id} is not deleted",
                why="Relève did not make it" if image.id == image_id else "this is not its id",
                remedy="Delete it by hand if that is what you want",
            )
        self._api.delete(("images", image_id), what=f"deleting image {image_id}")

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


def describe_image(content: Mapping[str, Any], *, name: str) -> Image:
    properties = content.get("properties") or {}
    labels = {
        str(key): str(text) for key, text in properties.items() if str(key).startswith("releve.")
    }
    return Image(str(content["fingerprint"]), name, labels=labels)


def _is_called(content: Mapping[str, Any], reference: str) -> bool:
    names = {content["fingerprint"], *_aliases(content)}
    return reference in names or reference == _description(content)


def _name_of(content: Mapping[str, Any]) -> str:
    return next(iter(_aliases(content)), "") or _description(content) or content["fingerprint"]


def _aliases(content: Mapping[str, Any]) -> list[str]:
    return [str(alias["name"]) for alias in content.get("aliases") or []]


def _description(content: Mapping[str, Any]) -> str:
    return str((content.get("properties") or {}).get("description", ""))
