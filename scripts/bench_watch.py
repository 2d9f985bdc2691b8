"""./dev bench watch: 1,000 SSH hosts, each probed every 30 s from one process.

The hosts are real asyncssh servers on loopback, in processes of their own; each takes the whole
probe program at its login and then speaks its protocol. What is measured is the one process that
follows them all: its share of a core and its memory, once it has them all.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from practice import PYTHON, show_title

HERE = Path(__file__).parent
FLEETS = 4
BAR_CORE_PERCENT = 50.0
BAR_MEMORY_MIB = 400.0


def main() -> None:
    options = read_options()
    raise_file_limit(4 * options.hosts + 1000)
    with tempfile.TemporaryDirectory() as directory:
        make_keys(Path(directory))
        show_title(f"{options.hosts:,} SSH servers on loopback, in {FLEETS} processes")
        with fleets(Path(directory), options.hosts) as ports:
            show_title(f"one process follows them, a round every {options.interval:g} s")
            measure = follow(
                {
                    "directory": directory,
                    "ports": ports,
                    "interval": options.interval,
                    "seconds": options.seconds,
                }
            )
    sys.exit(0 if report(measure, options) else 1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
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
def fleets(directory: Path, count: int) -> Iterator[list[int]]:
    """Ports of all hosts."""
    share = -(-count // FLEETS)
    script = str(HERE / "ssh_fleet.py")
    processes = [
        subprocess.Popen(
            [PYTHON, script, str(directory), str(first), str(min(share, count - first))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for first in range(0, count, share)
    ]
    try:
        ports: list[int] = []
        for process in processes:
            ports += json.loads(process.stdout.readline()) if process.stdout else []
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.wait()


def follow(order: dict[str, Any]) -> dict[str, Any]:
    # of all keys, only the fleet's shall be offered
    environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    done = subprocess.run(
        [PYTHON, str(HERE / "follow_fleet.py")],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    measure: dict[str, Any] = json.loads(done.stdout)
    return measure


def report(measure: dict[str, Any], options: argparse.Namespace) -> bool:
    show_title("measured")
    seconds = measure["wall_seconds"]
    percent = 100 * measure["cpu_seconds"] / seconds
    expected = options.hosts * seconds / options.interval
    print(f"all {measure['hosts']:,} hosts read after {measure['start_seconds']:.0f} s")
    print(f"{measure['readings']:,} readings in {seconds:.0f} s, {expected:.0f} were due")
    print(f"lost on the way: {measure['losses'] or 'none'}")
    complete = measure["readings"] >= 0.95 * expected and measure["hosts"] == options.hosts
    print(f"every host probed every {options.interval:g} s: {'holds' if complete else 'MISSED'}")
    return (
        complete
        & say("share of one core, percent", percent, BAR_CORE_PERCENT)
        & say("peak memory, MiB", measure["peak_mib"], BAR_MEMORY_MIB)
    )


def say(what: str, value: float, bar: float) -> bool:
    print(f"{what}: {value:.1f} (bar {bar:g}): {'holds' if value <= bar else 'MISSED'}")
    return value <= bar


if __name__ == "__main__":
    main()
