"""The quick way to add to a list says the same as the careful one, or leaves it to that."""

import pytest

from releve.codify.yaml_text import append_block, append_items, load_plain

OURS = """\
---
# a remark
role_files:
  - path: /a
    mode: "0644"
  - path: /b
    text: |
      one

      two

role_words:
  - !unsafe x
"""
ITEM = "- path: /c\n  mode: '0600'\n"
BLOCK = "  - path: /c\n    mode: '0600'"


def test_a_block_is_added_where_the_careful_way_adds_it() -> None:
    quick = append_block(OURS, "role_files", BLOCK)
    assert quick is not None
    assert load_plain(quick) == load_plain(append_items(OURS, ("role_files",), lines=ITEM))
    assert quick.replace(BLOCK + "\n", "") == OURS  # not a byte of the rest has changed


def test_thousands_are_added_one_after_the_other() -> None:
    text: str | None = "---\nrole_files:\n  - path: /0\n    mode: '0600'\n"
    for number in range(1, 3000):
        assert text is not None
        text = append_block(text, "role_files", f"  - path: /{number}\n    mode: '0600'")
    assert text is not None
    [(_, found)] = load_plain(text).items()
    assert [item["path"][1] for item in found] == [f"/{number}" for number in range(3000)]


@pytest.mark.parametrize(
    "text",
    [
        "---\nrole_files: []\n",
        "---\nrole_files:\n- path: /a\n",
        "---\nrole_files:\n  - path: /a\n    text: |+\n      one\n\n",
        "---\nrole_files:\n  - path: /a\nrole_files:\n  - path: /b\n",
        "---\nrole_files:\n    - path: /a\n",
        "---\nothers:\n  - path: /a\n",
    ],
)
def test_a_list_that_looks_any_other_way_is_left_to_the_careful_way(text: str) -> None:
    assert append_block(text, "role_files", BLOCK) is None


@pytest.mark.parametrize("block", ["  - a: 1\n  - b: 2", "  - [", "others: 1", ""])
def test_what_is_not_one_item_is_not_added(block: str) -> None:
    assert append_block(OURS, "role_files", block) is None
