"""One recovery on real LXD with real SSH and real Ansible, killed with SIGKILL in every step.

One run lives on through all the kills: each life is cut at the next instant of the list, and the
last one ends by itself. What is then counted is LXD's own state, never our journal.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from releve.lab.settings import LabSettings
from releve.plan.loading import load_plan
from releve.recovery.recover import catalogue_of, propose_run
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike
from tests.crash.harness import Kill, Life, Point, live_once
from tests.fixtures.lab import RunningLab, require_lab, start_lab, stop_lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kill-lxd"), pytest.mark.timeout(900)]

HOST = "killed"
CONTENT = "written before the crash"
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: {endpoint}, pool: {pool}}}
hosts:
  {host}:
    instance: {host}
    image: {image}
    address: {address}
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
      - {{file: /etc/team.handled, contains: [handled]}}
"""
PLAYBOOK = """\
- name: Configure the host
  hosts: all
  tasks:
    - name: Write the configuration
      ansible.builtin.copy: {content: "converged\\n", dest: /etc/team.conf, mode: "0644"}
      notify: Handle
  handlers:
    - name: Handle
      ansible.builtin.copy: {content: "handled\\n", dest: /etc/team.handled, mode: "0644"}
"""
ACTING = frozenset(
    {"confirm", "mark", "fence", "create_instance", "snapshot_volumes", "detach_volumes"}
    | {"attach_volumes", "converge", "verify", "cut_over", "verify_outside", "quarantine"}
    | {"promote"}
)
LOOKING = frozenset(
    {"gates", "preconditions", "reserve_port", "await_volumes", "await_instance"}
    | {"await_access", "mount_volumes", "close"}
)
MOST_LIVES = 120


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On disk: a lab is too large for memory."""
    return tmp_path_factory.mktemp("kill-lxd")


@pytest.fixture
def ground(place: Path) -> Iterator[RunningLab]:
    require_lab()
    settings = LabSettings("killed", directory=place / "lab", hosts=(HOST,))
    try:
        yield start_lab(settings)
    finally:
        stop_lab(settings)


def test_a_recovery_killed_in_every_step_does_nothing_twice(
    ground: RunningLab, place: Path
) -> None:
    plan = write_repository(place / "repository", ground)
    ground.client.push_file(HOST, "/srv/data/content", text=CONTENT, mode="0644")
    scenario = partial(live, plan)
    survived: frozenset[Point] = frozenset(
        Point(step, "before_intent")
        for step in ACTING | LOOKING  # as after the step before it
    )
    lives: list[Life] = []
    while not lives or lives[-1].killed:
        assert len(lives) < MOST_LIVES, "the run does not come nearer to its end"
        lives.append(live_once(scenario, place, kill=Kill(survived=survived)))
        survived |= {lives[-1].points[-1]} if lives[-1].killed else set()
    assert lives[-1].ending == "DONE"
    require_killed_everywhere(survived)
    require_whole(ground)


def require_killed_everywhere(survived: frozenset[Point]) -> None:
    """Beside what runs at the same time a step may have acted in a life that another one cut."""
    killed = {(point.step, point.instant) for point in survived}
    uncut = {step for step in ACTING | LOOKING if (step, "after_commit") not in killed}
    assert len(uncut) <= 1, f"never killed after their commits: {uncut}"
    struck = {step for step, instant in killed if instant == "after_effect"}
    assert len(ACTING - struck) <= 2, f"never killed after an effect: {ACTING - struck}"


def live(plan: Path, directory: Path, strike: Strike) -> str:
    """One life of the controller; the first one proposes the run."""
    from releve.adapters.store import open_observed_store, open_store  # noqa: PLC0415 - in the child only
    from releve.adapters.system_clock import SystemClock  # noqa: PLC0415 - in the child only
    from releve.wiring import State, connect, provider_of  # noqa: PLC0415 - in the child only

    journal, lease = open_store(directory / "state")
    observed, findings = open_observed_store(directory / "state")
    state = State(directory / "state", "", journal, lease, SystemClock(), observed, findings)
    runs = journal.list_runs(host=HOST)
    if runs:
        run = runs[0].input
    else:
        options = {"even_if_healthy": True}
        loaded = load_plan(plan)
        run = propose_run(loaded, HOST, journal=journal, clock=state.clock, options=options)
    outside = connect(provider_of(run), state=state)
    settings = EngineSettings(state.directory, strike=strike)
    record = Engine(outside, catalogue_of(run), settings).drive(run)
    if record.state != "DONE":
        raise AssertionError(record.next_action)
    return record.state.value


def write_repository(repository: Path, ground: RunningLab) -> Path:
    repository.mkdir()
    volumes = {Path(volume.id).name: volume.id for volume in ground.host.volumes}
    key = Path(shutil.copy(ground.report.ssh_key, repository.parent / "key"))
    plan = repository / "releve.yml"
    plan.write_text(
        PLAN.format(
            endpoint=ground.report.endpoint,
            pool=ground.report.pool,
            image=ground.report.image,
            host=HOST,
            address=ground.host.address,
            key=key,
            content=CONTENT,
            **volumes,
        )
    )
    (repository / "site.yml").write_text(PLAYBOOK)
    (repository / "hosts.ini").write_text(f"{HOST} ansible_host={ground.host.address}\n")
    return plan


def require_whole(ground: RunningLab) -> None:
    """Each effect once, in LXD's own words."""
    instances = {item["name"]: item for item in ground.client.get("/1.0/instances?recursion=1")}
    made = [item for item in instances.values() if item["name"] != HOST]
    assert len(made) == 1, "one new instance, whatever happened"
    (new,) = made
    old = instances[HOST]
    assert (new["status"], old["status"]) == ("Running", "Stopped")
    assert new["config"]["user.releve.role"] == "active"
    for volume in ground.host.volumes:
        require_moved_once(ground, volume.id, new["name"])


def require_moved_once(ground: RunningLab, volume_id: str, new: str) -> None:
    pool, name = volume_id.split("/")
    path = f"/1.0/storage-pools/{pool}/volumes/custom/{name}"
    content = ground.client.get(path)
    assert [user.split("?")[0] for user in content["used_by"]] == [f"/1.0/instances/{new}"]
    assert len(ground.client.get(f"{path}/snapshots")) == 1
