"""Take away everything a lab has made, whatever state it is in: running, half-made or killed.

Nothing is asked of the daemon: it may be dead, hung or of another version. What belongs to the
lab is found by its paths, its bridge and its loop devices, which are nobody else's.
"""

import json
import re
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.commands import Conduct, attempt, run
from releve.lab.engine import NFT_TABLES
from releve.lab.mounts import list_loops_below, unmount_below
from releve.lab.processes import LabProcess, kill_processes, list_lab_processes
from releve.lab.settings import LabPaths

_GONE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02
_CGROUPS: Final = Path("/sys/fs/cgroup")
_LAB_GROUP: Final = re.compile(r"/(lxc\.(?:payload|monitor)\.[^/]+)")


def sweep_lab(paths: LabPaths) -> None:
    """Repeatable; ends with no process, mount, loop device, link, rule, cgroup or file of it."""
    require_own(paths)
    release_machine(paths)
    _remove_directory(paths)


def release_machine(paths: LabPaths) -> None:
    """All but the files: what a restart of the machine would do."""
    places = (paths.gate, paths.directory)
    devices = [loop.device for loop in list_loops_below(*places)]
    while processes := list_lab_processes(paths, devices):  # until none has started another
        kill_processes(processes)
        _remove_cgroups(processes)
    for bridge in paths.bridges:
        _remove_bridge(bridge)
        _remove_nft_chains(bridge)
        _remove_xtables_rules(bridge)
    unmount_below(*places)
    for loop in list_loops_below(*places):
        attempt(["losetup", "--detach", loop.device])
    if paths.gate.exists():
        paths.gate.rmdir()


def claim_directory(paths: LabPaths) -> None:
    """Before the first file is written there; LabError when it holds anything else."""
    paths.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    require_own(paths)
    paths.mark.touch()


def require_own(paths: LabPaths) -> None:
    """LabError when the directory holds anything and is no lab's: it will be removed whole."""
    if not paths.directory.exists() or paths.mark.exists() or paths.record.exists():
        return
    if any(paths.directory.iterdir()):
        raise LabError(
            f"{paths.directory} is not a lab's directory",
            why="it holds files that no lab has put there",
            remedy="name an empty or a new directory",
        )


def _remove_directory(paths: LabPaths) -> None:
    if not paths.directory.exists():
        return
    for entry in paths.directory.iterdir():
        if entry == paths.mark:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    paths.mark.unlink(missing_ok=True)
    paths.directory.rmdir()


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
                _remove_cgroup(directory)


def _remove_cgroup(directory: Path) -> None:
    """A dead process may stay in it for a moment."""
    deadline = time.monotonic() + _GONE_SECONDS
    while directory.exists():
        try:
            directory.rmdir()
        except OSError as error:
            if time.monotonic() >= deadline:
                raise LabError(
                    f"The control group {directory} does not go",
                    why=error.strerror or "it is in use",
                    remedy="run `releve lab down` again",
                ) from error
            time.sleep(_POLL_SECONDS)


def _remove_bridge(bridge: str) -> None:
    if Path("/sys/class/net", bridge).exists():
        run(["ip", "link", "delete", bridge])


def _remove_nft_chains(bridge: str) -> None:
    if shutil.which("nft") is None:
        return
    listed = attempt(["nft", "--json", "list", "chains"])
    script = plan_chain_removal(listed.output, bridge) if listed.exit_code == 0 else ""
    if script:
        run(["nft", "--file", "-"], Conduct(stdin=script))


def plan_chain_removal(listed: str, bridge: str) -> str:
    """The nft script for this bridge's chains, and for the daemon's table once it is empty."""
    entries = [entry["chain"] for entry in json.loads(listed)["nftables"] if "chain" in entry]
    in_tables = [(c["family"], c["table"], c["name"]) for c in entries if c["table"] in NFT_TABLES]
    ours = [chain for chain in in_tables if chain[2].endswith(f".{bridge}")]
    kept = {chain[:2] for chain in in_tables if chain not in ours}
    emptied = sorted({chain[:2] for chain in ours} - kept)
    lines = [f"{verb} chain {' '.join(chain)}" for verb in ("flush", "delete") for chain in ours]
    lines += [f"delete table {' '.join(table)}" for table in emptied]
    return "".join(f"{line}\n" for line in lines)


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
