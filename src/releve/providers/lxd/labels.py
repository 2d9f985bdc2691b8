"""Relève's labels as instance configuration: user.releve.host and so on."""

import json
from collections.abc import Mapping
from typing import Final

from releve.model.resources import Labels

PREFIX: Final = "user."
_LABEL_KEYS: Final = ("host", "run", "epoch", "role", "expires")


def as_config(labels: Labels) -> dict[str, str]:
    """Without the empty ones: LXD knows no difference between empty and not there."""
    return {f"{PREFIX}{key}": text for key, text in labels.as_mapping().items() if text}


def replace_labels(config: Mapping[str, str], labels: Labels) -> dict[str, str]:
    ours = {f"{PREFIX}releve.{key}" for key in _LABEL_KEYS}
    kept = {key: text for key, text in config.items() if key not in ours}
    return kept | as_config(labels)


def read_labels(config: Mapping[str, str]) -> dict[str, str]:
    """Relève's own, and those a person gave; not what Relève keeps for taking acts back."""
    labels = {}
    for key, text in config.items():
        name = key.removeprefix(PREFIX)
        is_kept_state = (
            name.startswith("releve.") and name.removeprefix("releve.") not in _LABEL_KEYS
        )
        if key.startswith(PREFIX) and not is_kept_state:
            labels[name] = text
    return labels


def pack_labels(labels: Labels) -> str:
    """For resources with no configuration of their own, such as a snapshot: its description."""
    return json.dumps(labels.as_mapping(), sort_keys=True)


def unpack_labels(description: str) -> dict[str, str]:
    """Empty where a person wrote the description."""
    try:
        unpacked = json.loads(description[:4096])
    except ValueError:
        return {}
    if not isinstance(unpacked, dict):
        return {}
    return {str(key): str(text) for key, text in unpacked.items() if str(key).startswith("releve.")}
