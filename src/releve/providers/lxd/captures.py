"""An image of a stopped instance, made ready so that the next instance of it comes at once."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from releve.errors import Busy
from releve.model.resources import Power, Role
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import reading
from releve.providers.lxd.images import Images
from releve.providers.lxd.instances import Instances
from releve.providers.lxd.labels import PREFIX
from releve.providers.lxd.pools import is_copy_on_write
from releve.providers.lxd.templates import keep_written_files

_UNPACK_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Capture:
    instance: str
    name: str
    labels: Mapping[str, str]


def capture_image(api: LxdApi, capture: Capture, *, pool: str) -> None:
    if Instances(api).get(capture.instance).power is not Power.STOPPED:
        raise Busy(
            f"no image {capture.name} is made of {capture.instance}",
            why="that instance is not stopped",
            remedy="Stop it first",
        )
    keep_written_files(api, capture.instance)
    image = Images(api).capture(capture.instance, name=capture.name, labels=capture.labels)
    if pool:
        content = api.get("storage-pools", pool)
        with reading(f"reading pool {pool}"):
            if is_copy_on_write(content):
                _unpack(api, capture, image=image, pool=pool)


def _unpack(api: LxdApi, capture: Capture, *, image: str, pool: str) -> None:
    """LXD unpacks an image into a pool with its first instance there, and keeps it for others.

    That instance is never started; its labels say that it may be deleted, should this process
    die before it does so itself.
    """
    name = f"releve-unpack-{secrets.token_hex(6)}"
    ours = {key: text for key, text in capture.labels.items() if key.startswith("releve.")}
    labels = ours | {"releve.role": Role.HELPER.value}
    body = {
        "name": name,
        "type": "container",
        "source": {"type": "image", "fingerprint": image},
        "profiles": [],
        "config": {f"{PREFIX}{key}": text for key, text in labels.items()},
        "devices": {"root": {"type": "disk", "path": "/", "pool": pool}},
    }
    api.post(("instances",), body, what=f"unpacking image {capture.name}", wait=_UNPACK_SECONDS)
    api.delete(("instances", name), what=f"taking away {name}")
