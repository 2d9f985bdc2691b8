"""Whatever text a server says, Ansible's own loader reads it back as that text, and no template."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import is_trusted_as_template
from hypothesis import given
from hypothesis import strategies as st

from releve.codify.scalars import NotExpressible, write_mode, write_unsafe, write_value
from tests.codify.payloads import list_payloads

PAYLOADS = list_payloads(Path("/canary"))
JINJA = ("{{", "{%", "{#")


def compose_value(text: str, at: int = 0) -> Any:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    return node.value[at][1]


def load(text: str) -> Any:
    return DataLoader().load(text)


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) >= 80


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_read_back_as_the_same_text(payload: str) -> None:
    loaded = load(f"a:\n  - b: {write_unsafe(payload, indent=4)}\n    c: end\n")
    assert loaded == {"a": [{"b": payload, "c": "end"}]}
    value = loaded["a"][0]["b"]
    assert isinstance(value, str)
    assert not is_trusted_as_template(value) or not any(mark in payload for mark in JINJA)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_untagged_scalar_holds_a_template(payload: str) -> None:
    value = compose_value(f"a: {write_unsafe(payload)}\n")
    assert value.tag == "!unsafe" or not any(mark in value.value for mark in JINJA)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_stands_on_printable_lines_of_bounded_length(payload: str) -> None:
    written = write_unsafe(payload, indent=4)
    assert all(len(line) < 150 for line in written.split("\n"))
    assert all(character.isprintable() for line in written.split("\n") for character in line)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_read_back(text: str) -> None:
    assert load(f"a: {write_unsafe(text)}\n") == {"a": text}


@pytest.mark.parametrize("text", ["\udcff\udcfe", "a\udc80", "\ud800"])
def test_what_is_not_utf_8_is_said_to_be_inexpressible(text: str) -> None:
    with pytest.raises(NotExpressible, match="UTF-8"):
        write_unsafe(text)


@pytest.mark.parametrize("mode", ["644", "u+s", "0999", "{{ x }}", "0644\n", "00644"])
def test_a_mode_is_four_octal_digits(mode: str) -> None:
    with pytest.raises(NotExpressible):
        write_mode(mode)


def test_lists_truths_and_vault_texts_are_written_as_such() -> None:
    is_so = True
    vault = b"$ANSIBLE_VAULT;1.1;AES256\n3030\n3131\n"
    text = f"a: {write_value(is_so, indent=0)}\nb:{write_value(['x', '{{ y }}'], indent=0)}\n"
    text += f"c: {write_value(vault, indent=0)}\n"
    loaded = load(text)
    assert loaded["a"] is True
    assert loaded["b"] == ["x", "{{ y }}"]
    assert compose_value(text, at=2).tag == "!vault"
