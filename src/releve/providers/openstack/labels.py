"""Relève's labels as Nova and Cinder metadata, image properties, and a port's description."""

import json
from collections.abc import Mapping
from typing import Any, Final

from releve.errors import Refused
from releve.model.resources import Labels

# Kept beside the labels, and no label: what an act has to know later to be taken back.
ISOLATED: Final = "releve.isolated"  # it was made on the network for twins
BASE_IMAGE: Final = "releve.image"  # Nova forgets the image where it boots from a volume
LOCKED: Final = "releve.locked"  # it is to be locked, also where a lock was lifted for an act
OFF: Final = "releve.off"  # it was made to be off, and has not been started since
SYSTEM_DISK: Final = "releve.system-disk"  # on a volume: whose system disk it is a copy of
ROOT_OF: Final = "releve.root-of"  # on a volume: the instance that boots from it
_KEPT: Final = frozenset({ISOLATED, BASE_IMAGE, LOCKED, OFF, SYSTEM_DISK, ROOT_OF})
_LONGEST_VALUE: Final = 255
_PREFIX: Final = "releve."


def as_metadata(labels: Labels) -> dict[str, str]:
    """With the empty ones, so that one merging request replaces all that were there."""
    metadata = labels.as_mapping()
    too_long = [key for key, text in metadata.items() if len(text) > _LONGEST_VALUE]
    if too_long:
        raise Refused(
            f"the label {too_long[0]} is longer than {_LONGEST_VALUE} characters",
            why="the cloud keeps no longer one",
            remedy="Give the host a shorter name in the plan",
        )
    return metadata


def read_labels(metadata: Any) -> dict[str, str]:
    """Relève's own, and those a person gave; not what Relève keeps for taking acts back."""
    if not isinstance(metadata, dict):
        raise TypeError("metadata is no object")
    return {str(key): str(text) for key, text in metadata.items() if key not in _KEPT}


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """An empty label is one that is not there."""
    return all(labels.get(key, "") == text for key, text in wanted.items())


def pack_labels(labels: Labels) -> str:
    """For a port: its description, which the POST that makes it takes along."""
    told = {key: text for key, text in labels.as_mapping().items() if text}
    packed = json.dumps(told, separators=(",", ":"))
    if len(packed) > _LONGEST_VALUE:
        del told[f"{_PREFIX}host"]
        packed = json.dumps(told, separators=(",", ":"))
    return packed


def unpack_labels(description: Any) -> dict[str, str]:
    """Empty where a person wrote the description."""
    try:
        unpacked = json.loads(str(description)[:_LONGEST_VALUE])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(unpacked, dict):
        return {}
    return {str(key): str(text) for key, text in unpacked.items() if str(key).startswith(_PREFIX)}
