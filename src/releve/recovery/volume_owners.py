"""Whether the image numbers its accounts as the data on the volumes does.

A host's packages may have been installed in another order than the twin's: then the same account
has another number, and its data belongs to nobody. Playbooks mend that; an image alone cannot.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from releve.model.run import EventKind
from releve.model.server_text import show_server_text
from releve.workflow.step import StepContext

DRILLED_STEP = "mount_aged"  # of a drill: what its playbooks had made, as the image sees it


def explain_other_owners(context: StepContext, *, drill_run: str) -> str:
    """The first file at a volume's top that belongs to another than in the drill; or empty."""
    drilled = {volume["name"]: owners_of(volume) for volume in read_drilled(context, drill_run)}
    for volume in context.output_of("mount_volumes")["volumes"]:
        for name, ours, wanted in compare(owners_of(volume), drilled.get(volume["name"], {})):
            return (
                f"{show_server_text(name)} on volume {volume['name']} belongs to {ours},"
                f" in the drill to {wanted}"
            )
    return ""


def compare(ours: Mapping[str, str], drilled: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, owner in ours.items():
        if name in drilled and drilled[name] != owner:
            yield name, owner, drilled[name]


def owners_of(volume: Mapping[str, Any]) -> Mapping[str, str]:
    found = volume.get("owners")
    return found if isinstance(found, dict) else {}


def read_drilled(context: StepContext, drill_run: str) -> list[Mapping[str, Any]]:
    """The volumes as that drill mounted them last; none where it did not."""
    for event in reversed(context.outside.journal.read_events(drill_run)):
        if event.step == DRILLED_STEP and event.kind is EventKind.DONE:
            found = event.data.get("output", {}).get("volumes")
            return [volume for volume in found or [] if "name" in volume]
    return []
