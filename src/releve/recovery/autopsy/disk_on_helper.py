"""A copy of the dead disk that the helper sees as a block device, and mounts itself."""

import base64
import json
from typing import Any

from releve.errors import CommandFailed, StepHalted
from releve.model.server_text import show_server_text
from releve.recovery.autopsy.case import MOUNT
from releve.recovery.autopsy.helper_program import run_on_helper
from releve.recovery.autopsy.system_disk import describe_superblock
from releve.scan.superblock import read_superblock
from releve.workflow.step import StepContext


def ask_helper(context: StepContext, serial: str, *, mount: bool) -> dict[str, Any]:
    """Whether it is mounted, and what its superblock says; mounts it only if asked to."""
    request = {"mount": mount, "serial": serial, "mount_point": MOUNT}
    answer = run_on_helper(context, "guest_disk.py", request, task="look at the dead disk")
    return parse_answer(answer)


def parse_answer(stdout: bytes) -> dict[str, Any]:
    """Of the expected shape only; the bytes of the superblock are a dead server's claims."""
    try:
        answer = json.loads(stdout)
        if "problem" in answer:
            raise StepHalted(
                "the helper cannot mount the dead disk",
                why=show_server_text(str(answer["problem"]), limit=500),
                remedy="Look at the copy by hand, on a helper of your own",
            )
        start = base64.b64decode(str(answer["superblock"]), validate=True)
        return {
            "mounted": bool(answer["mounted"]),
            "filesystem": show_server_text(str(answer["filesystem"]), limit=40),
            "superblock": describe_superblock(read_superblock(start)),
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandFailed(
            "the helper's answer about the dead disk cannot be read",
            why=f"{len(stdout)} bytes: {type(error).__name__}",
            remedy="Log in to a helper and see what its python3 prints",
        ) from error
