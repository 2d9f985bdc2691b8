"""One cause, one finding: put deviations together, and name each finding for good."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from releve.drift.circumstances import Cause, Circumstances, fact_of, gather
from releve.drift.fact_causes import choose_cause, path_followed
from releve.drift.file_causes import assign_files
from releve.drift.file_places import companions, merged_usr, resolve_link
from releve.drift.security import concerns_security
from releve.drift.skew import split_deviation
from releve.drift.tiers import choose_tier
from releve.drift.titles import write_title
from releve.model.finding import Deviation, DeviationStatus, Finding, Tier
from releve.model.observed import RANKS, FactKind

MOST_LISTED: Final = 1000  # deviations of one finding
_MOST_SIBLINGS: Final = 12  # findings about files of one directory; more are one
_MOST_CHOSEN: Final = 40  # of them where each is likely to be a decision of its own
_MOST_LEVELS: Final = 4
_CHOSEN_SINGLY: Final = ("/etc", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_MOST_HELD: Final = 64  # of one directory, before the others are only counted
_MOST_GROUPS: Final = 20_000
_MOST_PATHS: Final = 200_000
_TIERS: Final = {tier: rank for rank, tier in enumerate(Tier)}


def group(
    deviations: Iterable[Deviation], *, host: str, volumes: Mapping[str, str] | None = None
) -> list[Finding]:
    """By tier and title; NOT_CHECKED is no finding. The deviations come as `compare` gives them."""
    grouping = Grouping(host, volumes or {})
    grouping.take_all(deviations)
    return grouping.finish()


@dataclass
class _Group:
    deviations: list[Deviation] = field(default_factory=list)
    folded: int = 0

    def add(self, deviation: Deviation) -> None:
        if len(self.deviations) < MOST_LISTED:
            self.deviations.append(deviation)
        else:
            self.folded += 1

    def absorb(self, other: "_Group") -> None:
        for deviation in other.deviations:
            self.add(deviation)
        self.folded += other.folded


class Grouping:
    """Takes a stream once; afterwards knows the finding of every cause in it."""

    def __init__(self, host: str, volumes: Mapping[str, str]) -> None:
        self.known = Circumstances()
        self._host = host
        self._volumes = volumes
        self._groups: dict[Cause, _Group] = {}
        self._follows: dict[Cause, list[str]] = {}
        self._causes: dict[str, Cause] = {}  # of paths that differ
        self._trees: set[str] = set()  # directories that one side lacks
        self._siblings: dict[str, int] = {}
        self._finals: dict[Cause, Cause] = {}

    def take_all(self, deviations: Iterable[Deviation]) -> None:
        facts, files = split_at_files(deviations)
        self.known = gather(facts)
        for deviation in facts:
            cause = choose_cause(deviation, self.known)
            if path := path_followed(deviation):
                self._follows.setdefault(cause, []).append(path)
            self._add(deviation, cause)
        for deviation, cause in assign_files(files, self.known):
            self._take_file(deviation, self.bounded(deviation, cause))

    def finish(self) -> list[Finding]:
        self._finals = {cause: self._find_final(cause) for cause in self._groups}
        self._merge_links()
        self._merge_siblings()
        merged: dict[Cause, _Group] = {}
        for cause, members in self._groups.items():
            merged.setdefault(self.final(cause), _Group()).absorb(members)
        findings = [self._write(cause, members) for cause, members in merged.items()]
        return sort_findings(findings)

    def final(self, cause: Cause) -> Cause:
        seen = set()
        while cause in self._finals and self._finals[cause] != cause and cause not in seen:
            seen.add(cause)
            cause = self._finals[cause]
        return cause

    def bounded(self, deviation: Deviation, cause: Cause) -> Cause:
        """The directory in place of a file, where too many files would be a cause each."""
        if cause in self._groups or cause.kind is not FactKind.FILE or cause.aspect:
            return cause
        if concerns_security(deviation) and len(self._groups) < _MOST_GROUPS:
            return cause
        parent = cause.subject.rpartition("/")[0] or "/"
        if self._siblings.get(parent, 0) >= _MOST_HELD:
            return Cause(FactKind.FILE, parent)
        if len(self._groups) >= _MOST_GROUPS:
            return Cause(FactKind.FILE, "/".join(cause.subject.split("/")[:3]))
        return cause

    def _add(self, deviation: Deviation, cause: Cause) -> None:
        self._groups.setdefault(cause, _Group()).add(deviation)

    def _take_file(self, deviation: Deviation, cause: Cause) -> None:
        if cause not in self._groups and cause.kind is FactKind.FILE:
            parent = cause.subject.rpartition("/")[0] or "/"
            self._siblings[parent] = self._siblings.get(parent, 0) + 1
        self._add(deviation, cause)
        if len(self._causes) >= _MOST_PATHS:
            return
        self._causes[deviation.key] = cause
        is_lone = deviation.status is not DeviationStatus.MODIFIED
        if is_lone and fact_of(deviation).attributes.get("type") == "directory":
            self._trees.add(deviation.key)
        target = resolve_link(deviation)
        if target and (is_lone or "target" in deviation.attributes):
            self._follows.setdefault(cause, []).append(target)
        if also := companions(deviation.key):
            self._follows.setdefault(cause, []).extend(also)

    def _find_final(self, cause: Cause) -> Cause:
        """A link belongs to what it leads to, a unit to the package that brought its file."""
        for path in self._follows.get(cause, ()):
            target = self._cause_of(path)
            if target is None or target == cause:
                continue
            joins = cause.kind in _JOINING and not cause.aspect
            joins_package = target.kind is FactKind.PACKAGE and cause.kind is not FactKind.PACKAGE
            if (joins or joins_package) and self._is_own_path(cause, path) is False:
                return target
        return cause

    def _is_own_path(self, cause: Cause, path: str) -> bool:
        """A link within a new directory to another place does not take the directory along."""
        if cause.kind is not FactKind.FILE or cause.subject not in self._trees:
            return False
        return self._cause_of(path) != Cause(FactKind.FILE, cause.subject)

    def _cause_of(self, path: str) -> Cause | None:
        found = self._causes.get(path) or self._causes.get(merged_usr(path))
        while found is None and path:
            path = path.rpartition("/")[0]
            if path in self._trees:
                found = self._causes.get(path)
        return found

    def _merge_links(self) -> None:
        """Links of several places to one target: a module switched off for every interface."""
        by_target: dict[str, list[Cause]] = {}
        for cause, members in self._groups.items():
            lead = members.deviations[0]
            is_lone_link = cause == Cause(FactKind.FILE, lead.key) and len(members.deviations) == 1
            if is_lone_link and lead.status is not DeviationStatus.MODIFIED:
                target = resolve_link(lead)
                if target and self.final(cause) == cause:
                    by_target.setdefault(f"{lead.status} {target}", []).append(cause)
        for causes in by_target.values():
            for cause in causes:
                self._finals[cause] = min(causes)

    def _merge_siblings(self) -> None:
        """Many files of one directory are one thing; then many directories of the one above."""
        apart = {
            cause: members.deviations[0].status
            for cause, members in self._groups.items()
            if cause.kind is FactKind.FILE
            and not cause.aspect
            and self.final(cause) == cause
            and not concerns_security(members.deviations[0])
        }
        for _ in range(_MOST_LEVELS):
            by_parent: dict[tuple[str, DeviationStatus], list[Cause]] = {}
            for cause, status in apart.items():
                parent = cause.subject.rpartition("/")[0]
                by_parent.setdefault((parent, status), []).append(cause)
            for (parent, status), causes in sorted(by_parent.items()):
                if parent and len(causes) > _most_siblings(parent):
                    merged = Cause(FactKind.FILE, parent)
                    self._finals.update(dict.fromkeys(causes, merged))
                    for cause in causes:
                        del apart[cause]
                    apart[merged] = status

    def _write(self, cause: Cause, members: _Group) -> Finding:
        deviations = tuple(sorted(members.deviations, key=lambda item: _rank(item, cause)))
        lead = deviations[0]
        return Finding(
            fingerprint=make_fingerprint(self._host, cause),
            host=self._host,
            cause=cause.kind,
            subject=cause.subject,
            status=lead.status,
            title=write_title(cause, deviations, members.folded),
            tier=choose_tier(cause, deviations, self._volumes),
            deviations=deviations,
            folded=members.folded,
        )


def make_fingerprint(host: str, cause: Cause) -> str:
    """The same in every scan: of the subject alone, never of a value or of another finding."""
    text = "\0".join((host, cause.kind, cause.subject, cause.aspect))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def split_at_files(
    deviations: Iterable[Deviation],
) -> tuple[list[Deviation], Iterator[Deviation]]:
    """All but the files at once, split where needed; then the files as they come."""
    facts: list[Deviation] = []
    stream = iter(deviations)
    for deviation in stream:
        if deviation.status is DeviationStatus.NOT_CHECKED:
            continue
        if deviation.kind is FactKind.FILE:
            return facts, _checked(chain([deviation], stream))
        facts += split_deviation(deviation)
    return facts, iter(())


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda item: (_TIERS[item.tier], item.title, item.fingerprint))


def _most_siblings(parent: str) -> int:
    is_chosen = parent.startswith(_CHOSEN_SINGLY)
    return _MOST_CHOSEN if is_chosen else _MOST_SIBLINGS


def _checked(deviations: Iterable[Deviation]) -> Iterator[Deviation]:
    return (item for item in deviations if item.status is not DeviationStatus.NOT_CHECKED)


def _rank(deviation: Deviation, cause: Cause) -> tuple[bool, int, bool, str]:
    is_lead = deviation.kind is cause.kind and deviation.key == cause.subject
    of_cause = deviation.kind is cause.kind
    return not is_lead, -1 if of_cause else RANKS[deviation.kind], False, deviation.key


_JOINING: Final = frozenset(
    {
        FactKind.FILE, FactKind.CERTIFICATE, FactKind.PIP, FactKind.NPM, FactKind.GEM,
        FactKind.SYSCTL, FactKind.LISTENER, FactKind.PROCESS, FactKind.STATOVERRIDE,
    }
)  # fmt: skip
