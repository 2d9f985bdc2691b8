"""A fleet judged and told of as by the watch, without any loop: time is moved by hand."""

from dataclasses import dataclass, field, replace

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind
from releve.plan.types import Plan
from releve.ports.notifier import Notice
from releve.watch.announcing import Announcer
from releve.watch.fleet import Fleet
from releve.watch.host import HostUnderWatch, Reading
from releve.watch.storm_guard import Candidate, Controls, Permission, describe_storm, permit
from tests.fakes.clock import FakeClock
from tests.watch.readings import inside

WELL_INSIDE = inside()
ALL_ANSWER = Controls(provider=True, outside=True, healthy_host=True)


def plan_of(*names: str, automation: str = "auto", **watch: str) -> Plan:
    return Plan.model_validate(
        {
            "version": 1,
            "provider": {"kind": "lxd"},
            "watch": watch,
            "hosts": {
                name: {
                    "instance": name,
                    "image": "base",
                    "address": f"198.51.{number // 250}.{number % 250 + 1}",
                    "converge": {"playbook": "site.yml"},
                    "checks": [{"tcp": 80}],
                    "automation": automation,
                }
                for number, name in enumerate(names)
            },
        }
    )


class PaperClock(FakeClock):
    """Of one thread alone: no other has to get its turn."""

    def sleep(self, seconds: float) -> None:
        self._elapsed += seconds


@dataclass
class PaperFleet:
    plan: Plan
    clock: FakeClock = field(default_factory=PaperClock)
    notices: list[Notice] = field(default_factory=list)
    events: list[IncidentEvent] = field(default_factory=list)
    permissions: list[tuple[str, Permission]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fleet = Fleet(self.plan, clock=self.clock, happened=self._happened)
        self.announcer = Announcer(lambda notice, _: self.notices.append(notice))

    def tell(self, name: str, reading: Reading) -> None:
        self.fleet.take(name, reading)

    def tell_well(self, name: str) -> None:
        self.tell(name, replace(WELL_INSIDE, host_time=self.clock.now()))

    def turn(self) -> None:
        self.fleet.turn()
        fleet, now = self.fleet, self.clock.monotonic()
        storm = describe_storm(fleet.guard, fleet.view, now=now) if fleet.guard.is_open else ""
        self.announcer.turn(storm=storm, storms=fleet.guard.storms, gathers=fleet.gathers, now=now)
        for name in fleet.view.confirmed_dead:
            permission = permit(
                fleet.guard, fleet.view, ALL_ANSWER, candidate=Candidate(name, 0, 0), now=now
            )
            self.permissions.append((name, permission))

    @property
    def permitted(self) -> set[str]:
        """Hosts for which a run would have started by itself."""
        return {name for name, permission in self.permissions if permission.allowed}

    def kinds(self) -> list[IncidentEventKind]:
        return [event.kind for event in self.events]

    def _happened(
        self, _host: HostUnderWatch, incident: Incident, events: tuple[IncidentEvent, ...]
    ) -> None:
        self.events += events
        self.announcer.happened(incident, events, now=self.clock.monotonic())
