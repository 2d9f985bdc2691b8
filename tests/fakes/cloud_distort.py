"""What a fault makes of an act that the cloud accepted."""

from dataclasses import asdict
from typing import Any

from tests.fakes.cloud_state import NEVER, TABLES, CloudState, Shadow
from tests.fakes.faults import Fault

Changed = list[tuple[str, str]]  # table, key


def list_changed(before: CloudState, after: CloudState) -> Changed:
    return [
        (table, key)
        for table in TABLES
        for key, document in getattr(after, table).items()
        if getattr(before, table).get(key) != document
    ]


def distort(fault: Fault | None, *, before: CloudState, after: CloudState, now: float) -> None:
    changed = list_changed(before, after)
    for table, key in changed:
        if fault and fault.kind == "goes_error":
            _break_down(after, table, key)
        elif fault and fault.kind == "stuck":
            _get_stuck(after, table, key)
            _freeze_address(before, after, table, key)
        elif fault and fault.kind == "no_network" and table == "instances":
            _leave_without_network(after, key)
        hidden = _hidden_seconds(fault)
        if fault and hidden:
            old = getattr(before, table).get(key)
            document = asdict(old) if old is not None else None
            by_id = fault.by_id or document is not None
            after.shadows.append(Shadow(table, key, now + hidden, document, by_id))
    _lag_lists(before, after, changed, now)


def _hidden_seconds(fault: Fault | None) -> float:
    if fault is None:
        return 0.0
    return fault.seconds if fault.kind == "stale_list" else fault.hide_seconds


def _lag_lists(before: CloudState, after: CloudState, changed: Changed, now: float) -> None:
    """The cloud's habit: what was just made is not in the lists yet."""
    lag = after.habits.list_lag_seconds
    for table, key in changed if lag > 0 else []:
        if key not in getattr(before, table):
            after.shadows.append(Shadow(table, key, now + lag, None, by_id=False))


def _break_down(state: CloudState, table: str, key: str) -> None:
    """The transition under way ends in the error state of its kind."""
    if table == "instances":
        state.instances[key].settles_to = "ERROR"
    elif table == "volumes":
        volume = state.volumes[key]
        volume.settles_to = f"error_{volume.state}"
    elif table in {"snapshots", "captures"}:
        getattr(state, table)[key].failed = True
    elif table == "ports":
        state.ports[key].address = ""
    elif table == "addresses":
        state.addresses[key].instance_id = ""


def _get_stuck(state: CloudState, table: str, key: str) -> None:
    """The transition under way never ends."""
    if table == "ports":
        state.ports[key].address = ""
    elif table in {"instances", "volumes", "snapshots", "captures"}:
        getattr(state, table)[key].settles_at = NEVER


def _freeze_address(before: CloudState, after: CloudState, table: str, key: str) -> None:
    """An address has no transition: accepted, and never carried out."""
    if table == "addresses":
        document: dict[str, Any] = asdict(before.addresses[key])
        after.shadows.append(Shadow(table, key, NEVER, document, by_id=True))


def _leave_without_network(state: CloudState, key: str) -> None:
    instance = state.instances[key]
    instance.networked, instance.private_address = False, ""
