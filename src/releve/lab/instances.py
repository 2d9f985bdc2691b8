"""The image in the lab's daemon, and the instances that its hosts start on."""

import socket
import time
from typing import Any, Final

from releve.errors import LabError
from releve.lab.base_image import BaseImage
from releve.lab.client import Client
from releve.lab.commands import run
from releve.lab.disks import INSTANCE_POOL, is_root_readable, mount_root, prepare_root_disk
from releve.lab.record import HostRecord, LabRecord
from releve.lab.settings import LabPaths
from releve.model.server_text import show_server_text

IMAGE_ALIAS: Final = "base"

_HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key.pub"
_ANSWER_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.1


def ensure_image(client: Client, image: BaseImage) -> None:
    if client.get(f"/1.0/images/aliases/{IMAGE_ALIAS}") is None:
        client.import_image(image.metadata, image.rootfs, alias=IMAGE_ALIAS)


def ensure_default_profile(client: Client, record: LabRecord) -> None:
    """So that a person's `lxc launch base NAME` works too."""
    devices = {
        "root": {"type": "disk", "path": "/", "pool": INSTANCE_POOL},
        "eth0": {"type": "nic", "name": "eth0", "network": record.bridge},
    }
    client.act("PUT", "/1.0/profiles/default", {"config": {}, "devices": devices})


def ensure_ssh_key(paths: LabPaths, name: str) -> None:
    if not paths.ssh_key.exists():
        comment = f"releve lab {name}"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment]
        run([*argv, "-f", str(paths.ssh_key)])


def ensure_host(client: Client, record: LabRecord, *, host: HostRecord) -> None:
    path = f"/1.0/instances/{host.name}"
    if client.get(path) is None:
        hook = prepare_root_disk(client.paths, host)
        request = _request(host.name, _devices(record, host))
        request["config"] = {"raw.lxc": f"lxc.hook.pre-start = {hook}"}
        client.act("POST", "/1.0/instances", request)
    authorized = client.paths.ssh_key.with_suffix(".pub").read_text()
    client.push_file(host.name, "/root/.ssh/authorized_keys", text=authorized, mode="0600")
    if client.get(path)["status"] != "Running":
        client.act("PUT", f"{path}/state", {"action": "start", "timeout": 30})


def mend_roots(client: Client, record: LabRecord) -> None:
    """A stopped host's disk can be read, and the host started, as after any power cut."""
    for host in record.hosts:
        if is_root_readable(client.paths, host):
            continue
        instance = client.get(f"/1.0/instances/{host.name}")
        if instance and instance["status"] == "Stopped":
            mount_root(client.paths, host)


def await_host(client: Client, host: HostRecord) -> None:
    """Until SSH answers on the private address, and again through the public one."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    for address in (host.private_address, host.public_address):
        while not _speaks_ssh(address):
            if time.monotonic() >= deadline:
                raise _silence(client, host, address=address)
            time.sleep(_POLL_SECONDS)


def write_known_hosts(client: Client, record: LabRecord) -> None:
    """Host keys as the daemon reads them from the disk, never from the network."""
    lines = []
    for host in record.hosts:
        key = " ".join(client.pull_file(host.name, _HOST_KEY).split()[:2])
        lines.append(f"{host.private_address},{host.public_address},{host.name} {key}\n")
    client.paths.known_hosts.write_text("".join(lines))


def _request(name: str, devices: dict[str, Any]) -> dict[str, Any]:
    source = {"type": "image", "alias": IMAGE_ALIAS}
    return {"name": name, "source": source, "profiles": [], "devices": devices}


def _devices(record: LabRecord, host: HostRecord) -> dict[str, Any]:
    nic = {"type": "nic", "name": "eth0", "network": record.bridge}
    volumes = {
        volume.name: {
            "type": "disk",
            "pool": volume.pool,
            "source": volume.name,
            "path": volume.mount,
        }
        for volume in record.volumes_of(host.name)
    }
    return {
        "root": {"type": "disk", "path": "/", "pool": INSTANCE_POOL},
        "eth0": {**nic, "ipv4.address": host.private_address},
        **volumes,
    }


def _speaks_ssh(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _silence(client: Client, host: HostRecord, *, address: str) -> LabError:
    state = client.execute(host.name, ["systemctl", "--failed", "--no-legend", "--plain"])
    failed = " ".join(line.split()[0] for line in state.output.splitlines() if line.split())
    if state.exit_code != 0:
        why = f"its systemd does not answer: {show_server_text(state.complaint.strip())}"
    else:
        why = f"failed units: {show_server_text(failed)}" if failed else "no unit of it has failed"
    return LabError(
        f"Host {host.name} does not answer SSH on {address}",
        why=why,
        remedy="a firewall of this machine may drop forwarded packets: see docs/how-to/lab.md",
    )
