"""./dev bench: recover the same host by hand and with Relève, side by side, in one lab.

By hand is what a person could do best today, scripted so that nobody waits for a keystroke:
stop, create, wait for SSH, attach, ansible-playbook with Ansible's defaults, curl, move the
address. Both are done on a cold image and on one that holds the packages already. Then Relève
drills the host and recovers it from the image that the drill left, against by hand on the cold one.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from practice import (
    BIN,
    Range,
    bring_up,
    read_lab,
    releve,
    require,
    run_shown,
    seed,
    show_title,
    ssh_agent,
    timed,
)

LAB = "bench"
HOST = "blog"
WARM_IMAGE = "base-with-packages"
PHASES = ("fence", "create", "move", "converge", "verify", "cutover")
SSH_OPTIONS = (  # what a person in a hurry types
    *("-o", "StrictHostKeyChecking=no"),
    *("-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "ConnectTimeout=2"),
    *("-o", "LogLevel=ERROR"),
)
BAR_OWN_SECONDS = 3.0
BARS = {"cold": 1.4, "warm": 2.5}
BAR_IMAGE = 10.0  # times as fast as by hand on the cold image


@dataclass
class Bench:
    ground: Range
    environment: dict[str, str]
    serving: str  # the instance that is the host now
    results: dict[str, dict[str, float]] = field(default_factory=dict)

    def lxc(self, *arguments: str, stdin: bytes = b"") -> str:
        daemon = Path(self.ground.facts["endpoint"]).parent
        client = "lxc" if self.ground.facts["engine"] == "lxd" else "incus"
        done = subprocess.run(
            [client, *arguments],
            env={**os.environ, "LXD_DIR": str(daemon), "INCUS_DIR": str(daemon)},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"{client} {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()


def main() -> None:
    options = read_options()
    show_title("a lab with a host that serves")
    ground = bring_up(LAB)
    with ssh_agent(Path(ground.facts["ssh_key"])) as environment:
        bench = Bench(ground, environment, serving=HOST)
        converge_by_hand(bench, ground.address, with_defaults=False)
        seed(ground, environment)
        compare(bench, "cold", "base")
        if not options.no_image:
            show_title("from the image of a drill")
            drill(bench, "base")
            bench.results["image releve"] = recover_with_releve(bench, "base")
        if not options.cold_only:  # last: its packages number their accounts in another order
            compare(bench, "warm", make_warm_image(bench))
    holds = report(bench, ("cold",) if options.cold_only else ("cold", "warm"))
    if not options.no_image:
        holds &= report_image(bench)
    if not options.keep:
        require(run_shown(releve("lab", "down", "--name", LAB)), "taking the lab down")
    sys.exit(0 if holds else 1)


def compare(bench: Bench, kind: str, image: str) -> None:
    show_title(f"{kind}: by hand")
    bench.results[f"{kind} by hand"] = recover_by_hand(bench, image)
    show_title(f"{kind}: with Relève")
    bench.results[f"{kind} releve"] = recover_with_releve(bench, image)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="recover", choices=["recover"])
    parser.add_argument("--cold-only", action="store_true", help="leave the warm image out")
    parser.add_argument("--no-image", action="store_true", help="leave the drill's image out")
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    return parser.parse_args()


def make_warm_image(bench: Bench) -> str:
    """The base image with the packages that the playbook installs, and nothing else of it."""
    show_title("an image with the packages already there")
    address = create_by_hand(bench, "warming", "base")
    packages = bench.lxc("query", f"/1.0/instances/{bench.serving}").strip() and list_packages(
        bench
    )
    bench.lxc("exec", "warming", "--", "apt-get", "-qq", "update")
    bench.lxc(
        "exec",
        "warming",
        "--env",
        "DEBIAN_FRONTEND=noninteractive",
        "--",
        "apt-get",
        "-qq",
        "install",
        *packages,
    )
    bench.lxc("stop", "--force", "warming")
    bench.lxc("publish", "warming", "--alias", WARM_IMAGE)
    bench.lxc("delete", "warming")
    print(f"  {len(packages)} packages in {WARM_IMAGE} ({address} is gone again)")
    return WARM_IMAGE


def list_packages(bench: Bench) -> list[str]:
    """What the converged host has and the base image has not."""
    query = ("--", "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\\n")
    has = read_installed(bench.lxc("exec", bench.serving, *query))
    base = read_installed(bench.lxc("exec", "warming", *query))
    return sorted(has - base)


def read_installed(listing: str) -> set[str]:
    return {line.split()[1] for line in listing.splitlines() if line.startswith("ii ")}


def recover_by_hand(bench: Bench, image: str) -> dict[str, float]:
    took: dict[str, float] = {}
    old, new = bench.serving, f"hand-{image[-4:]}"
    address = bench.ground.address
    with timed(took, "fence"):
        bench.lxc("stop", "--force", old)
    with timed(took, "create"):
        private = create_by_hand(bench, new, image)
    with timed(took, "move"):
        for pool, volume, path in volumes_of(bench):
            bench.lxc("storage", "volume", "detach", pool, volume, old)
            bench.lxc("storage", "volume", "attach", pool, volume, new, volume, path)
    with timed(took, "converge"):
        converge_by_hand(bench, private, with_defaults=True)
    with timed(took, "verify"):
        require_page(private)
    with timed(took, "cutover"):
        network = bench.ground.facts["network"]
        bench.lxc("network", "forward", "set", network, address, f"target_address={private}")
        require_page(address)
    bench.lxc("config", "set", old, "user.releve.role", "")  # it serves no more, by hand
    bench.serving = new
    return took


def create_by_hand(bench: Bench, name: str, image: str) -> str:
    """Launch it, give it the key, wait for its address and its SSH; the address."""
    facts = bench.ground.facts
    bench.lxc("init", image, name, "--storage", facts["pool"], "--network", facts["network"])
    key = Path(facts["ssh_key"] + ".pub").read_bytes()
    push = ["file", "push", "-", f"{name}/root/.ssh/authorized_keys", "--create-dirs"]
    bench.lxc(*push, "--mode", "0600", "--uid", "0", "--gid", "0", stdin=key)
    bench.lxc("start", name)
    while not (address := find_address(bench, name)):
        time.sleep(0.5)
    while not answers(["ssh", *SSH_OPTIONS, f"root@{address}", "true"], bench):
        time.sleep(0.5)
    return address


def find_address(bench: Bench, name: str) -> str:
    state = json.loads(bench.lxc("query", f"/1.0/instances/{name}/state"))
    for entry in ((state.get("network") or {}).get("eth0") or {}).get("addresses", []):
        if entry["family"] == "inet" and entry["scope"] == "global":
            return str(entry["address"])
    return ""


def answers(command: Sequence[str], bench: Bench) -> bool:
    done = subprocess.run(command, env=bench.environment, capture_output=True, check=False)
    return done.returncode == 0


def volumes_of(bench: Bench) -> list[tuple[str, str, str]]:
    """Pool, volume and mount point of each."""
    return [
        (*volume["id"].split("/"), volume["mount"])
        for volume in bench.ground.facts["hosts"][0]["volumes"]
    ]


def converge_by_hand(bench: Bench, address: str, *, with_defaults: bool) -> None:
    environment = {**bench.environment, "ANSIBLE_HOST_KEY_CHECKING": "false"}
    environment["ANSIBLE_SSH_COMMON_ARGS"] = " ".join(SSH_OPTIONS)
    if not with_defaults:
        environment["ANSIBLE_PIPELINING"] = "true"
    playbook = str(BIN / "ansible-playbook")
    command = [playbook, "site.yml", "--extra-vars", f"ansible_host={address}"]
    require(run_quiet(command, bench, environment), "the playbook by hand")


def run_quiet(command: Sequence[str], bench: Bench, environment: dict[str, str]) -> int:
    print(f"$ {' '.join(Path(word).name if word.startswith('/') else word for word in command)}")
    sys.stdout.flush()
    done = subprocess.run(
        command,
        cwd=bench.ground.repository,
        env=environment,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout.decode(errors="replace")[-3000:])
    return done.returncode


def require_page(address: str) -> None:
    """Look as a person would: yesterday's post must be there."""
    done = subprocess.run(
        ["curl", "-sk", "--retry", "5", "--retry-connrefused", f"https://{address}/"],
        capture_output=True,
        check=False,
    )
    if b"Log entry 40" not in done.stdout:
        sys.exit(f"https://{address}/ does not show the post")


def write_plan(bench: Bench, image: str) -> None:
    plan = bench.ground.repository / "releve.yml"
    lines = plan.read_text().splitlines(keepends=True)
    for key, value in {"image": image, "instance": bench.serving}.items():
        lines = [set_word(line, key, value) for line in lines]
    text = "".join(lines)
    if "autopsy:" not in text:  # by hand there is none either
        text = text.replace("    quarantine:", "    autopsy: never\n    quarantine:")
    plan.write_text(text)


def drill(bench: Bench, image: str) -> None:
    """One twin: what is measured afterwards is the recovery, not what is noise."""
    write_plan(bench, image)
    command = releve("drill", HOST, "--yes", "--twins", "1")
    code = run_shown(command, cwd=bench.ground.repository, env=bench.environment)
    require(code, "the drill")


def recover_with_releve(bench: Bench, image: str) -> dict[str, float]:
    write_plan(bench, image)
    command = releve("recover", HOST, "--yes", "--even-if-healthy", "--json")
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=bench.ground.repository,
        env=bench.environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    wall = time.monotonic() - began
    last = json.loads(done.stdout.splitlines()[-1])
    if last.get("state") != "DONE":
        sys.exit(f"the run did not end DONE: {last}")
    story = json.loads(Path(last["report"]["json"]).read_text())
    bench.serving = str(read_lab(LAB)["hosts"][0]["serving"])
    print(f"  run {last['run_id']} took {wall:.1f} s")
    served = float(story["timing"]["back_after_seconds"] or 0.0)
    proof = (story.get("proof") or {}).get("proven")
    print(f"  the image was {'proven' if proof else 'NOT proven'}" if story.get("proof") else "")
    return read_phases(story) | {
        "wall": wall,
        "own": read_own(story, wall),
        "served": served + max(0.0, wall - float(story["timing"]["seconds"])),
        "proven": float(bool(proof)),
    }


def set_word(line: str, key: str, value: str) -> str:
    head, colon, _ = line.partition(f"    {key}: ")
    return f"{head}{colon}{value}\n" if colon and not head else line


def read_phases(story: dict[str, Any]) -> dict[str, float]:
    timing = story["timing"]
    return {phase["phase"]: float(phase["seconds"]) for phase in timing["phases"]}


def read_own(story: dict[str, Any], wall: float) -> float:
    """What is neither provider nor Ansible nor the team's checks; start-up and report included."""
    timing = story["timing"]
    before_and_after = max(0.0, wall - float(timing["seconds"]))
    return float(timing["own_seconds"]) + before_and_after


def report(bench: Bench, kinds: Sequence[str]) -> bool:
    show_title("by hand against Relève, seconds")
    holds = True
    for kind in kinds:
        hand, ours = bench.results[f"{kind} by hand"], bench.results[f"{kind} releve"]
        print(f"\n{kind:10} {'by hand':>9} {'Relève':>9}")
        for phase in PHASES:
            print(f"{phase:10} {hand.get(phase, 0):9.1f} {ours.get(phase, 0):9.1f}")
        whole = sum(hand.values())
        ratio = whole / ours["wall"]
        reached = ratio >= BARS[kind] and ours["own"] <= BAR_OWN_SECONDS
        holds &= reached
        print(f"{'whole':10} {whole:9.1f} {ours['wall']:9.1f}")
        print(
            f"ratio {ratio:.2f} (bar {BARS[kind]}), own share {ours['own']:.1f} s"
            f" (bar {BAR_OWN_SECONDS:.0f}) beside {ours['verify']:.1f} s of the team's checks:"
            f" {'holds' if reached else 'MISSED'}"
        )
    return holds


def report_image(bench: Bench) -> bool:
    """Until the checks passed at the address: the proof goes on beside what serves already."""
    hand, ours = sum(bench.results["cold by hand"].values()), bench.results["image releve"]
    print(f"\n{'image':10} {'by hand':>9} {'Relève':>9}")
    by_hand = bench.results["cold by hand"]
    for phase in PHASES:
        print(f"{phase:10} {by_hand.get(phase, 0):9.1f} {ours.get(phase, 0):9.1f}")
    ratio = hand / ours["served"]
    reached = ratio >= BAR_IMAGE and ours["proven"] == 1.0
    print(f"{'serving':10} {hand:9.1f} {ours['served']:9.1f}")
    print(
        f"ratio {ratio:.2f} (bar {BAR_IMAGE:.0f}), image"
        f" {'proven' if ours['proven'] else 'NOT proven'}: {'holds' if reached else 'MISSED'}"
    )
    return reached


if __name__ == "__main__":
    main()
