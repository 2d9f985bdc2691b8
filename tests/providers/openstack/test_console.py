"""Host keys out of a console log, which is whatever the instance says."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.errors import Ambiguous
from releve.model.resources import HostKey
from releve.providers.openstack.host_keys import parse_console
from tests.providers.openstack.cloud_double import INSTANCE, Asked, Reply, everything, failure, ok
from tests.providers.openstack.conftest import Meet

BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
END = "-----END SSH HOST KEY KEYS-----"


def make_key(algorithm: str = "ssh-ed25519") -> str:
    name = algorithm.encode()
    wire = len(name).to_bytes(4, "big") + name + b"\0\0\0\x20" + secrets.token_bytes(32)
    return f"{algorithm} {base64.b64encode(wire).decode()}"


def write_block(*lines: str) -> str:
    return "\n".join([BEGIN, *lines, END])


def parse(text: str) -> tuple[HostKey, ...]:
    return parse_console(text, instance_id=INSTANCE)


def test_the_block_is_read_among_all_that_a_boot_says() -> None:
    ed25519, ecdsa, rsa = (
        make_key(kind) for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
    )
    text = f"[    0.0] Linux\r\nnoise {make_key()}\n" + write_block(
        f"{ecdsa} root@web", f"{ed25519} root@web", f"{rsa} root@web"
    )
    found = parse(f"{text}\nweb login: ")
    assert {f"{key.algorithm} {key.public}" for key in found} == {ed25519, ecdsa, rsa}


@pytest.mark.parametrize("before", ["[   12.345678] cloud-init[512]: ", "ci-info: ", "\x1b[0m"])
def test_what_a_console_puts_before_each_line_does_not_matter(before: str) -> None:
    key = make_key()
    lines = [BEGIN, f"{key} root@web", END]
    assert len(parse("\r\n".join(before + line for line in lines))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        make_key(),
        f"{BEGIN}\n{make_key()}",  # cut off by the end of the log
        f"{make_key()}\n{END}",  # its beginning was pushed out
        write_block(),
        write_block("ssh-ed25519 AAAA"),
        write_block(make_key().replace("ssh-ed25519", "ssh-rsa", 1)),  # inside and outside differ
        write_block("-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-dss AAAAB3NzaC1kc3M="),
        write_block(*["x"] * 100, make_key()),
        write_block("ssh-ed25519 " + "A" * 100_000),
    ],
    ids=range(10),
)
def test_what_is_no_whole_block_of_keys_is_none(text: str) -> None:
    assert parse(text) == ()


def test_the_same_block_twice_is_one() -> None:
    block = write_block(make_key())
    assert len(parse(f"{block}\nlogin:\n{block}")) == 1


def test_a_second_block_with_another_key_is_trusted_no_more_than_the_first() -> None:
    with pytest.raises(Ambiguous) as caught:
        parse(f"{write_block(make_key())}\n{write_block(make_key())}")
    assert INSTANCE in str(caught.value)


def test_a_block_opened_again_within_a_block_begins_anew() -> None:
    first, second = make_key(), make_key()
    found = parse(f"{BEGIN}\n{first}\n{write_block(second)}")
    assert [f"{key.algorithm} {key.public}" for key in found] == [second]


@given(st.text(max_size=2000))
def test_no_text_makes_it_stumble(text: str) -> None:
    for key in parse(f"{BEGIN}\n{text}\n{END}"):
        assert key.line_for("web").isprintable()


@pytest.mark.parametrize(
    "reply",
    [ok({"output": ""}), ok({"output": None}), failure(409, "Instance is not ready")],
)
def test_before_there_is_a_console_there_are_no_keys(meet: Meet, reply: Reply) -> None:
    def answer(asked: Asked) -> Reply | None:
        return reply if asked.method == "POST" else everything(asked)

    _, cloud = meet(answer)
    assert cloud.read_host_keys(INSTANCE) == ()


def test_reading_the_console_may_be_repeated(meet: Meet) -> None:
    def answer(_asked: Asked) -> Reply | None:
        return failure(503, "no") if len(double.asked) < 3 else ok({"output": ""})

    double, cloud = meet(answer)
    assert cloud.read_host_keys(INSTANCE) == ()
    assert double.asked[-1].content == {"os-getConsoleOutput": {"length": None}}
