"""A recovery at a real control plane: steps, engine, journal, leases, provider are real."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import openstack

from releve.adapters.store import open_observed_store, open_store
from releve.adapters.system_clock import SystemClock
from releve.model.run import RunInput, RunRecord
from releve.plan.loading import load_plan
from releve.ports.journal import Journal
from releve.ports.outside import Outside
from releve.recovery.recover import catalogue_of, propose_run, steps_to_undo
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike, strike_nothing
from releve.workflow.patience import Patience
from releve.workflow.step import Step
from tests.matrix.state_template import copy_state
from tests.openstack.connecting import connect_team
from tests.openstack.control_plane import ControlPlane
from tests.openstack.doubles import GuestAccess, GuestChecker, RecordedConverger
from tests.openstack.tenant import CLOUD, IMAGE, NETWORK, SIZE, Tenant

MOUNTS: Final = {"data": "/srv/data", "backup": "/srv/backup"}
SETTLE_SECONDS: Final = 0.2  # this cloud's lists never lag; an act in doubt waits four times this
TIME_OUT_SECONDS: Final = 6.0  # a busy machine answers an ordinary request within it
LONGEST_RETRY_AFTER_SECONDS: Final = 3.0
_GROUND: Final = "ground.json"
_PLAN: Final = """\
version: 1
provider: {{kind: openstack, cloud: {cloud}}}
hosts:
  {host}:
    instance: {old}
    image: {image}
    size: {size}
    network: {network}
    address: {address}
    autopsy: never
    snapshots: always
    volumes:
{volumes}
    converge: {{playbook: site.yml, inventory: [hosts.yml]}}
    checks:
      - http: http://{host}/
"""


@dataclass(frozen=True)
class Ground:
    """What was there before the crash; kept in a file, for controllers that are killed."""

    plane_directory: str
    plane_port: int
    clouds_file: str  # leads through the proxy
    host: str  # a new one for each: the project remembers the recoveries of its hosts
    old: str
    address: str
    volumes: dict[str, str]  # name in the plan to id

    @property
    def plane(self) -> ControlPlane:
        return ControlPlane(Path(self.plane_directory), self.plane_port)


def make_crashed_host(tenant: Tenant, directory: Path, *, clouds_file: Path) -> Ground:
    """Its old server, volumes and address, the team's repository, and a run proposed."""
    name = f"web-{secrets.token_hex(4)}"
    old = tenant.ask_for_server(name, from_volume=False)  # quicker; the new one boots from a volume
    volumes = {key: tenant.make_volume(f"{key}-{name}") for key in MOUNTS}
    tenant.wait_until_built(old, name)
    for volume in volumes.values():
        tenant.attach(volume, old)
    address = tenant.make_address(old)
    plane = tenant.plane
    ground = Ground(
        str(plane.directory),
        plane.port,
        str(clouds_file),
        host=f"{name}.example.org",
        old=old,
        address=address,
        volumes=volumes,
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _GROUND).write_text(json.dumps(asdict(ground)))
    propose(directory, _write_repository(directory / "repository", ground, name), host=ground.host)
    return ground


def propose(directory: Path, plan: Path, *, host: str) -> None:
    copy_state(directory / "state")
    journal, _lease = open_store(directory / "state")
    loaded = load_plan(plan)
    journal.open_run(propose_run(loaded, host, journal=journal, clock=SystemClock(), options={}))


def open_journal(directory: Path) -> Journal:
    """Without a word to the cloud."""
    return open_store(directory / "state")[0]


def read_ground(directory: Path) -> Ground:
    return Ground(**json.loads((directory / _GROUND).read_text()))


def _write_repository(repository: Path, ground: Ground, old: str) -> Path:
    repository.mkdir()
    volumes = "\n".join(
        f"      {name}: {{id: {ground.volumes[name]}, mount: {mount}, filesystem: ext4}}"
        for name, mount in MOUNTS.items()
    )
    words = {"cloud": CLOUD, "image": IMAGE, "size": SIZE, "network": NETWORK}
    plan = repository / "releve.yml"
    plan.write_text(
        _PLAN.format(host=ground.host, old=old, address=ground.address, volumes=volumes, **words)
    )
    (repository / "site.yml").write_text("- hosts: all\n  tasks: []\n")
    (repository / "hosts.yml").write_text(f"all:\n  hosts:\n    {ground.host}:\n")
    return plan


@dataclass
class Controller:
    """One life of the controller process, over what outlives it in the directory."""

    directory: Path
    strike: Strike = strike_nothing
    settle_seconds: float = SETTLE_SECONDS
    longest_step_seconds: float = 300.0
    ground: Ground = field(init=False)
    run: RunInput = field(init=False)
    journal: Journal = field(init=False)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.ground = read_ground(self.directory)
        journal, lease = open_store(self.directory / "state")
        observed, findings = open_observed_store(self.directory / "state")
        self.journal = journal
        self.run = journal.list_runs()[0].input
        plane = self.ground.plane
        self.outside = Outside(
            provider=connect_team(
                Path(self.ground.clouds_file),
                timeout_seconds=TIME_OUT_SECONDS,
                settle_seconds=self.settle_seconds,
            ),
            access=GuestAccess(plane, broken=self.ground.old),
            converger=RecordedConverger(plane),
            checker=GuestChecker(plane, volumes=len(MOUNTS), holder_of=self._holder_of),
            journal=journal,
            lease=lease,
            clock=SystemClock(),
            observed=observed,
            findings=findings,
        )

    def drive(self) -> RunRecord:
        return self._engine().drive(self.run)

    def cancel(self) -> RunRecord:
        self.journal.request_cancel(self.run.run_id)
        record = self.journal.read_run(self.run.run_id)
        return self._engine().undo(self.run, tuple(steps_to_undo(record, journal=self.journal)))

    def _engine(self) -> Engine:
        patience = Patience(
            settle_seconds=self.settle_seconds,
            first_pause_seconds=0.1,
            longest_retry_after_seconds=LONGEST_RETRY_AFTER_SECONDS,
            least_poll_seconds=self.outside.provider.capabilities.poll_seconds,
            draw=lambda: 1.0,
        )
        settings = EngineSettings(self.directory / "state", strike=self.strike, patience=patience)
        return Engine(self.outside, _catalogue(self.run, self.longest_step_seconds), settings)

    def _holder_of(self, address: str) -> str:
        """As the operator of the cloud sees it, not through the proxy."""
        config = openstack.config.OpenStackConfig(
            config_files=[str(self.ground.plane.clouds_file)], load_envvars=False
        )
        with openstack.connection.Connection(config=config.get_one("oslab-admin")) as operator:
            (found,) = operator.network.ips(floating_ip_address=address)
            if not found.port_id:
                return ""
            port: Any = operator.network.get_port(found.port_id)
            return str(port.device_id)


def _catalogue(run: RunInput, longest_seconds: float) -> Mapping[str, Step]:
    """The real steps; none waits longer than that."""
    steps = dict(catalogue_of(run))
    for step in steps.values():
        step.deadline_seconds = min(step.deadline_seconds, longest_seconds)  # type: ignore[misc] # of this instance alone
    return steps
