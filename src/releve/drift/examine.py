"""From observed states to findings: compare, subtract the bases, mask noise, group by cause."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from releve.drift.circumstances import DATA, Cause
from releve.drift.compare import compare, walk
from releve.drift.grouping import Grouping, make_fingerprint, sort_findings
from releve.drift.naming import NAME_FILES, is_given, names_machine, tells_of_name
from releve.drift.noise import Mask
from releve.drift.packages import only_packages
from releve.drift.security import concerns_security
from releve.drift.skew import BasePair
from releve.drift.tiers import has_grown, on_volume
from releve.model.finding import Deviation, DeviationStatus, Explanation, Finding, Tier
from releve.model.noise import NoiseMark
from releve.model.observed import Fact, FactKind
from releve.model.server_text import show_server_text

Facts = Callable[[], Iterator[Fact]]

MOST_MASKED: Final = 10_000
_SPOTS: Final = (FactKind.NOT_CHECKED, FactKind.EXCLUSION)
_MOUNTED: Final = (FactKind.MOUNT, FactKind.FSTAB, FactKind.FILE)
_LONE: Final = (DeviationStatus.EXTRA, DeviationStatus.MISSING)
_TOLD: Final = (FactKind.CRON, FactKind.AUTHORIZED_KEY)  # their files, entry by entry


@dataclass(frozen=True)
class Comparison:
    """What is held against what. Each state is read again whenever it is asked for."""

    host: str
    live: Facts
    twin: Facts
    replayed: Facts | None = None  # the twin after the live host's package decisions
    live_base: Facts | None = None  # both only where the base images differ
    twin_base: Facts | None = None
    noise: frozenset[NoiseMark] = frozenset()
    volumes: Mapping[str, str] = field(default_factory=dict)  # mount point to volume id
    live_partial: bool = False
    twin_partial: bool = False
    names: frozenset[str] = frozenset()  # that the provider gave to the instances


@dataclass(frozen=True)
class Hidden:
    """A deviation, or some of its attributes, that is no finding."""

    deviation: Deviation
    reason: str
    explanation: Explanation


@dataclass(frozen=True)
class Step:
    """One fact of either side, and what is left of its deviation."""

    ours: Fact | None
    theirs: Fact | None
    deviation: Deviation | None
    hidden: tuple[Hidden, ...] = ()


@dataclass(frozen=True)
class Examination:
    findings: tuple[Finding, ...]
    masked: tuple[Hidden, ...]  # bounded to 10,000
    masked_count: int
    blind_spots: tuple[Fact, ...]  # of the live host


def examine(comparison: Comparison) -> Examination:
    """Everything unexplained, by cause; in bounded memory whatever the number of files."""
    masked: list[Hidden] = []
    data = _AtRisk(comparison)
    counted = 0

    def left() -> Iterator[Deviation]:
        nonlocal counted
        for step in take_steps(comparison):
            data.see(step)
            counted += len(step.hidden)
            masked.extend(step.hidden[: MOST_MASKED - len(masked)])
            if step.deviation is not None:
                yield step.deviation

    grouping = Grouping(comparison.host, comparison.volumes)
    grouping.take_all(left())
    found = [*grouping.finish(), *data.findings()]
    return Examination(
        findings=tuple(sort_findings(found)),
        masked=tuple(masked),
        masked_count=counted,
        blind_spots=read_blind_spots(comparison.live()),
    )


def take_steps(comparison: Comparison) -> Iterator[Step]:
    """Every fact in order but blind spots: packages against the twin, the rest as replayed."""
    mask = Mask(comparison.noise)
    told = _Told()
    for ours, theirs, deviation, base in _with_base(comparison):
        step = Step(ours, theirs, deviation, base)
        step = step if told.shows(step) else _explain(comparison, mask, step)
        told.see(step, mask)
        yield told.hide(step)


def read_blind_spots(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    found = []
    for fact in facts:
        if fact.kind not in _SPOTS:
            break
        found.append(fact)
    return tuple(found)


def _pairs(
    comparison: Comparison,
) -> Iterator[tuple[Fact | None, Fact | None, Deviation | None]]:
    partial = {
        "ours_partial": comparison.live_partial,
        "theirs_partial": comparison.twin_partial,
    }
    if comparison.replayed is None:
        yield from walk(comparison.live(), comparison.twin(), **partial)
        return
    # blind spots are lost to the packages here: a scan without dpkg's status has no packages
    live, twin = only_packages(comparison.live()), only_packages(comparison.twin())
    yield from walk(live, twin, **partial)
    for ours, theirs, deviation in walk(comparison.live(), comparison.replayed(), **partial):
        fact = ours or theirs
        if fact is not None and fact.kind is not FactKind.PACKAGE:
            yield ours, theirs, deviation


def _with_base(
    comparison: Comparison,
) -> Iterator[tuple[Fact | None, Fact | None, Deviation | None, tuple[Hidden, ...]]]:
    bases: Iterator[Deviation] = iter(())
    if comparison.live_base is not None and comparison.twin_base is not None:
        bases = compare(comparison.live_base(), comparison.twin_base())
    base_pair = BasePair(bases)
    for ours, theirs, deviation in _pairs(comparison):
        left, explained = (None, None) if deviation is None else base_pair.subtract(deviation)
        hidden = (Hidden(explained, _BASES, Explanation.BASE),) if explained else ()
        yield ours, theirs, left, hidden


def _explain(comparison: Comparison, mask: Mask, step: Step) -> Step:
    deviation = step.deviation
    if deviation is None or deviation.status is DeviationStatus.NOT_CHECKED:
        return step
    if deviation.kind in _MOUNTED and on_volume(deviation.key, comparison.volumes):
        hidden = Hidden(deviation, "on a data volume", Explanation.VOLUME)
        return Step(step.ours, step.theirs, None, (*step.hidden, hidden))
    if names_machine(deviation) and comparison.names:
        if not is_given(deviation, host=comparison.host, names=comparison.names):
            return step
        hidden = Hidden(deviation, "the name that its provider gave it", Explanation.IDENTITY)
        return Step(step.ours, step.theirs, None, (*step.hidden, hidden))
    judgement = mask.judge(deviation)
    if judgement.masked is None:
        return step
    hidden = Hidden(judgement.masked, judgement.reason, judgement.explanation)
    return Step(step.ours, step.theirs, judgement.left, (*step.hidden, hidden))


class _Told:
    """Files of which every entry is a fact: their content says no more than those do."""

    def __init__(self) -> None:
        self._files: dict[str, bool] = {"/etc/fstab": False}
        self._scratch: set[str] = set()  # directories where anyone may write and only keep theirs

    def see(self, step: Step, mask: Mask) -> None:
        for fact in (step.ours, step.theirs):
            if fact is None:
                continue
            if fact.kind in _TOLD and fact.evidence.get("file"):
                differs = step.deviation is not None
                self._files[fact.evidence["file"]] = (
                    self._files.get(fact.evidence["file"], False) or differs
                )
            elif fact.kind is FactKind.FSTAB and step.deviation is not None:
                self._files["/etc/fstab"] = True
            elif fact.kind is FactKind.SETTING and fact.key == "hostname":
                differs = step.deviation is not None
                self._files |= dict.fromkeys(NAME_FILES, differs)
            elif fact.kind is FactKind.FILE and _is_scratch(fact):
                self._scratch.add(fact.key)
            elif fact.kind is FactKind.DATABASE and (home := _home_of_database(fact)):
                mask.leave_to_database(home)

    def shows(self, step: Step) -> bool:
        """Whether the file holds an entry that differs: then it goes with that, noise or not."""
        deviation = step.deviation
        is_file = deviation is not None and deviation.kind is FactKind.FILE
        return is_file and deviation is not None and self._files.get(deviation.key, False)

    def hide(self, step: Step) -> Step:
        deviation = step.deviation
        if deviation is None:
            return step
        if self._is_in_scratch(deviation):
            hidden = Hidden(deviation, "scratch: anyone may write there", Explanation.NOISE)
            return Step(step.ours, step.theirs, None, (*step.hidden, hidden))
        if tells_of_name(deviation) and not self._files.get(deviation.key, True):
            hidden = Hidden(deviation, "hostname: compared as a setting", Explanation.IDENTITY)
            return Step(step.ours, step.theirs, None, (*step.hidden, hidden))
        if "content" not in deviation.attributes:
            return step
        if self._files.get(deviation.key, True):
            return step
        content = replace(deviation, attributes=("content",))
        rest = tuple(name for name in deviation.attributes if name != "content")
        left = replace(deviation, attributes=rest) if rest else None
        hidden = Hidden(content, "entries: compared one by one", Explanation.NOISE)
        return Step(step.ours, step.theirs, left, (*step.hidden, hidden))

    def _is_in_scratch(self, deviation: Deviation) -> bool:
        if deviation.kind is not FactKind.FILE or deviation.status not in _LONE:
            return False
        parent = deviation.key.rpartition("/")[0]
        return parent in self._scratch and not concerns_security(deviation)


def _is_scratch(fact: Fact) -> bool:
    mode = fact.attributes.get("mode", "")
    return fact.attributes.get("type") == "directory" and mode[:1] == "1" and mode[-1:] in "2367"


def _home_of_database(fact: Fact) -> str:
    """Where all databases of its server lie; never as wide as /var/lib."""
    directory = fact.evidence.get("directory", "").rstrip("/")
    parent, _, name = directory.rpartition("/")
    is_own = name == fact.key.partition(" ")[2] and parent.count("/") > 2
    home = parent if is_own else directory
    return home if home.count("/") > 2 else ""


class _AtRisk:
    """Data that is no deviation, and yet would be lost."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._mounts: set[str] | None = None
        self._grown: list[Deviation] = []

    def see(self, step: Step) -> None:
        if step.ours is None:
            return
        if step.ours.kind is FactKind.MOUNT:
            self._mounts = (self._mounts or set()) | {step.ours.key}
        if step.ours.kind is FactKind.DATABASE and step.theirs is not None:
            self._judge_database(step.ours, step.theirs)

    def findings(self) -> Iterator[Finding]:
        for deviation in self._grown:
            name = show_server_text(deviation.key, limit=120)
            title = f"Database {name} has grown on the system disk, and is on no volume"
            yield self._write(Cause(FactKind.DATABASE, deviation.key, DATA), deviation, title)
        mounts = self._mounts
        for point in sorted(self._comparison.volumes):
            if mounts is not None and point not in mounts:
                fact = Fact(FactKind.MOUNT, point, {"source": self._comparison.volumes[point]})
                missing = Deviation(FactKind.MOUNT, point, DeviationStatus.MISSING, None, fact)
                title = f"The volume of {show_server_text(point)} is not mounted on the host"
                yield self._write(Cause(FactKind.MOUNT, point, DATA), missing, title)

    def _judge_database(self, ours: Fact, theirs: Fact) -> None:
        directory = ours.evidence.get("directory", "")
        if not directory or on_volume(directory, self._comparison.volumes):
            return
        if has_grown(ours.evidence.get("bytes", ""), theirs.evidence.get("bytes", "")):
            status = DeviationStatus.MODIFIED
            self._grown.append(Deviation(ours.kind, ours.key, status, ours, theirs))

    def _write(self, cause: Cause, deviation: Deviation, title: str) -> Finding:
        host = self._comparison.host
        return Finding(
            fingerprint=make_fingerprint(host, cause),
            host=host,
            cause=cause.kind,
            subject=cause.subject,
            status=deviation.status,
            title=title,
            tier=Tier.DATA_AT_RISK,
            deviations=(deviation,),
        )


_BASES: Final = "the two base images differ in it, and neither side changed it since"
