"""releve codify: write what differs into the playbooks, on a branch, and prove it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from releve.cli.autopsy import EXIT_NOT_ALL_DONE
from releve.cli.recover import PlanOption

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from collections.abc import Mapping, Sequence

    from releve.cli.terminal import Terminal
    from releve.codify.hand_over import Proposal
    from releve.model.finding import Finding


def register(app: typer.Typer) -> None:
    app.command("codify")(codify)


def codify(  # noqa: PLR0913 - each is an argument or an option of the command
    host: Annotated[str, typer.Argument(help="the host's name in the plan")],
    fingerprints: Annotated[
        list[str] | None, typer.Argument(help="as `releve findings` lists them; none: all open")
    ] = None,
    *,
    branch: Annotated[str, typer.Option("--branch", help="name of the new branch")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the changes, make none")] = False,
    prove: Annotated[bool, typer.Option("--prove", help="drill the branch afterwards")] = False,
    plan: PlanOption = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Write findings into the playbooks: a branch with one commit each; nothing is pushed."""
    from releve.cli.codifying import Codifying
    from releve.cli.terminal import Terminal
    from releve.codify.hand_over import make_branch
    from releve.plan.loading import find_plan, load_plan
    from releve.wiring import open_state

    loaded = load_plan(plan or find_plan(Path.cwd()))
    codifying = Codifying(loaded, host, open_state(), as_json=json)
    chosen = codifying.choose(fingerprints or [])
    proposal = codifying.propose(chosen)
    name = branch or codifying.name_branch()
    terminal = Terminal()
    commits: tuple[str, ...] = ()
    if proposal.plan.changes and not dry_run:
        commits = make_branch(proposal, name, codifying.repository)
    refused = codifying.prove(proposal, name, commits) if prove and commits else {}
    if json:
        terminal.json(_to_json(proposal, name, commits=commits, refused=refused))
    else:
        _tell(terminal, proposal, commits=commits)
        _tell_next(terminal, host, name, commits=commits, is_dry=dry_run)
        if prove and commits:
            _tell_proof(terminal, [change.finding for change in proposal.plan.changes], refused)
    if refused:
        raise typer.Exit(EXIT_NOT_ALL_DONE)


def _tell(terminal: "Terminal", proposal: "Proposal", *, commits: "Sequence[str]") -> None:
    from releve.codify.message import show, tell_left_out

    for index, change in enumerate(proposal.plan.changes):
        commit = commits[index][:10] if commits else "would change"
        terminal.line(f"{commit}  {show(change.finding.title)}", style="bold")
        for reason in change.reasons:
            terminal.line(f"  {reason}")
        for path in change.files:
            terminal.line(f"    {path}")
        for left in change.left_out:
            terminal.line(f"  not in it: {tell_left_out(left)}")
    for refused in proposal.plan.not_codifiable:
        terminal.line(f"not codifiable  {show(refused.finding.title)}", style="bold")
        for left in refused.left_out:
            terminal.line(f"  {tell_left_out(left)}")


def _tell_next(
    terminal: "Terminal", host: str, branch: str, *, commits: "Sequence[str]", is_dry: bool
) -> None:
    if commits:
        terminal.line(f"{len(commits)} commits on the branch {branch}; nothing was pushed.")
        terminal.line(f"Next: git diff HEAD...{branch}")
    elif is_dry:
        terminal.line(f"Nothing was changed. Next: releve codify {host}")
    else:
        terminal.line(f"There is nothing to write. Next: releve findings {host}")


def _tell_proof(
    terminal: "Terminal", findings: "Sequence[Finding]", refused: "Mapping[str, str]"
) -> None:
    """A reason that holds for many is said once."""
    from releve.codify.message import show

    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(refused.get(finding.fingerprint, ""), []).append(finding)
    for why, ones in sorted(by_reason.items()):
        said = f"not proven: {why}" if why else "codified: proven on a fresh twin"
        terminal.line(f"{len(ones)} {said}", style="bold")
        for finding in ones:
            terminal.line(f"  {finding.fingerprint}  {show(finding.title)}")


def _to_json(
    proposal: "Proposal", branch: str, *, commits: "Sequence[str]", refused: "Mapping[str, str]"
) -> dict[str, Any]:
    from itertools import zip_longest

    from releve.codify.message import show, tell_left_out

    return {
        "branch": branch if commits else None,
        "from": proposal.commit,
        "changes": [
            {
                "fingerprint": change.finding.fingerprint,
                "title": show(change.finding.title),
                "commit": commit,
                "files": list(change.files),
                "reasons": list(change.reasons),
                "left_out": [tell_left_out(left) for left in change.left_out],
                "not_proven": refused.get(change.finding.fingerprint),
            }
            for change, commit in zip_longest(proposal.plan.changes, commits)
        ],
        "not_codifiable": [
            {
                "fingerprint": found.finding.fingerprint,
                "title": show(found.finding.title),
                "reasons": [tell_left_out(left) for left in found.left_out],
            }
            for found in proposal.plan.not_codifiable
        ],
    }
