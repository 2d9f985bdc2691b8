"""The proof of `releve codify --prove`: drill the branch, then hold its twin against the host."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releve.codify.hand_over import Proof, Proposal, conclude
from releve.model.finding import FindingState
from releve.plan.loading import LoadedPlan, load_plan
from releve.ports.team_repository import TeamRepository
from releve.recovery.ledger.of_host import Sources, TwinChoice, account_for, volumes_of
from releve.wiring import State

# Drills what the plan says, with the repository beside it: its run, and what speaks against it.
Drill = Callable[[LoadedPlan, str], tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Branch:
    name: str
    commits: Sequence[str]
    repository: TeamRepository


@dataclass(frozen=True)
class Proving:
    loaded: LoadedPlan
    host: str
    state: State
    at: str
    drill: Drill

    def prove(self, proposal: Proposal, branch: Branch) -> Mapping[str, str]:
        """Why a finding is not codified, by fingerprint; the others are decided CODIFIED."""
        from releve.adapters.ansible.lint import lint_branch

        with branch.repository.check_out(branch.commits[-1]) as directory:
            complaint = lint_branch(
                directory,
                changed={path for change in proposal.plan.changes for path in change.files},
                check_out_base=lambda: branch.repository.check_out(proposal.commit),
                environment=dict(os.environ),
            )
            loaded = load_plan(directory / self.loaded.path.name)
            run_id, reasons = self.drill(loaded, self.host)
        against = (*reasons, *((complaint,) if complaint else ()))
        gone = frozenset[str]() if against else self._find_gone(proposal, run_id)
        proof = Proof(run_id, gone, against)
        return conclude(
            proposal,
            proof,
            branch=branch.name,
            commits=branch.commits,
            findings=self.state.findings,
            at=self.at,
        )

    def _find_gone(self, proposal: Proposal, run_id: str) -> frozenset[str]:
        """Of the findings codified, those in which the branch's twin and the live scan agree."""
        state = self.state
        ledger = account_for(
            self.host,
            Sources(state.observed, state.findings, state.journal),
            volumes=volumes_of(self.loaded.host(self.host)),
            at=self.at,
            twin=TwinChoice(run_id=run_id),
        )
        left = {
            one.finding.fingerprint for one in ledger.findings if one.state is not FindingState.GONE
        }
        written = {change.finding.fingerprint for change in proposal.plan.changes}
        return frozenset(written - left)
