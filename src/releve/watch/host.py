"""One host under watch, as the loop holds it between readings."""

from dataclasses import dataclass, field

from releve.model.incident import Incident
from releve.model.reading import InsideReading, Lost, OutsideReading, ProviderReading
from releve.model.verdict import DEAD, Verdict
from releve.plan.types import HostPlan
from releve.watch.following import RunFollowed
from releve.watch.judging import HostView, Judgement, judge
from releve.watch.memory import (
    HostMemory,
    Moment,
    take_inside,
    take_lost,
    take_outside,
    take_provider,
)
from releve.watch.rules import WatchRules

Reading = InsideReading | Lost | OutsideReading | ProviderReading
NOT_SEEN = judge(HostView(), WatchRules(1, 1, 1, 1), moment=Moment.zero())[1]


@dataclass
class HostUnderWatch:
    name: str
    plan: HostPlan
    rules: WatchRules
    view: HostView = field(default_factory=HostView)
    judgement: Judgement = NOT_SEEN
    incidents: dict[str, Incident] = field(default_factory=dict)  # topic to the open one
    run: RunFollowed | None = None  # one that this host's incident waits for
    round_seconds: float = 0.0  # between the last two readings from inside
    suspicion: str = ""  # of another monitor, until an incident opens or good rounds come

    @property
    def memory(self) -> HostMemory:
        return self.view.memory

    @property
    def death(self) -> Incident | None:
        return self.incidents.get(DEAD)

    @property
    def dead_verdict(self) -> Verdict | None:
        """Of what looks dead now, confirmed or not."""
        return next((wrong for wrong in self.judgement.wrong if wrong.is_dead), None)

    @property
    def looks_dead_since(self) -> float | None:
        standing = self.view.standings.get(DEAD)
        if standing is not None:
            return standing.first_at
        if self.memory.lost is not None and self.memory.silent_rounds:
            return self.memory.lost_since  # nobody answers, and it is not dead yet
        return None

    @property
    def wants_a_look(self) -> bool:
        """Whether time alone may change what is held of it."""
        return bool(self.view.standings) or self.memory.lost is not None or bool(self.incidents)

    @property
    def volume(self) -> str:
        """The volume of the plan that its death is on; empty: another mount, or no mount."""
        verdict = self.dead_verdict
        subject = verdict.subject if verdict else ""
        for name, volume in self.plan.volumes.items():
            if subject and (subject == volume.mount or subject.startswith(f"{volume.mount}/")):
                return name
        return ""

    def take(self, reading: Reading, moment: Moment) -> None:
        memory = self.memory
        match reading:
            case InsideReading():
                if memory.inside is not None:
                    self.round_seconds = moment.monotonic - memory.inside_at
                memory = take_inside(memory, reading, moment)
            case Lost():
                memory = take_lost(memory, reading, moment)
            case OutsideReading():
                memory = take_outside(memory, reading, moment)
            case ProviderReading():
                memory = take_provider(memory, reading, moment)
        self.view = HostView(memory, self.view.standings)

    def judge(self, moment: Moment, *, fleet_skew: float) -> None:
        self.view, self.judgement = judge(
            self.view, self.rules, moment=moment, fleet_skew=fleet_skew
        )

    def forget(self) -> None:
        """Another instance serves it: nothing read of the one before is about it."""
        self.view, self.judgement, self.round_seconds = HostView(), NOT_SEEN, 0.0
