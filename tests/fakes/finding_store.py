"""Findings and noise in memory."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from releve.errors import PlanError
from releve.model.finding import Decision, Finding, TrackedFinding
from releve.model.finding_life import Sighting, first_sighting, in_order, track
from releve.model.noise import NoiseMark
from releve.ports.finding_store import FindingStore


class FakeFindingStore(FindingStore):
    def __init__(self) -> None:
        self._findings: dict[tuple[str, str], tuple[Finding, Sighting]] = {}
        self._decisions: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        self._noise: dict[tuple[str, str], dict[NoiseMark, NoiseMark]] = defaultdict(dict)

    def save_findings(self, host: str, findings: Sequence[Finding], *, at: str) -> None:
        now = {(host, finding.fingerprint): finding for finding in findings}
        for name, finding in now.items():
            _, known = self._findings.get(name, (finding, None))
            sighting = known.seen_again(at) if known else first_sighting(at)
            self._findings[name] = (finding, sighting)
        for name, (finding, sighting) in self._findings.items():
            if name[0] == host and name not in now:
                self._findings[name] = (finding, replace(sighting, gone=True))

    def list_findings(self, host: str, *, at: str) -> tuple[TrackedFinding, ...]:
        return in_order(
            [
                track(finding, sighting, self._decisions[name], at=at)
                for name, (finding, sighting) in self._findings.items()
                if name[0] == host
            ]
        )

    def decide(self, decision: Decision) -> None:
        name = (decision.host, decision.fingerprint)
        if name not in self._findings:
            known = [fingerprint for host, fingerprint in self._findings if host == decision.host]
            near = difflib.get_close_matches(decision.fingerprint, known, n=3)
            raise PlanError(
                f"{decision.host} has no finding {decision.fingerprint!r}",
                why=f"near: {', '.join(near)}" if near else "",
                remedy="List the findings of a host with `releve findings HOST`",
            )
        self._decisions[name].append(decision)

    def read_decisions(self, host: str, fingerprint: str) -> tuple[Decision, ...]:
        return tuple(self._decisions[host, fingerprint])

    def save_noise(self, host: str, base_image: str, marks: Iterable[NoiseMark]) -> None:
        for mark in marks:
            name = replace(mark, learned_from="")
            self._noise[host, base_image].setdefault(name, mark)

    def read_noise(self, host: str, base_image: str) -> frozenset[NoiseMark]:
        return frozenset(self._noise[host, base_image].values())
