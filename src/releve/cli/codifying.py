"""What `releve codify` puts together: the findings, the team's repository, the live host."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property

from releve.cli.driving import Manner, carry_out_drill
from releve.cli.proving import Branch, Proving
from releve.cli.rehearsing import Ground, clean_up
from releve.cli.rehearsing import propose as propose_run
from releve.codify.hand_over import Proposal, Sources, propose
from releve.codify.plan import ACCOUNT_FILES
from releve.codify.types import RepositoryView
from releve.drill.lasting import verdict_of
from releve.drill.rehearse import Choices
from releve.drill.verdict import Readiness
from releve.errors import PlanError, ReleveError
from releve.model.finding import Finding, FindingState
from releve.plan.loading import LoadedPlan
from releve.ports.observed_store import MOST_CONTENT_BYTES
from releve.ports.outside import Outside
from releve.ports.team_repository import TeamRepository
from releve.recovery.fingerprint import commit_of
from releve.recovery.ledger.deciding import choose_finding
from releve.recovery.ledger.of_host import TwinChoice, choose_twin
from releve.recovery.scan_of_host import read_live_contents, read_live_logins
from releve.wiring import State, connect, open_repository, open_vault, read_inventory_groups


class Codifying:
    def __init__(
        self, loaded: LoadedPlan, host: str, state: State, *, as_json: bool = False
    ) -> None:
        self._as_json = as_json
        self._loaded = loaded
        self._host = host
        self._plan = loaded.host(host)
        self._state = state
        self._now = state.clock.now().isoformat(timespec="seconds")

    @cached_property
    def repository(self) -> TeamRepository:
        return open_repository(self._loaded.repository)

    @cached_property
    def _outside(self) -> Outside:
        return connect(self._loaded.plan.provider, state=self._state)

    def name_branch(self) -> str:
        return f"releve/catch-up-{self._host}-{self._now[:10]}"

    def choose(self, given: Sequence[str]) -> list[Finding]:
        """All open ones, or those named, whatever their state."""
        tracked = self._state.findings.list_findings(self._host, at=self._now)
        if given:
            named = [choose_finding(tracked, one, host=self._host) for one in given]
            return list({one.finding.fingerprint: one.finding for one in named}.values())
        found = [one.finding for one in tracked if one.state is FindingState.OPEN]
        if not found:
            raise PlanError(
                f"{self._host} has no open finding",
                why="there is nothing to write into the playbooks",
                remedy=f"run `releve drill {self._host}` and `releve ledger {self._host}` first",
            )
        return found

    def propose(self, findings: Sequence[Finding]) -> Proposal:
        open_ones = self._state.findings.list_findings(self._host, at=self._now)
        sources = Sources(
            repository=self.repository,
            observed=self._state.observed,
            journal=self._state.journal,
            fetch=self._fetch,
            fetch_logins=self._fetch_logins,
            encrypt=open_vault(self._loaded.repository),
            drill_id=self._find_drill(),
        )
        return propose(
            findings,
            open_findings=[one.finding for one in open_ones if one.state is FindingState.OPEN],
            view=self._view(),
            sources=sources,
        )

    def prove(self, proposal: Proposal, branch: str, commits: Sequence[str]) -> Mapping[str, str]:
        """Why a finding is not codified yet, by fingerprint; the others are decided."""
        proving = Proving(self._loaded, self._host, self._state, self._now, self._drill)
        return proving.prove(proposal, Branch(branch, commits, self.repository))

    def _drill(self, loaded: LoadedPlan, host: str) -> tuple[str, tuple[str, ...]]:
        ground = Ground(loaded, self._state, Manner(self._as_json, "en"))
        clean_up(ground, host=host)
        run = propose_run(ground, host, Choices(twins=1, image=False))
        record = carry_out_drill(run, self._state, ground.manner)
        verdict = verdict_of(self._state.journal.read_events(record.input.run_id))
        if verdict is None:
            return run.run_id, ("the drill of the branch came to no verdict",)
        is_ready = verdict.readiness is Readiness.READY
        return run.run_id, () if is_ready else (*verdict.reasons,) or ("the drill said no",)

    def _find_drill(self) -> str:
        """As the ledger chooses it, so that both speak of the same twin."""
        choice = TwinChoice(commit=commit_of(self._loaded.repository))
        twin = choose_twin(self._host, self._state.observed, choice)
        return twin.run_id if twin else ""

    def _fetch(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """What the live host has now; nothing where it does not answer, which is said later."""
        try:
            bodies = read_live_contents(self._host, self._plan, self._outside, paths=paths)
        except ReleveError:
            return {}
        for content in bodies.values():
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            if len(content) <= MOST_CONTENT_BYTES and content != bodies.get(ACCOUNT_FILES):
                self._state.observed.save_content(self._host, digest, content)
        return bodies

    def _fetch_logins(self, accounts: Sequence[str]) -> Mapping[str, str]:
        """As _fetch, and kept nowhere."""
        try:
            return read_live_logins(self._host, self._plan, self._outside, accounts=accounts)
        except ReleveError:
            return {}

    def _view(self) -> RepositoryView:
        converge = self._plan.converge
        sources = tuple(converge.inventory)
        return RepositoryView(
            host=converge.name or self._host,
            files={},
            playbook=converge.playbook,
            inventory=sources,
            groups=read_inventory_groups(self._loaded.repository, sources, converge.playbook),
        )
