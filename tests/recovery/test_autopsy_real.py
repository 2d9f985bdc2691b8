"""A lab host whose disk really broke: recovered, its dead disk read, and a file fetched from it."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.store import open_observed_store, open_store
from releve.adapters.system_clock import SystemClock
from releve.lab.breakage import BreakHow, break_host
from releve.lab.settings import LabSettings
from releve.model.observed import FactKind, ScanRole
from releve.model.run import EventKind, RunInput, RunRecord, RunState
from releve.plan.loading import load_plan
from releve.recovery.autopsy.salvaged import Choice
from releve.recovery.look_back import propose_salvage
from releve.recovery.recover import catalogue_of, propose_run
from releve.recovery.report.of_run import read_report
from releve.wiring import State, connect, provider_of
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.step import FAILED
from tests.crash.test_kill_lxd import PLAYBOOK
from tests.fixtures.lab import RunningLab, require_lab, start_lab, stop_lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kill-lxd"), pytest.mark.timeout(900)]

HOST = "inquest"
BY_HAND = "/etc/cron.d/export"
CONTENT = "0 4 * * * root /opt/bin/export\n"
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: {endpoint}, pool: {pool}}}
hosts:
  {host}:
    instance: {host}
    image: {image}
    address: {address}
    volumes:
      data: {{id: {data}, mount: /srv/data}}
      backup: {{id: {backup}, mount: /srv/backup}}
    ssh: {{identity_files: [{key}]}}
    converge: {{playbook: site.yml, inventory: [hosts.ini]}}
    checks:
      - tcp: 22
      - {{file: /etc/team.conf, contains: [converged]}}
"""


@pytest.fixture
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    require_lab()
    place = tmp_path_factory.mktemp("inquest")
    settings = LabSettings("inquest", directory=place / "lab", hosts=(HOST,))
    try:
        yield start_lab(settings)
    finally:
        stop_lab(settings)


def open_state(directory: Path) -> State:
    journal, lease = open_store(directory)
    observed, findings = open_observed_store(directory)
    return State(directory, "", journal, lease, SystemClock(), observed, findings)


def drive(run: RunInput, state: State) -> RunRecord:
    outside = connect(provider_of(run), state=state)
    record = Engine(outside, catalogue_of(run), EngineSettings(state.directory)).drive(run)
    assert record.state is RunState.DONE, record.next_action
    return record


def outputs(run: RunInput, state: State) -> dict[str, dict[str, Any]]:
    events = state.journal.read_events(run.run_id)
    ends = {event.step: event.data["output"] for event in events if event.kind is EventKind.DONE}
    failures = {step: output[FAILED] for step, output in ends.items() if output.get(FAILED)}
    assert failures == {}
    return ends


def write_plan(repository: Path, ground: RunningLab) -> Path:
    repository.mkdir()
    volumes = {Path(volume.id).name: volume.id for volume in ground.host.volumes}
    key = Path(shutil.copy(ground.report.ssh_key, repository.parent / "key"))
    report = ground.report
    text = PLAN.format(
        endpoint=report.endpoint,
        pool=report.pool,
        image=report.image,
        host=HOST,
        address=ground.host.address,
        key=key,
        **volumes,
    )
    (repository / "releve.yml").write_text(text)
    (repository / "site.yml").write_text(PLAYBOOK)
    (repository / "hosts.ini").write_text(f"{HOST} ansible_host={ground.host.address}\n")
    return repository / "releve.yml"


def test_a_dead_disk_says_what_happened_and_gives_a_file_back(
    ground: RunningLab, tmp_path: Path
) -> None:
    state = open_state(tmp_path / "state")
    plan = write_plan(tmp_path / "repository", ground)
    ground.client.push_file(HOST, BY_HAND, text=CONTENT, mode="0644")
    assert ground.client.execute(HOST, ["sync"]).exit_code == 0
    break_host(ground.settings, HOST, how=BreakHow.EXT4_ERROR, say=print)

    run = propose_run(load_plan(plan), HOST, journal=state.journal, clock=state.clock, options={})
    drive(run, state)
    made = outputs(run, state)
    error = made["autopsy_disk"]["superblock"]["first_error"]
    assert error["function"]
    assert error["at"]
    digest = made["autopsy_proof"]["digest"]
    assert digest == made["autopsy_disk"]["digest"] == digest_of_disk(ground) != ""

    assert find_by_hand(state, ScanRole.DEAD)
    assert not find_by_hand(state, ScanRole.RECOVERED)
    recount = read_report(state.journal, run.run_id).autopsy
    assert recount is not None
    assert recount.recount is not None
    assert any(BY_HAND in lost.title for lost in recount.recount.findings)
    assert recount.recount.came_back > 1000

    record = state.journal.read_run(run.run_id)
    choice = Choice((BY_HAND,))
    fetch = propose_salvage(record, choice, journal=state.journal, clock=state.clock)
    drive(fetch, state)
    (file,) = outputs(fetch, state)["salvage_files"]["files"]
    assert (file["state"], file["owner"], file["mode"]) == ("written", "root", "0644")
    assert file["sha256"] == hashlib.sha256(CONTENT.encode()).hexdigest()
    (new,) = [item["name"] for item in list_instances(ground) if item["name"] != HOST]
    assert ground.client.execute(new, ["cat", BY_HAND]).output == CONTENT
    assert digest_of_disk(ground) == digest
    (old,) = [item for item in list_instances(ground) if item["name"] == HOST]
    assert (old["status"], old["config"]["user.releve.role"]) == ("Stopped", "quarantined")


def find_by_hand(state: State, role: ScanRole) -> bool:
    (scan,) = state.observed.find_scans(HOST, role=role)
    return any(
        fact.kind is FactKind.FILE and fact.key == BY_HAND
        for fact in state.observed.read_facts(scan.scan_id)
    )


def digest_of_disk(ground: RunningLab) -> str:
    (disk,) = [path for path in ground.settings.paths.disks.glob("*.img") if HOST in path.name]
    with disk.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def list_instances(ground: RunningLab) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ground.client.get("/1.0/instances?recursion=1")
    return listed
