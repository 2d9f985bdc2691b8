"""What must hold once a recovery and its autopsy are over."""

from collections import Counter
from typing import Any, Final

from releve.model.run import EventKind
from releve.workflow.step import FAILED
from tests.fakes.guest_scan import BY_HAND
from tests.fakes.world import HOST
from tests.matrix.controller import Controller
from tests.matrix.play import EFFECTS, count_effects

AUTOPSY_EFFECTS: Final = Counter(
    {
        "create_instance helper": 1,
        "attach_system_disk old": 1,
        "detach_system_disk old": 1,
        "stop_instance new": 1,
        "delete_instance new": 1,
    }
)


def outputs(controller: Controller) -> dict[str, dict[str, Any]]:
    return {
        event.step: event.data["output"]
        for event in controller.events()
        if event.kind is EventKind.DONE and event.step.startswith("autopsy_")
    }


def roles(controller: Controller) -> set[str]:
    instances = controller.cloud.state().instances.values()
    return {instance.labels.get("releve.role", "") for instance in instances}


def require_nothing_left(controller: Controller) -> None:
    """No helper, nobody who reads the dead disk, and not a byte of it changed."""
    state = controller.cloud.state()
    assert "helper" not in roles(controller)
    old = state.instances[controller.world.old]
    assert old.root_shown_to == {}
    assert (old.state, old.labels["releve.role"]) == ("STOPPED", "quarantined")


def require_autopsy_done(controller: Controller) -> None:
    """Each effect made once; what a hand left on the dead host is found by name."""
    require_nothing_left(controller)
    assert count_effects(controller) == EFFECTS + AUTOPSY_EFFECTS
    made = outputs(controller)
    assert not [step for step, output in made.items() if output.get(FAILED)]
    compared = made["autopsy_compare"]
    assert (compared["missing"], compared["changed"]) == (1, 0)
    assert compared["came_back"] + 1 == compared["facts"]
    (finding,) = controller.outside.findings.list_findings(HOST, at="2026-01-01T00:00:00+00:00")
    assert finding.finding.subject == f"root {BY_HAND}"
    assert made["autopsy_proof"]["digest"] == made["autopsy_disk"]["digest"] != ""
