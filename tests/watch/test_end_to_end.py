"""A real host loses its disk, and is back with nobody touching anything: LXD, SSH, Ansible."""

import contextlib
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from releve.lab.breakage import BreakHow, break_host
from releve.lab.settings import LabSettings
from tests.fixtures.lab import RunningLab, require_lab, ssh, start_lab, stop_lab
from tests.watch.serving import PROGRAM, Controller, find_processes, until

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("serve-lxd"), pytest.mark.timeout(600)]

AUTO, APPROVED = "auto", "approved"
CONTENT = "written before the crash"
SLOWEST_DETECTION = 15.0  # seconds from the error to the confirmed verdict, at the default interval
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: {endpoint}, pool: {pool}}}
watch: {{outside: "{outside}", listen: ""}}
hosts:
"""
HOST = """\
  {name}:
    instance: {name}
    image: {image}
    address: {address}
    automation: {automation}
    autopsy: never
    volumes:
      data: {{id: {data}, mount: /srv/data}}
      backup: {{id: {backup}, mount: /srv/backup}}
    ssh: {{identity_files: [{key}]}}
    converge: {{playbook: site.yml, inventory: [hosts.ini]}}
    checks:
      - tcp: 22
      - {{file: /srv/data/content, contains: ["{content}"]}}
      - {{file: /etc/team.conf, contains: [converged]}}
"""
PLAYBOOK = """\
- name: Configure the host
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the configuration
      ansible.builtin.copy: {content: "converged\\n", dest: /etc/team.conf, mode: "0644"}
"""


@pytest.fixture
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """On disk: a lab is too large for memory."""
    require_lab()
    directory = tmp_path_factory.mktemp("serve-lxd") / "lab"
    settings = LabSettings("served", directory=directory, hosts=(AUTO, APPROVED))
    try:
        yield start_lab(settings)
    finally:
        stop_lab(settings)


@pytest.fixture
def outside(ground: RunningLab) -> Iterator[str]:
    """What stands for a host elsewhere that always answers: a listener on the lab's own bridge."""
    address = str(next(ipaddress.ip_network(ground.report.subnet, strict=False).hosts()))
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=take_calls, args=(listener,), daemon=True).start()
        yield f"{address}:{listener.getsockname()[1]}"


def take_calls(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed at the end
        while True:
            listener.accept()[0].close()


@pytest.fixture
def controller(ground: RunningLab, outside: str, tmp_path: Path) -> Iterator[Controller]:
    made = Controller(tmp_path)
    write_repository(made, ground, outside)
    try:
        yield made
    finally:
        for run in made.ask("runs")["runs"]:
            for pid in find_processes(run["run"]):
                os.kill(pid, signal.SIGKILL)


def write_repository(controller: Controller, lab: RunningLab, outside: str) -> None:
    report = lab.report
    plan = PLAN.format(endpoint=report.endpoint, pool=report.pool, outside=outside)
    for host in report.hosts:
        volumes = {Path(volume.id).name: volume.id for volume in host.volumes}
        plan += HOST.format(
            name=host.name,
            image=report.image,
            address=host.address,
            automation="auto" if host.name == AUTO else "approve",
            data=volumes["data"],
            backup=volumes["backup"],
            key=report.ssh_key,
            content=CONTENT,
        )
        lab.client.push_file(host.name, "/srv/data/content", text=CONTENT, mode="0644")
        lab.client.push_file(host.name, "/etc/team.conf", text="converged\n", mode="0644")
    controller.repository.mkdir()
    controller.plan.write_text(plan)
    (controller.repository / "site.yml").write_text(PLAYBOOK)
    inventory = "".join(f"{host.name} ansible_user=root\n" for host in report.hosts)
    (controller.repository / "hosts.ini").write_text(inventory)


def test_a_dead_host_comes_back_with_nobody_touching_anything(
    ground: RunningLab, controller: Controller
) -> None:
    with controller.serving():
        controller.wait_for("watching")
        look_on(ground, controller)
        recover_by_itself(ground, controller)
        recover_once_approved(ground, controller)
        assert controller.end(signal.SIGTERM) == 0
    assert controller.events()[-1]["event"] == "stopped"


def look_on(ground: RunningLab, controller: Controller) -> None:
    """Beside serve; Ctrl-C ends it, and leaves nothing on the host."""
    seen = controller.run("watch", "--once")
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "2 healthy" in seen.stdout
    probes = count_probes(ground)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "watch", "--json"],
        cwd=controller.repository,
        env=controller.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stdout
        told = (json.loads(line) for line in watch.stdout)
        next(one for one in told if (one["event"], one.get("state")) == ("host", "healthy"))
        watch.send_signal(signal.SIGINT)
        assert watch.wait(30) == 0
    until(lambda: count_probes(ground) == probes, "end of its probe")


def count_probes(ground: RunningLab) -> int:
    address = ground.report.host(AUTO).address
    return int(ssh(ground, address, "pgrep -c python3 || true"))


def recover_by_itself(ground: RunningLab, controller: Controller) -> None:
    """Both serve and the run's own process are killed in the middle, as by a power failure."""
    incident, took = break_disk(ground, controller, AUTO)
    print(f"from the error to the confirmed verdict: {took:.1f} s")
    assert took <= SLOWEST_DETECTION
    run = controller.wait_for("step_ended", host=AUTO, step="fence")["run"]
    assert controller.end(signal.SIGKILL) == -signal.SIGKILL
    for pid in find_processes(run):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not find_processes(run), "end of the run's process")
    controller.serve()
    controller.wait_for("incident_cleared", seconds=240, host=AUTO)
    require_one_run(controller, AUTO, run)
    require_serving(ground, AUTO, run)
    require_report(controller, incident, run)


def recover_once_approved(ground: RunningLab, controller: Controller) -> None:
    """A pause holds it back, a person agrees, and serve alone is killed: the run goes on."""
    controller.ask("pause", APPROVED, "--reason", "work on the shelf")
    incident, _ = break_disk(ground, controller, APPROVED)
    controller.wait_for("incident_held_back", host=APPROVED, text="work on the shelf")
    controller.ask("approve", incident, "--yes")
    assert not controller.events("incident_run_started", host=APPROVED)
    controller.ask("unpause", APPROVED)
    run = controller.wait_for("step_started", host=APPROVED)["run"]
    assert controller.end(signal.SIGKILL) == -signal.SIGKILL
    (process,) = find_processes(run)
    controller.serve()
    controller.wait_for("incident_run_ended", seconds=240, host=APPROVED)
    assert not controller.events("run_ended", run=run), "another process than the first drove it"
    require_one_run(controller, APPROVED, run)
    require_serving(ground, APPROVED, run)
    approved = controller.ask("incidents", incident)["decision"]["approvals"]
    assert len(approved) == 1
    assert process not in find_processes(run)


def break_disk(ground: RunningLab, controller: Controller, host: str) -> tuple[str, float]:
    """The incident, and the seconds until it was confirmed."""
    began = datetime.now(UTC)
    break_host(ground.settings, host, how=BreakHow.EXT4_ERROR, say=print)
    confirmed = controller.wait_for("incident_confirmed", host=host)
    at = datetime.fromisoformat(confirmed["at"])
    return confirmed["incident"], (at - began).total_seconds()


def require_one_run(controller: Controller, host: str, run: str) -> None:
    runs = controller.ask("runs", "--host", host)["runs"]
    assert [(one["run"], one["state"]) for one in runs] == [(run, "DONE")]


def require_serving(ground: RunningLab, host: str, run: str) -> None:
    """Its public address leads to the new instance, which has its data."""
    from releve.lab.status import read_status  # noqa: PLC0415 - as it is now

    seen = read_status(ground.settings).host(host)
    assert seen.serving == f"{host}-{run}"
    with socket.create_connection((seen.address, 22), timeout=10) as door:
        assert door.recv(4) == b"SSH-"


def require_report(controller: Controller, incident: str, run: str) -> None:
    """Detection, decision, and every phase of the run with its reason, in each of the formats."""
    directory = controller.directory / "report"
    told = controller.ask("incidents", incident, "--report", str(directory))
    texts = {kind: Path(path).read_text() for kind, path in told["report"].items()}
    written: dict[str, Any] = json.loads(texts["json"])
    assert written["incident"]["state"] == "cleared"
    assert {one["witness"] for one in written["detection"]["witnesses"]} >= {"write", "kernel"}
    (one,) = written["runs"]
    steps = [step for phase in one["timing"]["phases"] for step in phase["steps"]]
    assert {"confirm", "fence", "converge", "cut_over", "close"} <= {step["name"] for step in steps}
    assert all(step["reason"] for step in steps)
    for text in (texts["markdown"], texts["html"]):
        assert incident in text
        assert run in text
        for step in ("Fence the old instance", "Run the playbook", "Move the public address"):
            assert step in text
