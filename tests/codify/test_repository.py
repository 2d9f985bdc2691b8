"""Branches in a real git repository: what the person has checked out stays untouched."""

import os
from pathlib import Path

import pytest

from releve.adapters.git.repository import GitRepository
from releve.errors import PlanError
from releve.ports.team_repository import CommitDraft
from tests.codify.builders import git, make_repository

FILES = {"site.yml": b"---\n", "roles/x/tasks/main.yml": b"---\n", "run.sh": b"#!/bin/sh\n"}
DRAFTS = (
    CommitDraft("Codify: one\n\nWhy.\n", {"site.yml": b"--- # changed\n"}),
    CommitDraft("Codify: two\n", {"roles/y/files/crlf": b"a\r\nb\r\n\x00\xff"}),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "team", FILES)


def test_a_branch_gets_one_commit_per_draft_and_nothing_else_moves(repository: Path) -> None:
    (repository / "site.yml").write_bytes(b"--- # being edited\n")
    git(repository, "add", "site.yml")
    (repository / "untracked").write_bytes(b"x")
    before = [
        git(repository, *words) for words in (("status", "--porcelain"), ("rev-parse", "HEAD"))
    ]
    index = (repository / ".git" / "index").read_bytes()
    team = GitRepository(repository)
    commits = team.make_branch("releve/catch-up", team.head(), DRAFTS)
    after = [
        git(repository, *words) for words in (("status", "--porcelain"), ("rev-parse", "HEAD"))
    ]
    assert before == after
    assert (repository / ".git" / "index").read_bytes() == index
    listed = git(repository, "log", "--format=%H %an %s", "main..releve/catch-up").splitlines()
    assert listed == [f"{commits[1]} Anne Codify: two", f"{commits[0]} Anne Codify: one"]
    assert git(repository, "show", "releve/catch-up:site.yml") == "--- # changed"
    assert git(repository, "diff", "--name-only", "main", "releve/catch-up").splitlines() == [
        "roles/y/files/crlf",
        "site.yml",
    ]


def test_bytes_are_kept_whatever_filters_the_team_has(repository: Path) -> None:
    (repository / ".gitattributes").write_text("* text=auto eol=lf filter=shout\n")
    git(repository, "config", "filter.shout.clean", "tr a-z A-Z")
    git(repository, "config", "core.autocrlf", "true")
    git(repository, "commit", "--quiet", "--all", "--message=x", "--allow-empty")
    team = GitRepository(repository)
    (commit,) = team.make_branch("one", team.head(), DRAFTS[1:])
    assert team.read_files(commit)["roles/y/files/crlf"] == b"a\r\nb\r\n\x00\xff"


def test_no_hook_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "hook-ran"
    for name in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
    ):
        hook = repository / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
        hook.chmod(0o755)
    team = GitRepository(repository)
    commits = team.make_branch("one", team.head(), DRAFTS)
    with team.check_out(commits[-1]):
        pass
    assert not canary.exists()


def test_an_existing_branch_is_never_moved(repository: Path) -> None:
    team = GitRepository(repository)
    git(repository, "branch", "taken")
    with pytest.raises(PlanError, match="exists already") as caught:
        team.make_branch("taken", team.head(), DRAFTS)
    assert "--branch" in caught.value.remedy
    assert git(repository, "rev-parse", "taken") == team.head()


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "x.lock", "", "@{-1}", "a\nb"])
def test_a_name_that_is_none_is_refused(repository: Path, name: str) -> None:
    team = GitRepository(repository)
    with pytest.raises(PlanError):
        team.make_branch(name, team.head(), DRAFTS)
    assert git(repository, "branch", "--format=%(refname:short)") == "main"


def test_playbooks_in_a_directory_of_a_larger_repository(tmp_path: Path) -> None:
    files = {f"ansible/{path}": content for path, content in FILES.items()}
    top = make_repository(tmp_path / "team", {**files, "README": b"x"})
    team = GitRepository(top / "ansible")
    assert set(team.read_files(team.head())) == set(FILES)
    (commit,) = team.make_branch("one", team.head(), DRAFTS[:1])
    assert git(top, "show", f"{commit}:ansible/site.yml") == "--- # changed"
    with team.check_out(commit) as directory:
        assert (directory / "site.yml").read_bytes() == b"--- # changed\n"
        assert directory.name == "ansible"


def test_a_checkout_has_what_git_ignores_and_leaves_nothing_behind(repository: Path) -> None:
    (repository / ".gitignore").write_text("vault-password\ngalaxy/\n")
    git(repository, "add", ".gitignore")
    git(repository, "commit", "--quiet", "--message=x")
    (repository / "vault-password").write_text("secret")
    (repository / "galaxy").mkdir()
    (repository / "galaxy" / "role").write_text("x")
    team = GitRepository(repository)
    (commit,) = team.make_branch("one", team.head(), DRAFTS[:1])
    with team.check_out(commit) as directory:
        assert (directory / "vault-password").read_text() == "secret"
        assert (directory / "galaxy" / "role").read_text() == "x"
    assert not directory.exists()
    assert (repository / "vault-password").read_text() == "secret"
    assert (repository / "galaxy" / "role").exists()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_an_executable_stays_executable(repository: Path) -> None:
    (repository / "run.sh").chmod(0o755)
    git(repository, "commit", "--quiet", "--all", "--message=x")
    team = GitRepository(repository)
    (commit,) = team.make_branch(
        "one", team.head(), [CommitDraft("x", {"run.sh": b"#!/bin/sh\n:\n"})]
    )
    assert git(repository, "ls-tree", commit, "run.sh").startswith("100755")


def test_uncommitted_changes_are_listed(repository: Path) -> None:
    (repository / "site.yml").write_bytes(b"--- # being edited\n")
    (repository / "untracked").write_bytes(b"x")
    assert GitRepository(repository).list_uncommitted() == ("site.yml",)


def test_links_are_no_files_to_change(repository: Path) -> None:
    (repository / "link").symlink_to("/etc/shadow")
    git(repository, "add", "link")
    git(repository, "commit", "--quiet", "--message=x")
    team = GitRepository(repository)
    assert "link" not in team.read_files(team.head())


def test_outside_git_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="in no git repository") as caught:
        GitRepository(tmp_path)
    assert "git init" in caught.value.remedy


def test_without_a_name_git_says_who_must_be_told(repository: Path) -> None:
    git(repository, "config", "--unset", "user.name")
    git(repository, "config", "--unset", "user.email")
    git(repository, "config", "user.useConfigOnly", "true")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    team = GitRepository(repository, environment)
    with pytest.raises(PlanError, match="who you are"):
        team.make_branch("one", team.head(), DRAFTS)
    assert git(repository, "branch", "--format=%(refname:short)") == "main"
