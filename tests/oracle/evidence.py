"""What the oracle judges by: one row of the fake cloud's history, and the cloud around it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.fakes.cloud_file import HistoryRow
from tests.fakes.cloud_state import CloudInstance, CloudState

CREATES = {
    "create_instance": "instances",
    "create_port": "ports",
    "snapshot_volume": "snapshots",
    "create_volume": "volumes",
    "clone_volume": "volumes",
    "capture_image": "captures",
}
DELETES = {
    "delete_instance": ("instances", "instance_id"),
    "delete_volume": ("volumes", "volume_id"),
    "delete_port": ("ports", "port_id"),
    "delete_image": ("captures", "image_id"),
}
OF_SEVERAL = {"twin", "helper"}  # roles of which one run may need several, each by its name


@dataclass(frozen=True)
class Evidence:
    row: HistoryRow
    before: CloudState
    after: CloudState
    history: Sequence[HistoryRow]  # up to and including the row

    @property
    def is_own_effect(self) -> bool:
        """An act of the controller under test that the cloud carried out."""
        return is_own_effect(self.row)

    def own_effects(self) -> Iterator[HistoryRow]:
        return (row for row in self.history if is_own_effect(row))

    def made_by_controller(self, call: str) -> dict[str, list[str]]:
        """Run, with the name where it may need several, to the ids that its creates made."""
        made: dict[str, list[str]] = {}
        for row in self.own_effects():
            if row.call == call:
                ids = [key for table, key in row.result["changed"] if table == CREATES[call]]
                made.setdefault(_purpose_of(row), []).extend(ids)
        return made

    def saw_off(self, instance_id: str) -> bool:
        """Whether the controller has read it stopped and idle since its power last changed."""
        for row in reversed(self.history):
            if row.kind == "read" and any(
                seen["id"] == instance_id and seen["power"] == "stopped" and not seen["busy"]
                for seen in row.result.get("seen", ())
            ):
                return True
            if is_power_change(row, instance_id):
                return False
        return False


def _purpose_of(row: HistoryRow) -> str:
    labels = row.arguments["labels"]
    run = str(labels["releve.run"])
    if labels.get("releve.role") in OF_SEVERAL or row.call == "capture_image":
        return f"{run} for {row.arguments['name']}"
    return run


def is_own_effect(row: HistoryRow) -> bool:
    return row.kind == "act" and row.actor.name == "controller" and row.took_effect


def is_power_change(row: HistoryRow, instance_id: str) -> bool:
    calls = {"start_instance", "stop_instance", "start_by_hand", "stop_by_hand"}
    return row.call in calls and row.took_effect and row.arguments.get("instance_id") == instance_id


def is_off(instance: CloudInstance | None) -> bool:
    return instance is None or (instance.state == "STOPPED" and not instance.busy)


def target_of(row: HistoryRow) -> str:
    """The call and what it was meant for; equal for two sendings of one effect."""
    aimed = {
        key: content
        for key, content in row.arguments.items()
        if key not in {"revision", "expected", "authorized_keys"}
    }
    return f"{row.call} {json.dumps(aimed, sort_keys=True)}"
