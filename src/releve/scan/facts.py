"""Facts other than files, as they come from a server: strict shapes, sorted here."""

from collections.abc import Mapping
from typing import Any

from releve.model.fact_shapes import SHAPES
from releve.model.observed import Fact, FactKind, sort_facts
from releve.scan.malformed import malformed
from releve.scan.request import ScanBounds


class FactCollection:
    def __init__(self, bounds: ScanBounds) -> None:
        self._bounds = bounds
        self._facts: dict[tuple[str, str], Fact] = {}

    def add_line(self, value: list[Any]) -> None:
        """`["f", kind, key, attributes, evidence]`; CommandFailed where it breaks a bound."""
        _, kind, key, attributes, evidence = value
        if len(key) > self._bounds.key_bytes or not key:
            raise malformed("a fact has no key, or one that is too long", text=key)
        if not self._is_texts(attributes) or not self._is_texts(evidence):
            raise malformed("a fact holds something other than short texts", text=key)
        if kind not in SHAPES or kind == FactKind.FILE:
            self.note(kind[:200], "this version knows no such kind")
            return
        self._add(FactKind(kind), key, attributes=attributes, evidence=evidence)

    def note(self, key: str, why: str) -> None:
        """A blind spot."""
        self._keep(Fact(FactKind.NOT_CHECKED, key, {"why": why}))

    def sorted(self) -> list[Fact]:
        return sort_facts(self._facts.values())

    def _add(
        self,
        kind: FactKind,
        key: str,
        *,
        attributes: Mapping[str, str],
        evidence: Mapping[str, str],
    ) -> None:
        shape = SHAPES[kind]
        for name in (
            *(set(attributes) - {*shape.attributes}),
            *(set(evidence) - {*shape.evidence}),
        ):
            self.note(f"{kind}:{name[:200]}", "this version knows no such attribute")
        self._keep(
            Fact(
                kind,
                key,
                {name: attributes[name] for name in shape.attributes if name in attributes},
                {name: evidence[name] for name in shape.evidence if name in evidence},
            )
        )

    def _keep(self, fact: Fact) -> None:
        place = (fact.kind, fact.key)
        earlier = self._facts.get(place)
        if earlier is None:
            if len(self._facts) >= self._bounds.facts:
                raise malformed(f"there are more than {self._bounds.facts} facts besides files")
            self._facts[place] = fact
        elif earlier.attributes != fact.attributes and fact.kind is not FactKind.NOT_CHECKED:
            self.note(
                f"{fact.kind}:{fact.key}"[: self._bounds.key_bytes], "there twice, differently"
            )

    def _is_texts(self, value: dict[str, Any]) -> bool:
        return all(
            type(text) is str and len(text) <= self._bounds.value_bytes for text in value.values()
        )
