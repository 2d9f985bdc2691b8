"""Which packages a person decided about, and which ones only followed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from releve.drift.compare import merge
from releve.model.observed import RANKS, Fact, FactKind

_NAME: Final = re.compile(r"\A[a-z0-9][a-z0-9+.-]{0,127}(?::[a-z0-9-]{1,32})?\Z")
_VERSION_IN_NAME: Final = re.compile(r"\d+(?:[.-]\d+)*")


@dataclass(frozen=True)
class PackageDecisions:
    """What to do on a fresh twin so that its packages are those of the live host.

    `install` names dependencies too, so that nothing has to be recommended; `auto` marks them.
    """

    install: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()  # configuration files stay
    purge: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    unhold: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    auto: tuple[str, ...] = ()
    not_replayable: tuple[str, ...] = ()  # no repository has it, or no package is named so

    @property
    def is_empty(self) -> bool:
        return not any(
            (self.install, self.remove, self.purge, self.hold, self.unhold, self.manual, self.auto)
        )


def decide_packages(live: Iterable[Fact], twin: Iterable[Fact]) -> PackageDecisions:
    """Read both sorted streams no further than their packages."""
    chosen: dict[str, set[str]] = {name: set() for name in PackageDecisions.__dataclass_fields__}
    extra: dict[str, Fact] = {}
    for ours, theirs in merge(only_packages(live), only_packages(twin)):
        name = (ours or theirs).key  # type: ignore[union-attr] # merge yields one at least
        if ours is not None and is_installed(ours) and not is_installed(theirs):
            extra[name] = ours
        elif is_installed(theirs) and not is_installed(ours):
            chosen["purge" if ours is None else "remove"].add(name)
        if ours is not None and is_installed(ours):
            _decide_marks(ours, theirs, chosen)
    for name, fact in extra.items():
        is_local = fact.evidence.get("origin") == "local"
        chosen["not_replayable" if is_local else "install"].add(name)
        if not is_local and fact.attributes.get("mark") == "auto":
            chosen["auto"].add(name)
    return _safe(chosen)


def only_packages(facts: Iterable[Fact]) -> Iterator[Fact]:
    for fact in facts:
        if fact.kind is FactKind.PACKAGE:
            yield fact
        elif RANKS[fact.kind] > RANKS[FactKind.PACKAGE]:
            return


def is_installed(fact: Fact | None) -> bool:
    return fact is not None and fact.attributes.get("state", "installed") == "installed"


def find_roots(packages: Mapping[str, Fact]) -> dict[str, tuple[str, ...]]:
    """Those that a person chose, or that none of the others needs, with what each one pulled in.

    A package that several need belongs to the first of them by name.
    """
    needs = {name: _needs_of(fact, packages) for name, fact in packages.items()}
    needed = {name for wanted in needs.values() for name in wanted}
    chosen = sorted(
        name
        for name, fact in packages.items()
        if fact.attributes.get("mark") != "auto" or name not in needed
    )
    owner = dict.fromkeys(chosen, "")
    followers: dict[str, list[str]] = {name: [] for name in chosen}
    chosen.sort(key=lambda name: (packages[name].attributes.get("mark") == "auto", name))
    for root in [*chosen, *sorted(packages)]:
        if root not in owner:  # a circle of packages that need each other
            owner[root], followers[root] = "", []
        if not owner[root]:
            _follow(root, needs=needs, owner=owner, found=followers[root])
    _adopt(packages, followers)
    return {name: tuple(sorted(found)) for name, found in followers.items()}


def without_version(name: str) -> str:
    """linux-image-6.1.0-25-amd64 and -6.1.0-28-amd64 are one package in two versions."""
    return _VERSION_IN_NAME.sub("#", name)


def _follow(
    root: str, *, needs: Mapping[str, list[str]], owner: dict[str, str], found: list[str]
) -> None:
    waiting = [root]
    while waiting:
        for name in needs[waiting.pop()]:
            if name not in owner:
                owner[name] = root
                found.append(name)
                waiting.append(name)


def _adopt(packages: Mapping[str, Fact], followers: dict[str, list[str]]) -> None:
    """What no dependency explains came as a recommendation, of a chosen package near to it."""
    for name in sorted(followers):
        fact = packages[name]
        if fact.attributes.get("mark") != "auto":
            continue
        near = [
            (len(found), root)
            for root, found in followers.items()
            if packages[root].attributes.get("mark") != "auto"
            and found
            and packages[root].evidence.get("section") == fact.evidence.get("section", "none")
        ]
        if near:
            followers[max(near)[1]] += [name, *followers.pop(name)]


def _needs_of(fact: Fact, packages: Mapping[str, Fact]) -> list[str]:
    told = (fact.evidence.get("depends", ""), fact.evidence.get("recommends", ""))
    words = re.split(r"[,|]", ",".join(told))
    names = (re.split(r"[\s(:]", word.strip(), maxsplit=1)[0] for word in words)
    return [name for name in names if name in packages and name != fact.key]


def _decide_marks(ours: Fact, theirs: Fact | None, chosen: Mapping[str, set[str]]) -> None:
    held = ours.attributes.get("hold", "")
    if held != (theirs.attributes.get("hold", "") if theirs else ""):
        chosen["hold" if held else "unhold"].add(ours.key)
    if is_installed(theirs) and theirs is not None:
        mark = ours.attributes.get("mark", "manual")
        if mark != theirs.attributes.get("mark", "manual") and mark in chosen:
            chosen[mark].add(ours.key)


def _safe(chosen: Mapping[str, set[str]]) -> PackageDecisions:
    """A name becomes an argument of apt: only what can be one."""
    strange = {name for names in chosen.values() for name in names if not _NAME.match(name)}
    lists = {key: tuple(sorted(names - strange)) for key, names in chosen.items()}
    lists["not_replayable"] = tuple(sorted({*lists["not_replayable"], *strange}))
    return PackageDecisions(**lists)
