"""The controller's key is added to those that an image holds, and takes none of them away."""

import pytest

from releve.providers.lxd.creation import missing_keys

OURS = ("ssh-ed25519 AAAA controller",)


@pytest.mark.parametrize(
    ("present", "added"),
    [
        (b"", b"ssh-ed25519 AAAA controller\n"),
        (b"ssh-rsa BBBB alice\n", b"ssh-ed25519 AAAA controller\n"),
        (b"ssh-rsa BBBB alice", b"\nssh-ed25519 AAAA controller\n"),
        (b"ssh-ed25519 AAAA controller\nssh-rsa BBBB alice\n", b""),
    ],
)
def test_only_what_is_missing_is_added(present: bytes, added: bytes) -> None:
    assert missing_keys(present, OURS) == added
