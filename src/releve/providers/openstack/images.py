"""Images: Glance's, by exact name or id, and by the properties that a capture wrote."""

import json
from collections.abc import Mapping

from releve.errors import Ambiguous, Missing
from releve.model.deletion import require_criterion
from releve.model.resources import Image
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.ids import is_id
from releve.providers.openstack.labels import carries


class Images:
    def __init__(self, api: OpenstackApi) -> None:
        self._api = api

    def read(self, image_id: str) -> Content:
        if not is_id(image_id):
            raise make_error(Missing, f"no image {image_id!r}", why="ids are UUIDs, this is none")
        content = self._api.get("image", "images", image_id)
        with reading(f"reading image {image_id}"):
            if content["id"] != image_id:
                why = "the cloud answered with another one"
                raise make_error(Missing, f"no image {image_id}", why=why)
        return content

    def get(self, reference: str) -> Image:
        if is_id(reference):
            try:
                return self.describe(self.read(reference))
            except Missing:  # it may be called like an id
                pass
        found = self.list_named(reference)
        if len(found) > 1:
            raise Ambiguous(
                f"{len(found)} images are called {reference}",
                why=", ".join(sorted(str(content["id"]) for content in found)),
                remedy="Name the image by its id",
            )
        for content in found:
            return self.describe(content)
        why = "no image of this project or on offer has exactly this name or id"
        raise make_error(Missing, f"no image {reference!r}", why=why)

    def list_all(self) -> tuple[Image, ...]:
        contents = self._api.list_all("image", ("images",), key="images")
        with reading("reading the list of images"):
            return tuple(self.describe(content) for content in contents)

    def find(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        require_criterion(labels, kind="image")
        contents = self._api.list_all("image", ("images",), key="images")
        with reading("reading the list of images"):
            found = [content for content in contents if carries(read_image_labels(content), labels)]
            return tuple(self.describe(content) for content in found)

    def describe(self, content: Content) -> Image:
        with reading(f"reading image {content.get('id')}"):
            return Image(
                id=str(content["id"]),
                name=str(content.get("name") or ""),
                ready=content["status"] == "active" and self._has_snapshots(content),
                labels=read_image_labels(content),
            )

    def list_named(self, name: str) -> list[Content]:
        """Glance takes a comma in a name filter for a list: then all are looked through."""
        filters = {} if "," in name or ":" in name else {"name": name}
        contents = self._api.list_all("image", ("images",), key="images", params=filters)
        with reading(f"reading the images called {name}"):
            return [content for content in contents if content["name"] == name]

    def _has_snapshots(self, content: Content) -> bool:
        """Of an instance that boots from a volume, the image is no more than a snapshot's id."""
        for identity in snapshots_of(content):
            try:
                snapshot = self._api.get("volume", "snapshots", identity)["snapshot"]
            except Missing:
                return False
            if snapshot["status"] != "available":
                return False
        return True


def read_image_labels(content: Content) -> dict[str, str]:
    return {
        str(key): str(text)
        for key, text in content.items()
        if str(key).startswith("releve.") and isinstance(text, str) and text
    }


def mappings_of(content: Content) -> list[Content]:
    """The volumes that Nova makes for an instance of this image; empty for one with bytes."""
    text = content.get("block_device_mapping")
    if not isinstance(text, str) or not text:
        return []
    return [dict(entry) for entry in json.loads(text)]


def snapshots_of(content: Content) -> list[str]:
    found = [entry.get("snapshot_id") for entry in mappings_of(content)]
    return [str(identity) for identity in found if identity and is_id(str(identity))]


def root_snapshot_of(content: Content) -> str:
    """What an instance of this image boots from; empty where the image has its own bytes."""
    for entry in mappings_of(content):
        if entry.get("boot_index") == 0 and is_id(str(entry.get("snapshot_id") or "")):
            return str(entry["snapshot_id"])
    return ""
