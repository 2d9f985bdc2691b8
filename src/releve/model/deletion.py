"""What Relève may delete, or look for: only what its own labels say."""

from collections.abc import Iterable, Mapping
from typing import Final

from releve.errors import Busy, Refused
from releve.model.resources import DELETABLE_ROLES, Instance, Port, Role, Volume

_NEEDED: Final = ("releve.host", "releve.run")


def require_deletable_instance(instance: Instance, volumes: Iterable[Volume]) -> None:
    reason = explain_kept_instance(instance, volumes)
    if reason:
        raise _refuse(f"instance {instance.id} is not deleted", reason)


def require_deletable_volume(volume: Volume) -> None:
    reason = explain_kept_volume(volume.labels)
    if reason:
        raise _refuse(f"volume {volume.id} is not deleted", reason)


def require_deletable_port(port: Port) -> None:
    """Whatever its role: a port of a run holds nothing but its own address."""
    reason = _explain_unlabelled(port.labels)
    if reason:
        raise _refuse(f"port {port.id} is not deleted", reason)
    if port.instance_id:
        raise Busy(
            f"port {port.id} is not deleted",
            why=f"it is on {port.instance_id}",
            remedy="Look at that instance: the port goes with it",
        )


def require_criterion(labels: Mapping[str, str], *, kind: str) -> None:
    if not labels:
        raise Refused(
            f"asked for every {kind} at once",
            why="no label was given",
            remedy="Give labels",
        )


def explain_kept_instance(instance: Instance, volumes: Iterable[Volume]) -> str:
    """Empty where it may go; `volumes` are those attached to it."""
    role = instance.labels.get("releve.role", "")
    if _explain_unlabelled(instance.labels):
        return _explain_unlabelled(instance.labels)
    if role not in DELETABLE_ROLES:
        return f"its role is {role or 'not known'}: it is no twin, no helper and not discarded"
    kept = [volume.id for volume in volumes if explain_kept_volume(volume.labels)]
    return f"it holds {', '.join(kept)}, which is no twin's" if kept else ""


def explain_kept_volume(labels: Mapping[str, str]) -> str:
    if _explain_unlabelled(labels):
        return _explain_unlabelled(labels)
    is_twins = labels.get("releve.role") == Role.TWIN
    return "" if is_twins else "it is no twin's"


def _explain_unlabelled(labels: Mapping[str, str]) -> str:
    missing = [key for key in _NEEDED if not labels.get(key)]
    return f"it has no label {' and '.join(missing)}: Relève did not make it" if missing else ""


def _refuse(what: str, why: str) -> Refused:
    return Refused(what, why=why, remedy="Delete it by hand if that is what you want")
