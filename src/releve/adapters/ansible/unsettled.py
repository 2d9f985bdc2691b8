"""Tell ansible-playbook which tasks still owe their handlers a run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from releve.model.converge import UnsettledTask

_PLUGINS = Path(__file__).parent / "callbacks"


def tell_unsettled(
    directory: Path, repository: str, *, unsettled: Sequence[UnsettledTask], callbacks: str
) -> dict[str, str]:
    """The environment that loads our callback beside the team's; empty when nothing is owed."""
    if not unsettled:
        return {}
    told = directory / "unsettled.json"
    tasks = [asdict(task) for task in unsettled]
    told.write_text(json.dumps({"repository": repository, "tasks": tasks}))
    return {
        "RELEVE_UNSETTLED": str(told),
        "ANSIBLE_CALLBACK_PLUGINS": f"{_PLUGINS}:{callbacks}",
    }
