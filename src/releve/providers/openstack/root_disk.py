"""Which of an instance's volumes is the one it boots from, if any is."""

import re
from collections.abc import Sequence
from typing import Final

from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import reading

_FIRST_DEVICE: Final = re.compile(r"(/dev/)?(vd|sd|xvd|hd)a1?")


def volumes_of(content: Content) -> list[str]:
    """Ids of all that Nova lists on it, the root among them."""
    attached = content.get("os-extended-volumes:volumes_attached") or []
    return [str(item["id"]) for item in attached]


def find_root_volume(api: OpenstackApi, content: Content) -> str:
    """Empty where it boots from the disk of its flavor."""
    if not volumes_of(content):
        return ""
    server = str(content["id"])
    listed = api.get("compute", "servers", server, "os-volume_attachments")
    with reading(f"reading the volumes of instance {server}"):
        attachments = [dict(item) for item in listed["volumeAttachments"]]
        return choose_root(attachments)


def choose_root(attachments: Sequence[Content]) -> str:
    """The first device, which is a local disk where no volume has it; Nova shows no boot order."""
    for attachment in attachments:
        if _FIRST_DEVICE.fullmatch(str(attachment.get("device") or "")):
            return str(attachment["volumeId"])
    return ""


def data_volumes_of(api: OpenstackApi, content: Content) -> list[str]:
    root = find_root_volume(api, content)
    return [volume for volume in volumes_of(content) if volume != root]
