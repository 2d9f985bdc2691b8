"""The example host's drift as changes to the example repository, as the team would read them."""

import difflib
from collections.abc import Iterator

import pytest
from syrupy.assertion import SnapshotAssertion

from releve.codify.message import write_message
from releve.codify.plan import plan_changes
from releve.codify.types import Change, CodifyPlan
from tests.codify.blog_findings import LIVE, SECRETS, list_findings, list_touches
from tests.codify.builders import BLOG, fake_encrypt, read_tree, situation

FILES = read_tree(BLOG)
FINDINGS = list_findings(FILES)
TOUCHES = list_touches(FILES)
WITHOUT_CHANGE = {"local package"}


def plan(*words: str, encrypts: bool = True) -> CodifyPlan:
    chosen = [FINDINGS[word] for word in words or FINDINGS]
    given = situation(
        FILES,
        live=LIVE,
        touches=TOUCHES,
        findings=tuple(FINDINGS.values()),
        encrypt=fake_encrypt if encrypts else None,
    )
    return plan_changes(chosen, given)


def show_diff(change: Change) -> Iterator[str]:
    for path, content in change.files.items():
        before = FILES.get(path, b"").decode().splitlines()
        yield from difflib.unified_diff(
            before, content.decode().splitlines(), path, path, n=1, lineterm=""
        )


def all_bytes(planned: CodifyPlan) -> bytes:
    files = [content for change in planned.changes for content in change.files.values()]
    return b"\n".join([*files, *(write_message(change).encode() for change in planned.changes)])


@pytest.mark.parametrize("word", sorted(set(FINDINGS) - WITHOUT_CHANGE))
def test_one_finding_alone_is_a_change_that_a_team_can_read(
    word: str, snapshot: SnapshotAssertion
) -> None:
    planned = plan(word)
    assert not planned.not_codifiable
    (change,) = planned.changes
    assert not change.left_out
    message = write_message(change).replace(change.finding.fingerprint, "FINGERPRINT")
    assert "\n".join([message, *show_diff(change)]) == snapshot


def test_all_together_each_is_one_change_that_builds_on_those_before() -> None:
    planned = plan()
    assert {found.finding.title for found in planned.not_codifiable} == {
        FINDINGS["local package"].title
    }
    assert len(planned.changes) == len(FINDINGS) - 1
    assert all(change.files and change.reasons for change in planned.changes)


def test_no_secret_is_in_any_byte_that_is_handed_over() -> None:
    everything = all_bytes(plan())
    assert [secret for secret in SECRETS if secret.encode() in everything] == []


@pytest.mark.parametrize("word", ["settings with secrets", "private key", "job with a secret"])
def test_without_a_vault_password_a_secret_is_not_codified(word: str) -> None:
    planned = plan(word, encrypts=False)
    left = [*planned.not_codifiable[0].left_out] if planned.not_codifiable else []
    left += [found for change in planned.changes for found in change.left_out]
    assert any("vault password" in found.reason for found in left)
    assert not [secret for secret in SECRETS if secret.encode() in all_bytes(planned)]


def test_a_local_package_is_said_to_be_impossible_to_rebuild() -> None:
    (found,) = plan("local package").not_codifiable
    assert "no scan can rebuild" in found.left_out[0].reason


def test_the_same_finding_twice_is_written_once() -> None:
    first = plan("sudo").changes[0]
    twice = plan_changes(
        [FINDINGS["sudo"]],
        situation({**FILES, **first.files}, live=LIVE, touches=TOUCHES, encrypt=fake_encrypt),
    )
    assert twice.changes == ()


def test_the_plan_is_the_same_every_time() -> None:
    assert plan() == plan()
