"""./dev demo: a host changed by hand loses its root file system; it comes back, and all is known.

The story that Relève exists for, told the other way round: what nobody wrote into the playbooks is
found before the crash, named after it from the dead disk, written down, and proven.

Options: --keep leaves the lab up afterwards; --kill SECONDS kills the controller with SIGKILL
that long into the recovery and goes on with `releve resume`, as a person would.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from practice import (
    BIN,
    Range,
    bring_up,
    releve,
    require,
    run_shown,
    seed,
    show_title,
    ssh_agent,
)

LAB = "demo"
HOST = "blog"
BY_HAND = Path(__file__).with_name("by_hand.sh")  # what an admin does in a year and forgets
PAGES = {
    "/": "Log entry 40",
    "/post.php?id=1": "The lamp was lit at dusk",
    "/uploads/keeper.txt": "the key is under the third stone",
}


def main() -> None:
    options = read_options()
    began = time.monotonic()
    show_title("1  A practice range: a host, two volumes, an address")
    ground = bring_up(LAB)
    with ssh_agent(Path(ground.facts["ssh_key"])) as environment:
        show_title("2  An ordinary day: the team's playbook, visitors write")
        live_an_ordinary_day(ground, environment)
        show_title("3  A year by hand: what nobody wrote into the playbooks")
        change_by_hand(ground, environment)
        show_title("4  A drill: a twin from the playbooks only, held against the host")
        rehearse(ground, environment)
        show_title("5  The crash: the root file system turns read-only")
        break_the_host(ground)
        show_title("6  The recovery")
        run_id = recover(ground, environment, kill_after=options.kill)
        show_title("7  What was written before the crash is served after it, at the same address")
        verify_content(ground)
        show_title("8  Did we get everything back? The dead disk tells")
        report = show_outcome(run_id)
        bring_back_the_data(ground, environment, run_id)
        show_title("9  The hour by hand, written into the playbooks and proven on a fresh twin")
        write_down(ground, environment)
    if not options.keep:
        require(run_shown(releve("lab", "down", "--name", LAB)), "taking the lab down")
    print(f"\nThe whole demo took {time.monotonic() - began:.0f} s. The report: {report}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    parser.add_argument("--kill", type=float, default=0.0, metavar="SECONDS")
    return parser.parse_args()


def live_an_ordinary_day(ground: Range, environment: dict[str, str]) -> None:
    shell = {**environment, **ground.team_variables}
    require(
        run_shown([str(BIN / "ansible-playbook"), "site.yml"], cwd=ground.repository, env=shell),
        "the team's playbook",
    )
    seed(ground, environment)


def change_by_hand(ground: Range, environment: dict[str, str]) -> None:
    options = ("-o", f"UserKnownHostsFile={ground.facts['known_hosts']}", "-o", "BatchMode=yes")
    for line in BY_HAND.read_text().splitlines():
        print(line if line.startswith("#") else f"root@{HOST}:~# {line}", flush=True)
        if not line.startswith("#"):
            ssh = ["ssh", "-F", "/dev/null", *options, f"root@{ground.address}", line]
            require(subprocess.run(ssh, env=environment, check=False).returncode, line)


def rehearse(ground: Range, environment: dict[str, str]) -> None:
    for command in (("scan", HOST), ("drill", HOST, "--yes"), ("ledger", HOST)):
        code = run_shown(releve(*command), cwd=ground.repository, env=environment)
        require(code, f"releve {command[0]}")


def break_the_host(ground: Range) -> None:
    command = releve("lab", "break", HOST, "--name", ground.name, "--how", "ext4-error")
    require(run_shown(command), "breaking the host")


def recover(ground: Range, environment: dict[str, str], *, kill_after: float) -> str:
    """Drive the run to its end, over every death of the controller on the way."""
    command = releve("recover", HOST, "--yes")
    code = (
        run_killed(command, ground, environment=environment, seconds=kill_after)
        if kill_after
        else None
    )
    if code is None:
        code = run_shown(command, cwd=ground.repository, env=environment)
    run_id = newest_run()
    while code == -signal.SIGKILL:
        print(f"the controller was killed (SIGKILL); run {run_id} goes on:")
        code = run_shown(releve("resume", run_id), cwd=ground.repository, env=environment)
    require(code, "the recovery")
    return run_id


def run_killed(
    command: list[str], ground: Range, *, environment: dict[str, str], seconds: float
) -> int:
    print(f"$ releve {' '.join(command[1:])}   (SIGKILL after {seconds:g} s)", flush=True)
    with subprocess.Popen(command, cwd=ground.repository, env=environment) as child:
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            return child.wait()


def newest_run() -> str:
    done = subprocess.run(releve("runs", "--json"), capture_output=True, check=True)
    runs = json.loads(done.stdout)["runs"]
    if not runs:
        sys.exit("no run was recorded")
    return str(runs[0]["run"])


def verify_content(ground: Range) -> None:
    for page, wanted in PAGES.items():
        url = f"https://{ground.address}{page}"
        print(f"$ curl --insecure {url} | grep '{wanted}'")
        done = subprocess.run(
            ["curl", "--silent", "--insecure", "--max-time", "20", url],
            capture_output=True,
            check=False,
        )
        if wanted.encode() not in done.stdout:
            sys.exit(f"{url} does not hold {wanted!r}: {done.stdout[:200]!r}")
        print(f"  there: {wanted}")


def bring_back_the_data(ground: Range, environment: dict[str, str], run_id: str) -> None:
    command = releve("salvage", run_id, "/var/lib/newsletter", "--yes")
    require(run_shown(command, cwd=ground.repository, env=environment), "the salvage")


def write_down(ground: Range, environment: dict[str, str]) -> None:
    command = releve("codify", HOST, "--prove")
    require(run_shown(command, cwd=ground.repository, env=environment), "the codification")
    log = ["git", "log", "--oneline", "--stat", "--all", "--not", "HEAD"]
    require(run_shown(log, cwd=ground.repository), "showing the branch")


def show_outcome(run_id: str) -> str:
    require(run_shown(releve("runs", "show", run_id)), "showing the run")
    done = subprocess.run(releve("runs", "show", run_id, "--json"), capture_output=True, check=True)
    return str(json.loads(done.stdout)["report"]["html"])


if __name__ == "__main__":
    main()
