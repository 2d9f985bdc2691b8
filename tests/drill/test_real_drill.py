"""One drill on real LXD with real SSH, Ansible and scans: killed, cleaned up after, made again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.store import open_observed_store
from releve.model.observed import ScanRole
from tests.fixtures.lab import RunningLab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lxd"), pytest.mark.timeout(900)]

PROGRAM = "import sys; from releve.cli.main import main; sys.exit(main())"
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: {endpoint}, pool: {pool}}}
hosts:
  {host}:
    instance: {instance}
    image: {image}
    address: {address}
    volumes:
      data: {{id: {volume}, mount: {mount}, size: 1GiB}}
    ssh: {{identity_files: [{key}]}}
    converge: {{playbook: site.yml, inventory: [hosts.ini], timeout: 10m}}
    checks:
      - tcp: 22
      - {{file: /etc/team.conf, contains: [converged]}}
"""
PLAYBOOK = """\
- name: Configure the host
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the configuration
      ansible.builtin.copy: {content: "converged\\n", dest: /etc/team.conf, mode: "0644"}
    - name: Add the account
      ansible.builtin.user: {name: team}
"""


def test_a_killed_drill_leaves_nothing_and_the_next_one_an_image(
    lab: RunningLab, tmp_path: Path
) -> None:
    require_own_bridge(lab)
    host = write_repository(tmp_path / "repository", lab)
    before = list_things(lab)
    killed = start(tmp_path, host)
    assert killed.stdout
    told: list[dict[str, Any]] = []
    for line in killed.stdout:
        told.append(json.loads(line))
        if (told[-1].get("event"), told[-1].get("step")) == ("step_started", "converge"):
            break
    else:
        pytest.fail(f"the drill ended before its converge: {told[-4:]}")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert list_things(lab)["instances"] - before["instances"]

    again = start(tmp_path, host)
    out, _ = again.communicate(timeout=600)
    verdict = json.loads(out.splitlines()[-1])
    assert (again.returncode, verdict["readiness"]) == (0, "ready"), verdict
    after = list_things(lab)
    images = after.pop("images") - before.pop("images")
    assert after == before
    assert len(images) == 1
    require_scans(tmp_path, verdict["run_id"], host=host)
    lab.client.act("DELETE", f"/1.0/images/{images.pop()}", {})


def require_own_bridge(lab: RunningLab) -> None:
    """Bridges are the machine's, so two labs that drill at once would meet on one name."""
    found = lab.client.get("/1.0/networks/lxd-default-iso")
    if found is not None and not found["managed"]:
        pytest.skip("NOT TRIED on the real thing: another lab holds the bridge of isolated twins")


def write_repository(repository: Path, lab: RunningLab) -> str:
    repository.mkdir()
    volume = lab.host.volumes[0]
    plan = PLAN.format(
        endpoint=lab.report.endpoint,
        pool=lab.report.pool,
        host=lab.host.name,
        instance=lab.host.instance,
        image=lab.report.image,
        address=lab.host.address,
        volume=volume.id,
        mount=volume.mount,
        key=lab.report.ssh_key,
    )
    (repository / "releve.yml").write_text(plan)
    (repository / "site.yml").write_text(PLAYBOOK)
    (repository / "hosts.ini").write_text(f"{lab.host.name} ansible_user=root\n")
    return lab.host.name


def start(directory: Path, host: str) -> subprocess.Popen[str]:
    command = ["drill", host, "--yes", "--twins", "1", "--json"]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        cwd=directory / "repository",
        env=environment(directory),
        stdout=subprocess.PIPE,
        text=True,
    )


def environment(directory: Path) -> Mapping[str, str]:
    return {**os.environ, "RELEVE_STATE": str(directory / "state")}


def list_things(lab: RunningLab) -> dict[str, set[str]]:
    """LXD's own word; the network of isolated twins stays, for the next one."""

    def names(path: str) -> set[str]:
        found: Any = lab.client.get(path)
        return {str(one).rsplit("/", 1)[-1] for one in found}

    pools = names("/1.0/storage-pools")
    volumes = {
        f"{pool}/{name}"
        for pool in pools
        for name in names(f"/1.0/storage-pools/{pool}/volumes/custom")
    }
    return {
        "instances": names("/1.0/instances"),
        "volumes": volumes,
        "images": names("/1.0/images"),
    }


def require_scans(directory: Path, run_id: str, *, host: str) -> None:
    observed, findings = open_observed_store(directory / "state")
    scans = observed.find_scans(host, run_id=run_id)
    assert {scan.role for scan in scans} == {ScanRole.BASE, ScanRole.TWIN, ScanRole.AGED}
    assert all(scan.complete and scan.facts > 1000 for scan in scans)
    assert findings.read_noise(host, scans[0].base_image)
