"""What a person does at the provider to replace an instance, call by call."""

import socket
import time
from pathlib import Path
from typing import Any, Final

from tests.example.blog_on_lab import Blog

_START_SECONDS: Final = 60.0


def replace_instance(blog: Blog, name: str) -> None:
    """Power the old one off, and start a new one from the base image with the same volumes."""
    client, report = blog.lab.client, blog.lab.report
    volumes = list_volume_devices(blog)
    client.act("PUT", f"/1.0/instances/{blog.instance}/state", {"action": "stop", "force": True})
    take_devices(blog, set(volumes))
    nic = {"type": "nic", "name": "eth0", "network": report.network}
    root = {"type": "disk", "path": "/", "pool": report.pool}
    source = {"type": "image", "alias": report.image}
    devices = {"root": root, "eth0": nic, **volumes}
    client.act("POST", "/1.0/instances", {"name": name, "source": source, "devices": devices})
    key = Path(f"{report.ssh_key}.pub").read_text()
    client.push_file(name, "/root/.ssh/authorized_keys", text=key, mode="0600")
    client.act("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
    blog.instance, blog.private_address = name, await_ssh(blog, name)


def point_address_to(blog: Blog) -> None:
    path = f"/1.0/networks/{blog.lab.report.network}/forwards/{blog.address}"
    forward = blog.lab.client.get(path)
    config = {**forward["config"], "target_address": blog.private_address}
    blog.lab.client.act("PUT", path, {**forward, "config": config})


def list_volume_devices(blog: Blog) -> dict[str, dict[str, str]]:
    devices = {}
    for volume in blog.lab.host.volumes:
        pool, name = volume.id.split("/")
        devices[name] = {"type": "disk", "pool": pool, "source": name, "path": volume.mount}
    return devices


def take_devices(blog: Blog, names: set[str]) -> None:
    path = f"/1.0/instances/{blog.instance}"
    content: dict[str, Any] = blog.lab.client.get(path)
    kept = {name: device for name, device in content["devices"].items() if name not in names}
    assert len(kept) == len(content["devices"]) - len(names)
    blog.lab.client.act("PUT", path, {**content, "devices": kept})


def await_ssh(blog: Blog, name: str) -> str:
    """The address on which the instance answers."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        address = find_address(blog, name)
        if address and speaks_ssh(address):
            return address
        time.sleep(0.2)
    raise AssertionError(f"{name} does not answer")


def find_address(blog: Blog, name: str) -> str:
    state = blog.lab.client.get(f"/1.0/instances/{name}/state")
    addresses = ((state.get("network") or {}).get("eth0") or {}).get("addresses") or []
    return next((one["address"] for one in addresses if one["family"] == "inet"), "")


def speaks_ssh(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
