"""What is removed from the packet filter: this lab's rules, never a neighbour's."""

import json
from pathlib import Path

from releve.lab.mounts import list_mounts
from releve.lab.sweep import find_xtables_rules, plan_chain_removal

DNS = "-p tcp -m tcp --dport 53 -m comment --comment"
SAVED = f"""\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -i rlvaaaaaaaa {DNS} "generated for LXD network rlvaaaaaaaa" -j ACCEPT
-A INPUT -i rlvbbbbbbbb {DNS} "generated for LXD network rlvbbbbbbbb" -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING {DNS} "generated for Incus network rlvaaaaaaaa" -j MASQUERADE
COMMIT
"""


def chain(table: str, name: str, family: str = "inet") -> dict[str, object]:
    return {"chain": {"family": family, "table": table, "name": name, "handle": 1}}


def listing(*chains: dict[str, object]) -> str:
    return json.dumps({"nftables": [{"metainfo": {"version": "1"}}, *chains]})


def test_only_rules_made_for_this_bridge_are_found() -> None:
    found = find_xtables_rules(SAVED, "rlvaaaaaaaa")
    assert [table for table, _ in found] == ["filter", "nat"]
    comment = "generated for LXD network rlvaaaaaaaa"
    rule = found[0][1]
    assert rule[:3] == ["INPUT", "-i", "rlvaaaaaaaa"]
    assert rule[-4:] == ["--comment", comment, "-j", "ACCEPT"]
    assert find_xtables_rules(SAVED, "rlvaaaa") == []


def test_a_neighbours_chains_keep_the_table() -> None:
    ours, theirs = chain("lxd", "fwd.rlvaaaaaaaa"), chain("lxd", "fwd.lxdbr0")
    script = plan_chain_removal(listing(ours, theirs), "rlvaaaaaaaa")
    assert script.splitlines() == [
        "flush chain inet lxd fwd.rlvaaaaaaaa",
        "delete chain inet lxd fwd.rlvaaaaaaaa",
    ]


def test_the_last_lab_takes_the_empty_table_along() -> None:
    script = plan_chain_removal(listing(chain("incus", "in.rlvaaaaaaaa")), "rlvaaaaaaaa")
    assert script.splitlines()[-1] == "delete table inet incus"


def test_a_table_of_somebody_else_is_never_touched() -> None:
    alien = chain("filter", "fwd.rlvaaaaaaaa")
    assert plan_chain_removal(listing(alien, chain("lxd", "fwd.lxdbr0")), "rlvaaaaaaaa") == ""
    assert plan_chain_removal(listing(), "rlvaaaaaaaa") == ""


def test_mount_points_with_spaces_are_read(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/loop1 /run/a\\040b ext4 rw,emergency_ro 0 0\nbroken\n")
    (mount,) = list_mounts(table)
    assert (mount.point, mount.options) == ("/run/a b", "rw,emergency_ro")
