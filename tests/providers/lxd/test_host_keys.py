"""Host keys: only what is exactly a key is one."""

import base64
import subprocess
from pathlib import Path

import pytest

from releve.errors import Refused
from releve.model.host_key_text import parse_public_key
from releve.providers.lxd.host_keys import KEY_FILES, describe_private_key

PASSPHRASE = "canary-of-the-passphrase"  # noqa: S105 - of a key that this test makes


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "ecdsa", "rsa"):
        make_key(directory / kind, "-t", kind)
    make_key(directory / "pem", "-t", "rsa", "-m", "PEM")
    make_key(directory / "p384", "-t", "ecdsa", "-b", "384")
    make_key(directory / "locked", "-t", "ed25519", passphrase=PASSPHRASE)
    return directory


def make_key(path: Path, *options: str, passphrase: str = "") -> None:
    argv = ["ssh-keygen", "-q", "-N", passphrase, "-C", "a comment", *options, "-f", str(path)]
    subprocess.run(argv, check=True)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_real_key_is_read_and_its_private_half_belongs_to_it(keys: Path, kind: str) -> None:
    key = parse_public_key((keys / f"{kind}.pub").read_bytes())
    assert key is not None
    path, public = describe_private_key((keys / kind).read_text())
    assert public == key
    assert path == KEY_FILES[key.algorithm] == f"/etc/ssh/ssh_host_{kind}_key"


def test_what_is_no_key_is_none(keys: Path) -> None:
    good = (keys / "ed25519.pub").read_bytes().split()
    other = (keys / "rsa.pub").read_bytes().split()
    junk = [
        b"",
        b"\n",
        b"ssh-ed25519",
        good[1],
        good[0] + b" " + other[1],  # outside and inside differ
        other[0] + b" " + good[1],
        good[0] + b" " + good[1][:-2],
        good[0] + b" " + good[1] + b"\n" + good[0] + b" " + good[1],  # two
        b"* " + good[0] + b" " + good[1],  # a known_hosts pattern
        b"@cert-authority * " + good[0] + b" " + good[1],
        b"ssh-dss " + base64.b64encode(b"\0\0\0\x07ssh-dss" + b"x" * 40),
        b"ssh-ed25519 " + base64.b64encode(b"\xff\xff\xff\xffssh-ed25519"),
        b"\x00" * 100,
        b"ssh-ed25519 \xff\xfe",
        b"ssh-ed25519 " + b"A" * 1_000_000,
        (keys / "p384.pub").read_bytes(),
        (keys / "ed25519").read_bytes(),
    ]
    assert [content for content in junk if parse_public_key(content) is not None] == []


@pytest.mark.parametrize("name", ["pem", "p384", "locked", "ed25519.pub", "nothing"])
def test_a_private_key_that_sshd_could_not_load_is_refused(keys: Path, name: str) -> None:
    text = (keys / name).read_text() if name != "nothing" else ""
    with pytest.raises(Refused) as caught:
        describe_private_key(text)
    assert "ssh-keygen" in caught.value.remedy
    assert PASSPHRASE not in str(caught.value)
