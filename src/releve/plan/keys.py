"""Which keys belong where in a plan, read from its types."""

from typing import Any, Final

from releve.plan.problems import Place
from releve.plan.provider_types import LxdProvider, OpenstackProvider
from releve.plan.strict import Strict
from releve.plan.types import CHECK_KINDS, HostPlan, Plan, VolumePlan
from releve.plan.watch_types import NotifyChannel, WatchPlan

PROVIDER_KINDS: Final[dict[str, type[Strict]]] = {
    "lxd": LxdProvider,
    "openstack": OpenstackProvider,
}
SECTIONS: Final[dict[str, type[Strict]]] = {
    name: field.annotation
    for name, field in HostPlan.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Strict)
}
_FIXED: Final[dict[Place, type[Strict]]] = {(): Plan, ("watch",): WatchPlan}


def type_at(place: Place, data: Any) -> type[Strict] | None:
    """The type of the mapping at that place of the data; None where no type is known."""
    found: type[Strict] | None = _FIXED.get(place)
    match place:
        case ("provider",):
            found = PROVIDER_KINDS.get(str(data["provider"].get("kind")))
        case ("watch", "notify", _):
            found = NotifyChannel
        case ("hosts", _):
            found = HostPlan
        case ("hosts", _, "volumes", _):
            found = VolumePlan
        case ("hosts", host, "checks", index):
            check = data["hosts"][host]["checks"][index]
            found = next((CHECK_KINDS[key] for key in CHECK_KINDS if key in check), None)
        case ("hosts", _, str(section)):
            found = SECTIONS.get(section)
    return found


def sections_with(key: str) -> list[str]:
    return [name for name, type_ in SECTIONS.items() if key in type_.model_fields]
