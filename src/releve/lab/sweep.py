"""Take away everything a lab has made, whatever state it is in: running, half-made or killed.

Nothing is asked of the daemon: it may be dead, hung or of another version. What belongs to the
lab is found by its paths, its bridge and its loop devices, which are nobody else's.
"""

import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from releve.lab.commands import Conduct, attempt, run
from releve.lab.engine import Engine
from releve.lab.mounts import list_loops_below, unmount_below
from releve.lab.processes import LabProcess, kill_processes, list_lab_processes
from releve.lab.settings import LabPaths

_CGROUPS: Final = Path("/sys/fs/cgroup")
_LAB_GROUP: Final = re.compile(r"/(lxc\.(?:payload|monitor)\.[^/]+)")


def sweep_lab(paths: LabPaths, engine: Engine) -> None:
    """Repeatable; ends with no process, mount, loop device, link, rule, cgroup or file of it."""
    places = (paths.gate, paths.directory)
    devices = [loop.device for loop in list_loops_below(*places)]
    processes = list_lab_processes(engine, paths, devices=devices)
    kill_processes(processes)
    _remove_cgroups(processes)
    _remove_bridge(paths.bridge)
    _remove_nft_chains(engine.name, paths.bridge)
    _remove_xtables_rules(paths.bridge)
    unmount_below(*places)
    for loop in list_loops_below(*places):
        attempt(["losetup", "--detach", loop.device])
    if paths.gate.exists():
        paths.gate.rmdir()
    if paths.directory.exists():
        shutil.rmtree(paths.directory)


def _remove_cgroups(processes: Collection[LabProcess]) -> None:
    names = {
        match.group(1)
        for process in processes
        for group in process.cgroups
        if (match := _LAB_GROUP.search(group))
    }
    for name in names:
        for top in (*_CGROUPS.glob(f"*/{name}"), *_CGROUPS.glob(name)):
            inner_first = sorted((d for d in top.rglob("*") if d.is_dir()), reverse=True)
            for directory in (*inner_first, top):
                directory.rmdir()


def _remove_bridge(bridge: str) -> None:
    if Path("/sys/class/net", bridge).exists():
        run(["ip", "link", "delete", bridge])


def _remove_nft_chains(table: str, bridge: str) -> None:
    if shutil.which("nft") is None:
        return
    listed = attempt(["nft", "--json", "list", "chains"])
    if listed.exit_code != 0:
        return
    entries = [
        entry["chain"] for entry in json.loads(listed.output)["nftables"] if "chain" in entry
    ]
    ours = [c for c in entries if c["table"] == table and c["name"].endswith(f".{bridge}")]
    script = [
        f"{verb} chain {c['family']} {table} {c['name']}"
        for verb in ("flush", "delete")
        for c in ours
    ]
    families = {c["family"] for c in ours}
    # An empty table does nothing; the daemon that needs it makes it again.
    kept = {c["family"] for c in entries if c["table"] == table and c not in ours}
    script += [f"delete table {family} {table}" for family in families - kept]
    if script:
        run(["nft", "--file", "-"], Conduct(stdin="\n".join(script) + "\n"))


def _remove_xtables_rules(bridge: str) -> None:
    """Where the daemon found iptables in use it adds rules there, each with the bridge's name."""
    for program in ("iptables", "ip6tables"):
        if shutil.which(f"{program}-save") is None:
            continue
        for table, rule in find_xtables_rules(run([f"{program}-save"]), bridge):
            attempt([program, "--wait", "--table", table, "--delete", *rule])


def find_xtables_rules(saved: str, bridge: str) -> list[tuple[str, list[str]]]:
    """Table and rule, without its -A, of each rule that the daemon made for this bridge."""
    found, table = [], ""
    comment = re.compile(rf'--comment "generated for \w+ network {re.escape(bridge)}"')
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A ") and (match := comment.search(line)):
            before, after = line[3 : match.start()].split(), line[match.end() :].split()
            text = match.group(0).partition('"')[2].rstrip('"')
            found.append((table, [*before, "--comment", text, *after]))
    return found
