"""What a new instance is told at its first boot: who may log in. It holds no secret.

Everybody in the instance, and everybody who may read the project, can read it.
"""

import base64
import json
from typing import Final

from releve.errors import Refused
from releve.model.resources import InstanceRequest

# An interrupted first boot must not count: the mark is written before the power goes.
_OFF: Final = (
    "f=/var/lib/cloud/instance/sem/releve_made_off;"
    ' test -e "$f" || { mkdir -p "${f%/*}" && touch "$f" && sync && poweroff -f -f; }'
)


def make_user_data(request: InstanceRequest) -> str:
    """Base64, as Nova takes it."""
    if request.host_private_keys:
        raise Refused(
            f"instance {request.name} is not made with the host's private keys",
            why="on this cloud they would lie in its user data, which is no place for a secret",
            remedy="Write `host_keys: provider` in the plan",
        )
    config: dict[str, object] = {
        "ssh_authorized_keys": list(request.authorized_keys),
        "disable_root": False,  # the plan says who logs in; the playbooks may close root's door
        "ssh": {"emit_keys_to_console": True},
    }
    if not request.start:
        config["bootcmd"] = [["sh", "-c", _OFF]]
    text = f"#cloud-config\n{json.dumps(config, indent=1)}\n"
    return base64.b64encode(text.encode()).decode()
