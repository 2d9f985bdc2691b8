"""Our own programs on the helper, fed to its python3: nothing is left there."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from releve.errors import CommandFailed
from releve.model.server_text import show_server_text
from releve.ports.access import as_root
from releve.recovery.autopsy.case import PYTHON, door_to_helper
from releve.workflow.step import StepContext

GUEST_SECONDS: Final = 120.0


def run_on_helper(
    context: StepContext, program: str, request: Mapping[str, Any], *, task: str
) -> bytes:
    """What it printed; CommandFailed with `task`, such as `look at the dead disk`."""
    door = door_to_helper(context)
    result = context.outside.access.run_command(
        door,
        command=as_root(door, *PYTHON, "-", json.dumps(request)),
        stdin=resources.files(__package__).joinpath(program).read_bytes(),
        timeout_seconds=GUEST_SECONDS,
    )
    if result.exit_code != 0:
        raise CommandFailed(
            f"the helper could not {task}",
            why=show_server_text(result.stderr.strip()[-300:]),
            remedy="Make sure that the image has python3",
        )
    return result.stdout
