"""What a lab is made of now: everything a releve.yml needs to name."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from releve.lab.client import Client
from releve.lab.daemon import is_daemon_running
from releve.lab.disks import INSTANCE_POOL
from releve.lab.engine import Engine, choose_engine
from releve.lab.instances import IMAGE_ALIAS
from releve.lab.record import HostRecord, LabRecord, VolumeRecord, read_record
from releve.lab.settings import LabPaths, LabSettings


@dataclass(frozen=True)
class LabVolume:
    id: str
    mount: str
    size: str
    uuid: str
    attached_to: tuple[str, ...]  # instances


@dataclass(frozen=True)
class LabHost:
    name: str
    instance: str  # the one it was made with
    state: str  # of that instance: running, stopped, missing, unknown
    serving: str  # the instance its public address leads to now; empty: none known
    address: str  # public
    private_address: str
    root_filesystem: str
    volumes: tuple[LabVolume, ...]


@dataclass(frozen=True)
class LabReport:
    name: str
    directory: str
    state: str  # up, stopped, unfinished, down
    engine: str = ""
    endpoint: str = ""
    project: str = ""
    network: str = ""
    subnet: str = ""
    pool: str = ""
    copy_on_write: bool = False
    image: str = ""
    ssh_key: str = ""
    known_hosts: str = ""
    hosts: tuple[LabHost, ...] = ()

    def host(self, name: str) -> LabHost:
        return next(host for host in self.hosts if host.name == name)

    def as_mapping(self) -> dict[str, Any]:
        return asdict(self)


def read_status(settings: LabSettings) -> LabReport:
    """Changes nothing and needs no lock; a lab that is not there is reported as down."""
    paths = settings.paths
    record = read_record(paths.record)
    if record is None:
        return LabReport(settings.name, str(paths.directory), "down")
    return read_report(paths, record, engine=choose_engine(prefer=record.engine))


def describe(report: LabReport) -> list[str]:
    """Plain lines for a person."""
    lines = [f"lab {report.name}: {report.state} ({report.directory})"]
    if not report.hosts:
        return lines
    pool = "copy-on-write" if report.copy_on_write else "plain"
    lines += [
        f"endpoint  {report.endpoint} ({report.engine}, project {report.project})",
        f"network   {report.network} {report.subnet}",
        f"pool      {report.pool} ({pool}), image {report.image}",
    ]
    for host in report.hosts:
        lines.append(
            f"host      {host.name}: {host.state}, root {host.root_filesystem}, "
            f"{host.private_address}; {host.address} leads to {host.serving or 'nothing known'}"
        )
        for volume in host.volumes:
            where = ", ".join(volume.attached_to) or "nothing"
            lines.append(f"volume    {volume.id} {volume.size} at {volume.mount}, on {where}")
    return lines


def read_report(paths: LabPaths, record: LabRecord, *, engine: Engine) -> LabReport:
    client = Client(engine, paths)
    running = is_daemon_running(client)
    state = "up" if running else "stopped"
    return LabReport(
        name=record.name,
        directory=str(paths.directory),
        state=state if record.complete else "unfinished",
        engine=record.engine,
        endpoint=str(paths.socket),
        project="default",
        network=record.bridge,
        subnet=record.subnet,
        pool=INSTANCE_POOL,
        copy_on_write=record.copy_on_write,
        image=IMAGE_ALIAS,
        ssh_key=str(paths.ssh_key),
        known_hosts=str(paths.known_hosts),
        hosts=tuple(
            _read_host(client, record, host=host, running=running) for host in record.hosts
        ),
    )


def _read_host(client: Client, record: LabRecord, *, host: HostRecord, running: bool) -> LabHost:
    state, serving = "unknown", ""
    if running:
        instance = client.get(f"/1.0/instances/{host.name}")
        state = instance["status"].lower() if instance else "missing"
        serving = _read_serving(client, record, host=host)
    return LabHost(
        name=host.name,
        instance=host.name,
        state=state,
        serving=serving,
        address=host.public_address,
        private_address=host.private_address,
        root_filesystem=host.root_filesystem.value,
        volumes=tuple(
            _read_volume(client, volume, running=running) for volume in record.volumes_of(host.name)
        ),
    )


def _read_serving(client: Client, record: LabRecord, *, host: HostRecord) -> str:
    forward = client.get(f"/1.0/networks/{record.bridge}/forwards/{host.public_address}")
    target = forward["config"].get("target_address", "") if forward else ""
    leases = client.get(f"/1.0/networks/{record.bridge}/leases") or []
    return next(
        (lease["hostname"] for lease in leases if target and lease["address"] == target), ""
    )


def _read_volume(client: Client, volume: VolumeRecord, *, running: bool) -> LabVolume:
    path = f"/1.0/storage-pools/{volume.pool}/volumes/custom/{volume.name}"
    found = (client.get(path) if running else None) or {"config": {}, "used_by": []}
    return LabVolume(
        id=volume.identity,
        mount=volume.mount,
        size=volume.size,
        uuid=found["config"].get("user.releve.uuid", ""),
        attached_to=tuple(Path(user.partition("?")[0]).name for user in found["used_by"]),
    )
