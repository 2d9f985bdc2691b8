"""From findings to a branch in a real repository, and to decisions: no secret is left anywhere."""

import os
import zlib
from pathlib import Path

import pytest

from releve.adapters.ansible.vault import encrypt_text
from releve.adapters.git.repository import GitRepository
from releve.adapters.store import open_store
from releve.codify.hand_over import (
    Proof,
    Proposal,
    Sources,
    conclude,
    make_branch,
    propose,
)
from releve.codify.types import RepositoryView
from releve.errors import PlanError
from releve.model.finding import FindingState
from tests.codify.blog_findings import LIVE, SECRETS, list_findings
from tests.codify.builders import BLOG, fake_encrypt, git, make_repository, read_tree
from tests.fakes.finding_store import FakeFindingStore
from tests.fakes.observed_store import FakeObservedStore

FILES = read_tree(BLOG)
AT = "2027-01-31T12:00:00+00:00"
VIEW = RepositoryView(
    "blog", {}, "site.yml", ("inventory/hosts.yml",), {"all": frozenset({"blog"})}
)
WORDS = ("sudo", "settings with secrets", "private key", "job with a secret", "local package")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    directory = make_repository(tmp_path / "team", FILES)
    (directory / "vault-password").chmod(0o755)
    return directory


def propose_on(repository: Path, *words: str, real_vault: bool = False) -> Proposal:
    found = list_findings(FILES)

    def encrypt(clear: bytes) -> bytes:
        return encrypt_text(repository, clear, environment=dict(os.environ))

    sources = Sources(
        repository=GitRepository(repository),
        observed=FakeObservedStore(),
        journal=open_store(repository.parent / "state", "")[0],
        fetch=lambda paths: {path: LIVE[path] for path in paths if path in LIVE},
        fetch_logins=lambda _accounts: {},
        encrypt=encrypt if real_vault else fake_encrypt,
        drill_id="",
    )
    chosen = [found[word] for word in words or WORDS]
    return propose(chosen, open_findings=list(found.values()), view=VIEW, sources=sources)


def every_byte(directory: Path) -> bytes:
    """Of each file, and of each git object as git would unpack it."""
    parts = []
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            raw = path.read_bytes()
            parts.append(raw)
            if path.parent.parent.name == "objects":
                parts.append(zlib.decompress(raw))
    return b"\n".join(parts)


def test_a_branch_with_one_commit_per_finding_and_no_secret_in_any_byte(repository: Path) -> None:
    """The real vault decrypts what was written, so the secrets are there, and only there."""
    proposal = propose_on(repository, real_vault=True)
    commits = make_branch(proposal, "releve/x", GitRepository(repository))
    assert len(commits) == len(WORDS) - 1
    assert len(proposal.plan.not_codifiable) == 1
    everything = every_byte(repository)
    assert b"Releve-Finding: " in everything
    assert [word for word in SECRETS if word.encode() in everything] == []
    vaulted = git(repository, "show", "releve/x:roles/catch_up_blog/files/etc/ssl/private/shop.key")
    assert vaulted.startswith("$ANSIBLE_VAULT;")
    assert git(repository, "status", "--porcelain") == "M vault-password"  # its mode, by the test


def test_what_a_person_is_changing_is_not_changed_under_them(repository: Path) -> None:
    (repository / "site.yml").write_bytes(FILES["site.yml"] + b"# being edited\n")
    proposal = propose_on(repository, "sudo")
    assert proposal.overlapping == ("site.yml",)
    with pytest.raises(PlanError, match="not committed"):
        make_branch(proposal, "releve/x", GitRepository(repository))
    assert git(repository, "branch", "--format=%(refname:short)") == "main"


def test_a_change_elsewhere_does_not_stop_it(repository: Path) -> None:
    (repository / "README.md").write_bytes(b"being edited\n")
    proposal = propose_on(repository, "sudo")
    assert make_branch(proposal, "releve/x", GitRepository(repository))


@pytest.mark.parametrize(
    ("gone", "against", "state"),
    [
        (True, (), FindingState.CODIFIED),
        (False, (), FindingState.OPEN),
        (True, ("the second converge changed 1 task(s) again",), FindingState.OPEN),
    ],
)
def test_only_a_proof_makes_a_finding_codified(
    repository: Path, *, gone: bool, against: tuple[str, ...], state: FindingState
) -> None:
    proposal = propose_on(repository, "sudo")
    finding = proposal.plan.changes[0].finding
    store = FakeFindingStore()
    store.save_findings("blog", [finding], at=AT)
    found_gone = frozenset({finding.fingerprint} if gone else ())
    refused = conclude(
        proposal,
        Proof("run-1", found_gone, against),
        branch="releve/x",
        commits=["c" * 40],
        findings=store,
        at=AT,
    )
    (tracked,) = store.list_findings("blog", at=AT)
    assert tracked.state is state
    assert (finding.fingerprint in refused) is (state is FindingState.OPEN)
    if state is FindingState.CODIFIED:
        assert tracked.decision is not None
        assert tracked.decision.evidence == {
            "branch": "releve/x",
            "commit": "c" * 40,
            "run": "run-1",
        }
