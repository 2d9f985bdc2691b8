"""./dev bench watch: 1,000 SSH hosts, each probed every 30 s from one process, and a storm.

The hosts are real asyncssh servers on loopback, in processes of their own; each takes the whole
probe program at its login and then speaks its protocol. What is measured is the one process that
watches them all, checks included: its share of a core and its memory, once it has them all. Then
400 of them fall silent within a minute, with everything allowed to recover by itself and all
controls answering: nothing may start, and people are told once.
"""

import argparse
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practice import PYTHON, show_title

HERE = Path(__file__).parent
FLEETS = 4
DYING_SECONDS = 60.0
AFTER_SECONDS = 150.0  # until all that are silent are held dead, and then some
BAR_CORE_PERCENT = 50.0
BAR_MEMORY_MIB = 400.0


@dataclass
class Fleets:
    processes: list["subprocess.Popen[bytes]"]
    ports: list[int]

    def let_die(self, count: int) -> None:
        for process in self.processes:
            write_line(process, f"die {count // len(self.processes)} {DYING_SECONDS}")


def main() -> None:
    options = read_options()
    raise_file_limit(4 * options.hosts + 1000)
    with (
        tempfile.TemporaryDirectory() as directory,
        socket.create_server(("127.0.0.1", 0)) as outside,
    ):
        make_keys(Path(directory))
        show_title(f"{options.hosts:,} SSH servers on loopback, in {FLEETS} processes")
        with fleets(Path(directory), options.hosts) as fleet:
            show_title(f"one process watches them, a round every {options.interval:g} s")
            order = {
                "directory": directory,
                "ports": fleet.ports,
                "interval": options.interval,
                "seconds": options.seconds,
                "outside": f"127.0.0.1:{outside.getsockname()[1]}",
            }
            with watching(order) as watch:
                holds = report_calm(read_line(watch), options)
                show_title(f"{options.storm} of them die within {DYING_SECONDS:g} s")
                fleet.let_die(options.storm)
                write_line(watch, json.dumps({"seconds": DYING_SECONDS + AFTER_SECONDS}))
                holds &= report_storm(read_line(watch), options)
    sys.exit(0 if holds else 1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--storm", type=int, default=400)
    parser.add_argument("--interval", type=float, default=30.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=90.0, help="of steady state")
    return parser.parse_args()


def raise_file_limit(wanted: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def make_keys(directory: Path) -> None:
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
        subprocess.run(command, check=True)


@contextlib.contextmanager
def fleets(directory: Path, count: int) -> Iterator[Fleets]:
    share = -(-count // FLEETS)
    script = str(HERE / "ssh_fleet.py")
    processes = [
        start(script, str(directory), str(first), str(min(share, count - first)))
        for first in range(0, count, share)
    ]
    try:
        yield Fleets(processes, [port for process in processes for port in read_line(process)])
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def watching(order: dict[str, Any]) -> Iterator["subprocess.Popen[bytes]"]:
    process = start(str(HERE / "follow_fleet.py"))
    try:
        write_line(process, json.dumps(order))
        yield process
    finally:
        process.kill()
        process.wait()


def start(*command: str) -> "subprocess.Popen[bytes]":
    # of all keys, only the fleet's shall be offered
    environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    return subprocess.Popen(
        [PYTHON, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )


def write_line(process: "subprocess.Popen[bytes]", line: str) -> None:
    if process.stdin:
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()


def read_line(process: "subprocess.Popen[bytes]") -> Any:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        sys.exit("a process of the bench ended before its time")
    return json.loads(line)


def report_calm(measure: dict[str, Any], options: argparse.Namespace) -> bool:
    seconds = measure["wall_seconds"]
    expected = options.hosts * seconds / options.interval
    print(f"all {options.hosts:,} hosts read after {measure['start_seconds']:.0f} s")
    print(f"{measure['readings']:,} readings in {seconds:.0f} s, {expected:.0f} were due")
    print(f"losses: {measure['losses']}; notices: {measure['notices'] or 'none'}")
    print(f"states: {measure['states']}")
    complete = measure["readings"] >= 0.95 * expected
    print(f"every host probed every {options.interval:g} s: {holds_or_not(complete)}")
    return (
        complete
        & say("share of one core, percent", share_of_core(measure), BAR_CORE_PERCENT)
        & say("peak memory, MiB", measure["peak_mib"], BAR_MEMORY_MIB)
    )


def report_storm(measure: dict[str, Any], options: argparse.Namespace) -> bool:
    print(f"states after {measure['wall_seconds']:.0f} s: {measure['states']}")
    print(f"share of one core, percent: {share_of_core(measure):.1f}")
    print(f"notices: {measure['notices']}")
    seen = measure["states"]["unreachable"] >= options.storm
    print(f"all of the dead are held dead: {holds_or_not(seen)}")
    return (
        seen
        & say("runs started", len(measure["started"]), 0)
        & say("alerts beyond the one", abs(len(measure["notices"]) - 1), 0)
        & say("peak memory, MiB", measure["peak_mib"], BAR_MEMORY_MIB)
    )


def share_of_core(measure: dict[str, Any]) -> float:
    return float(100 * measure["cpu_seconds"] / measure["wall_seconds"])


def say(what: str, value: float, bar: float) -> bool:
    print(f"{what}: {value:.1f} (bar {bar:g}): {holds_or_not(value <= bar)}", flush=True)
    return value <= bar


def holds_or_not(holds: bool) -> str:  # noqa: FBT001 - what it is about
    return "holds" if holds else "MISSED"


if __name__ == "__main__":
    main()
