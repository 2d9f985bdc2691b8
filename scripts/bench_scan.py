"""./dev bench scan: read one host with Relève and with what people use today, side by side.

One lab host, converged with the example's playbook and with what a server has; every tool reads it
in the same run, over the same SSH. The bars hold the same work against each other: from the login
until the last fact has come, as each of the others is timed from its login until it has read
everything. Beside it stands what a person waits for: the whole command, until the facts lie
encrypted in Relève's store on the controller.

The bars were set on a cold page cache, as a host is that is read once a day, and on a second look
right after it. What a warm cache makes of the same is shown without a bar.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path

from practice import PYTHON, Range, bring_up, releve, require, run_shown, show_title, ssh_agent

LAB = "bench"
HOST = "blog"
ENROLL = "enroll==0.9.0"
PACKAGES = ("debsums", "aide")
# What a virtual machine has and a container lacks; a team's tools; missing names are left out.
OF_A_SERVER = (
    *("linux-image-amd64", "linux-image-generic", "linux-headers-amd64", "linux-headers-generic"),
    *("build-essential", "git", "vim", "python3-dev", "python3-pip", "default-jre-headless"),
)
# on the host's memory: what only the bench brought there is nobody's to read
BROUGHT = "/dev/shm/bench"  # noqa: S108 - of a host that this bench made and deletes
OURS = "releve scan"
READING = ", reading"
PATHS = 2_000_000
BAR_MEMORY_MIB = 512.0
BARS = {"enroll harvest": 2.0, "debsums -a": 8.0}
BAR_REPEAT = 2.0
ROUNDS_MORE = 4  # debsums alone took 17 to 27 s in rounds of one run: three give no firm median
AIDE = f"""\
database_in=file:{BROUGHT}/aide.db
database_out=file:{BROUGHT}/aide.new
/ p+u+g+sha256+acl+xattrs+caps
!/proc
!/sys
!/dev
!/run
!/tmp
!/srv
"""


@dataclass
class Bench:
    ground: Range
    environment: dict[str, str]
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def run(self, *command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """On the host, as a person would: over SSH."""
        facts = self.ground.facts
        options = ("-o", f"UserKnownHostsFile={facts['known_hosts']}", "-o", "BatchMode=yes")
        return subprocess.run(
            ["ssh", "-F", "/dev/null", *options, f"root@{self.ground.address}", *command],
            env=self.environment,
            input=stdin,
            capture_output=True,
            check=False,
        )

    def time(self, name: str, act: Callable[[], subprocess.CompletedProcess[bytes]]) -> None:
        began = time.monotonic()
        done = act()
        self.note(name, time.monotonic() - began)
        # a difference found is no failure of debsums, dpkg or aide
        if done.returncode > 7:
            sys.exit(f"{name}: {done.stderr.decode(errors='replace')[-2000:]}")
        if name.startswith(OURS):
            self.note(f"{name}{READING}", json.loads(done.stdout)["seconds"])

    def note(self, name: str, seconds: float) -> None:
        self.seconds.setdefault(name, []).append(seconds)
        print(f"  {name:38} {seconds:7.2f} s", flush=True)


def main() -> None:
    options = read_options()
    show_title("a lab with a converged host, and the other tools on it")
    ground = bring_up(LAB)
    with ssh_agent(Path(ground.facts["ssh_key"])) as environment:
        bench = Bench(ground, environment)
        converge(bench)
        install_others(bench)
        for cache in ("cold", "warm", "cold", "warm", "cold"):
            show_title(f"{cache} page cache")
            read_with_each(bench, cache)
        show_title("cold page cache, again by those that a bar speaks of")
        for _ in range(ROUNDS_MORE):
            read_with_each(bench, "cold", only={OURS, *BARS})
        show_title("a second look by Relève, which knows the first")
        for cache in ("warm", "warm", "warm", "cold"):
            prepare(bench, cache)
            bench.time(f"{OURS}, repeat, {cache}", lambda: scan(bench))
    holds = report(bench) & report_memory()
    if not options.keep:
        require(run_shown(releve("lab", "down", "--name", LAB)), "taking the lab down")
    sys.exit(0 if holds else 1)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    return parser.parse_args()


def converge(bench: Bench) -> None:
    command = [str(Path(PYTHON).parent / "ansible-playbook"), "site.yml"]
    environment = {**bench.environment, **bench.ground.team_variables, "ANSIBLE_PIPELINING": "1"}
    require(
        subprocess.run(
            command,
            cwd=bench.ground.repository,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode,
        "the team's playbook",
    )


def install_others(bench: Bench) -> None:
    """Enroll's own wheels are made for the host's Python here, and carried there."""
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y")
    known = bench.run("apt-cache", "--generate", "pkgnames").stdout.decode().split()
    packages = [*PACKAGES, *(name for name in OF_A_SERVER if name in set(known))]
    require(bench.run(*apt, "install", "--no-install-recommends", *packages).returncode, "apt")
    version = bench.run("python3", "-c", "'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
    with tempfile.TemporaryDirectory() as directory:
        wanted = ("--python-version", version.stdout.decode().strip(), "--only-binary=:all:")
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--target", directory, *wanted, ENROLL]
        require(subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode, "pip")
        packed = subprocess.run(
            ["tar", "-C", directory, "-c", "."], capture_output=True, check=True
        )
    unpack = f"mkdir -p {BROUGHT}/enroll && tar -x -C {BROUGHT}/enroll"
    require(bench.run(unpack, stdin=packed.stdout).returncode, "carrying enroll there")
    bench.run(f"cat > {BROUGHT}/aide.conf", stdin=AIDE.encode())


def read_with_each(bench: Bench, cache: str, only: Set[str] = frozenset()) -> None:
    enroll = (
        f"rm -rf {BROUGHT}/harvest; PYTHONPATH={BROUGHT}/enroll python3 -m enroll harvest"
        f" --no-config --assume-safe-path --out {BROUGHT}/harvest"
    )
    others: dict[str, Callable[[], subprocess.CompletedProcess[bytes]]] = {
        OURS: lambda: scan(bench, afresh=True),
        f"{OURS} --full": lambda: scan(bench, "--full", afresh=True),
        "enroll harvest": lambda: bench.run(enroll),
        "debsums -a": lambda: bench.run("debsums -a --silent"),
        "dpkg -V": lambda: bench.run("dpkg -V"),
        "aide --init": lambda: bench.run(f"aide --config {BROUGHT}/aide.conf --init"),
    }
    for name, act in others.items():
        if only and name not in only:
            continue
        prepare(bench, cache)
        bench.time(f"{name}, {cache}", act)


def scan(bench: Bench, *flags: str, afresh: bool = False) -> subprocess.CompletedProcess[bytes]:
    again = ("--afresh",) if afresh else ()
    return run_releve(bench, "scan", HOST, *flags, *again, "--json")


def prepare(bench: Bench, cache: str) -> None:
    """The host and its controller share this machine's cache; only the host shall be cold."""
    if cache != "cold":
        return
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    run_releve(bench, "scan", HOST, "--list", "--json")
    run_releve(bench, "check", "--json")
    for client in (["ssh", "-V"], [PYTHON, "-c", "import releve.adapters.ssh.access"]):
        subprocess.run(client, capture_output=True, check=True)


def run_releve(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        releve(*arguments),
        cwd=bench.ground.repository,
        env=bench.environment,
        capture_output=True,
        check=False,
    )


def report(bench: Bench) -> bool:
    show_title("seconds, the median of each")
    median = {name: statistics.median(taken) for name, taken in bench.seconds.items()}
    for name, seconds in median.items():
        print(f"{name:38} {seconds:8.2f}")
    holds = True
    for other, bar in BARS.items():
        reading = median[f"{other}, cold"] / median[f"{OURS}, cold{READING}"]
        holds &= say(f"{other} / reading", reading, bar)
    again = median[f"{OURS}, cold{READING}"] / median[f"{OURS}, repeat, warm{READING}"]
    holds &= say("reading / a second look, reading", again, BAR_REPEAT)
    show_title("without a bar")
    for cache in ("cold", "warm"):
        for other in BARS:
            show_ratio(median, f"{other}, {cache}", f"{OURS}, {cache}{READING}")
            show_ratio(median, f"{other}, {cache}", f"{OURS}, {cache}")
        for part in (READING, ""):
            show_ratio(median, f"{OURS}, {cache}{part}", f"{OURS}, repeat, {cache}{part}")
    return holds


def show_ratio(median: dict[str, float], slow: str, fast: str) -> None:
    print(f"{slow} / {fast}: {median[slow] / median[fast]:.1f}")


def say(what: str, ratio: float, bar: float) -> bool:
    print(f"{what}: {ratio:.1f} (bar {bar:g}): {'holds' if ratio >= bar else 'MISSED'}")
    return ratio >= bar


def report_memory() -> bool:
    """Two million paths through the store and a comparison, in a process of its own."""
    show_title(f"{PATHS:,} paths on the controller")
    done = subprocess.run(
        [PYTHON, str(Path(__file__).with_name("many_paths.py")), str(PATHS)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr.decode(errors="replace")[-2000:])
    told = json.loads(done.stdout)
    print(f"saved in {told['save']:.0f} s, compared in {told['compare']:.0f} s")
    fits = bool(told["peak_mib"] <= BAR_MEMORY_MIB)
    bar = f"bar {BAR_MEMORY_MIB:.0f}"
    print(f"peak memory {told['peak_mib']:.0f} MiB ({bar}): {'holds' if fits else 'MISSED'}")
    return fits


if __name__ == "__main__":
    main()
