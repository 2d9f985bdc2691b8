"""Loaded by ansible-playbook itself when a converge follows one that did not come to its end.

Ansible runs a handler when its task reports a change. A play that was killed or failed has lost
the handlers that its changed tasks had notified, and the next play finds nothing to change. Here
such a task is told, as it starts, that it has changed something: which is true, of the two plays
together. So its handlers run at their own place, by Ansible's own rules.
"""

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: releve_unsettled
type: notification
short_description: lets handlers run that an interrupted play had lost
description: Marks the tasks named in the file RELEVE_UNSETTLED as changed.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "releve_unsettled"

    def __init__(self) -> None:
        super().__init__()
        content = json.loads(Path(os.environ["RELEVE_UNSETTLED"]).read_text())
        self._repository = content["repository"]
        self._unsettled = {(task["path"], task["name"]) for task in content["tasks"]}

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001 - Ansible's signature
        path = str(task.get_path() or "").rpartition(":")[0]
        if path.startswith(f"{self._repository}/"):
            path = path[len(self._repository) + 1 :]
        if task.notify and (path, str(task.name or task.action)) in self._unsettled:
            task.changed_when = [True]
