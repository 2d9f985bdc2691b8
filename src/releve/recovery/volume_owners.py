"""Whether the image numbers its accounts as the data on the volumes does.

A host's packages may have been installed in another order than the twin's: then the same account
has another number, and its data belongs to nobody. Playbooks mend that; an image alone cannot.
"""

from collections.abc import Iterator, Mapping

from releve.model.server_text import show_server_text
from releve.recovery.report.reading import Fields, as_fields, read_items, read_outputs
from releve.workflow.step import StepContext

DRILLED_STEP = "mount_aged"  # of a drill: what its playbooks had made, as the image sees it


def explain_other_owners(context: StepContext, *, drill_run: str) -> str:
    """The first file at a volume's top that belongs to another than in the drill; or empty."""
    drilled = {
        volume["name"]: as_fields(volume.get("owners"))
        for volume in read_drilled(context, drill_run)
    }
    for volume in context.output_of("mount_volumes")["volumes"]:
        owners = as_fields(volume.get("owners"))
        for name, ours, wanted in compare(owners, drilled.get(volume["name"], {})):
            return (
                f"{show_server_text(name)} on volume {volume['name']} belongs to {ours},"
                f" in the drill to {wanted}"
            )
    return ""


def compare(ours: Mapping[str, str], drilled: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, owner in ours.items():
        if name in drilled and drilled[name] != owner:
            yield name, owner, drilled[name]


def read_drilled(context: StepContext, drill_run: str) -> list[Fields]:
    """The volumes as that drill mounted them last; none where it did not."""
    outputs = read_outputs(context.outside.journal.read_events(drill_run))
    volumes = read_items(outputs.get(DRILLED_STEP, {}), "volumes")
    return [volume for volume in volumes if "name" in volume]
