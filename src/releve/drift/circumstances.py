"""What the differences other than files say; the files that follow them are explained by it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from releve.drift.packages import find_roots, is_installed, without_version
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

VERSIONS: Final = "versions"
NUMBERS: Final = "numbers"
LITTER: Final = "litter"
DATA: Final = "data"
_PERSONS: Final = 1000  # an account of a person has this number at least
_MOST_PLACES: Final = 100
_PLACED: Final = (FactKind.PIP, FactKind.NPM, FactKind.GEM)


@dataclass(frozen=True, order=True)
class Cause:
    """What a finding is about; its fingerprint is made of this and the host alone."""

    kind: FactKind
    subject: str
    aspect: str = ""  # of one subject: versions, numbers, litter


ALL_VERSIONS: Final = Cause(FactKind.PACKAGE, VERSIONS, VERSIONS)
_AUTOMATIC: Final = Cause(FactKind.PACKAGE, "automatic", "automatic")


@dataclass
class Circumstances:
    """Built from all deviations but those of files, before the first file is judged."""

    by_kind: dict[FactKind, dict[str, Deviation]] = field(default_factory=dict)
    packages: dict[str, Cause] = field(default_factory=dict)  # new, gone or skewed
    skewed: set[str] = field(default_factory=set)
    homes: dict[str, Cause] = field(default_factory=dict)  # of users that only one side has
    owners: dict[str, Cause] = field(default_factory=dict)  # users that a package made
    paths: dict[str, Cause] = field(default_factory=dict)  # files that belong to a fact
    _by_stem: dict[str, list[Cause]] = field(default_factory=dict)
    places: dict[str, list[Cause]] = field(default_factory=dict)  # of pip, npm, gem

    def of(self, kind: FactKind) -> Mapping[str, Deviation]:
        return self.by_kind.get(kind, {})

    @cached_property
    def packages_by_prefix(self) -> Mapping[str, str]:
        """The first new or gone package of which a word begins so."""
        found: dict[str, str] = {}
        for package in sorted(set(self.packages) - self.skewed):
            for word in package[:128].split("-"):
                for end in range(3, len(word) + 1):
                    found.setdefault(word[:end], package)
        return found

    @cached_property
    def index(self) -> dict[tuple[str, ...], str]:
        """First keys of facts that others are matched with, by what they have in common."""
        return {}

    @cached_property
    def new_cron_lines(self) -> Mapping[tuple[str, str], str]:
        lines = sorted(self.of(FactKind.CRON).items(), reverse=True)
        new = (key for key, item in lines if item.status is DeviationStatus.EXTRA)
        return {command_of(key): key for key in new}

    @cached_property
    def mount_units(self) -> Mapping[str, str]:
        """Mount points by the units that systemd makes of fstab."""
        return {
            point.strip("/").replace("-", "\\x2d").replace("/", "-") + suffix: point
            for point in self.of(FactKind.FSTAB)
            for suffix in (".mount", ".swap", ".automount")
        }

    def packages_of(self, stem: str) -> list[Cause]:
        """Causes of the packages whose name holds the stem; asked for a few stems only."""
        if stem not in self._by_stem:
            named = (cause for name, cause in self.packages.items() if stem in name)
            self._by_stem[stem] = sorted(set(named))
        return self._by_stem[stem]

    def has(self, kind: FactKind, key: str) -> bool:
        return key in self.by_kind.get(kind, {})


def gather(deviations: Iterable[Deviation]) -> Circumstances:
    known = Circumstances()
    for deviation in deviations:
        kind = known.by_kind.setdefault(deviation.kind, {})
        # of a split deviation the part that a person decided comes first
        kind.setdefault(deviation.key, deviation)
        if is_skew(deviation):
            known.skewed.add(deviation.key)
    _gather_packages(known)
    for user in known.of(FactKind.USER).values():
        maker = maker_of(user, known)
        if maker is not None:
            known.owners[user.key] = maker
        home = fact_of(user).attributes.get("home", "")
        if user.status is not DeviationStatus.MODIFIED and home.count("/") > 1:
            known.homes[home] = maker or Cause(FactKind.USER, user.key)
    _gather_paths(known)
    return known


def command_of(key: str) -> tuple[str, str]:
    user, _, line = key.partition(" ")
    words = line.split(None, 1 if line.startswith("@") else 5)
    return user, words[-1] if words else ""


def is_skew(deviation: Deviation) -> bool:
    return deviation.kind is FactKind.PACKAGE and deviation.attributes == ("version",)


def fact_of(deviation: Deviation) -> Fact:
    fact = deviation.ours or deviation.theirs
    if fact is None:
        raise ValueError("a deviation has a fact on one side at least")
    return fact


def maker_of(deviation: Deviation, known: Circumstances) -> Cause | None:
    """The package whose installation made, or removal took, an account of the system."""
    attributes = fact_of(deviation).attributes
    number = attributes.get("uid") or attributes.get("gid") or ""
    is_person = number.isdecimal() and int(number) >= _PERSONS
    if deviation.status is DeviationStatus.MODIFIED or is_person:
        return None
    name = deviation.key.lstrip("_").partition("-")[0].lower()
    maker = known.packages_by_prefix.get(name)
    return known.packages[maker] if maker else None


def _gather_packages(known: Circumstances) -> None:
    packages = known.of(FactKind.PACKAGE)
    extra, gone = _sort_out(packages.values())
    renamed = {without_version(name) for name in extra} & {without_version(name) for name in gone}
    for side in (extra, gone):
        for root, followers in find_roots(side).items():
            is_lone = side[root].attributes.get("mark") == "auto"
            cause = _AUTOMATIC if is_lone else Cause(FactKind.PACKAGE, root)
            for name in (root, *followers):
                is_version = without_version(name) in renamed
                known.packages[name] = ALL_VERSIONS if is_version else cause
    for name in known.skewed:
        known.packages.setdefault(name, ALL_VERSIONS)
    for name, deviation in packages.items():
        if deviation.status is DeviationStatus.EXTRA:  # removed, its configuration left
            known.packages.setdefault(name, Cause(FactKind.PACKAGE, name))


def _sort_out(deviations: Iterable[Deviation]) -> tuple[dict[str, Fact], dict[str, Fact]]:
    """Packages installed on our side only, and on the other side only."""
    extra: dict[str, Fact] = {}
    gone: dict[str, Fact] = {}
    for deviation in deviations:
        ours, theirs = deviation.ours, deviation.theirs
        if ours is not None and is_installed(ours) and not is_installed(theirs):
            extra[deviation.key] = ours
        elif theirs is not None and is_installed(theirs) and not is_installed(ours):
            gone[deviation.key] = theirs
    return extra, gone


def _gather_paths(known: Circumstances) -> None:
    """Files that hold an entry, a key or a job belong to the first of those that differ."""
    for cause, path in _entries(known):
        if path.startswith("/"):
            known.paths.setdefault(path, cause)
    for kind in (FactKind.FSTAB, FactKind.CERTIFICATE, FactKind.CHECKOUT, FactKind.STATOVERRIDE):
        for path in known.of(kind):
            known.paths.setdefault(path, Cause(kind, path))
    for kind in _PLACED:
        for key in sorted(known.of(kind)):
            place = key.partition(" ")[0]
            if place in known.places or len(known.places) < _MOST_PLACES:
                known.places.setdefault(place, []).append(Cause(kind, key))


def _entries(known: Circumstances) -> Iterator[tuple[Cause, str]]:
    """Each with the file or directory that holds it."""
    for kind in (FactKind.CRON, FactKind.AUTHORIZED_KEY, FactKind.AT_JOB, FactKind.REPOSITORY):
        for key, deviation in sorted(known.of(kind).items()):
            fact = fact_of(deviation)
            path = fact.evidence.get("file") or fact.attributes.get("file", "")
            yield Cause(kind, key), path
            yield from ((Cause(kind, key), also) for also in _beside(fact, path))
    for point in sorted(known.of(FactKind.FSTAB)):
        yield Cause(FactKind.FSTAB, point), "/etc/fstab"
    for key, deviation in known.of(FactKind.DATABASE).items():
        directory = fact_of(deviation).evidence.get("directory", "")
        if directory.rpartition("/")[2] == key.partition(" ")[2]:
            yield Cause(FactKind.DATABASE, key), directory


def _beside(fact: Fact, path: str) -> Iterator[str]:
    directory = path.rpartition("/")[0]
    if fact.kind is FactKind.AUTHORIZED_KEY and directory.endswith("/.ssh"):
        yield directory
    if fact.kind is FactKind.AT_JOB:
        yield from (directory, f"{directory}/.SEQ", "/var/spool/cron/atspool")
    if fact.kind is FactKind.REPOSITORY:
        yield from fact.attributes.get("key", "").split()[:1]
