"""One new instance: made, given its keys, started; an interrupted making is finished."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from releve.errors import Busy, Refused
from releve.model.resources import InstanceRequest
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import reading
from releve.providers.lxd.host_keys import describe_private_key
from releve.providers.lxd.instances import Instances
from releve.providers.lxd.isolation import ISOLATED_KEY, Isolation, make_device
from releve.providers.lxd.labels import as_config, read_labels
from releve.providers.lxd.operations import operations_on
from releve.providers.lxd.sizes import limits_of, profiles_of

AUTHORIZED_KEYS: Final = "/root/.ssh/authorized_keys"
_CREATE_SECONDS: Final = 300.0


def create_instance(api: LxdApi, request: InstanceRequest, *, network: str, pool: str) -> None:
    """Busy where the name is taken, unless by this request's own unfinished instance."""
    instances = Instances(api)
    if request.isolated and request.port_id:
        raise Refused(
            f"instance {request.name} is not made",
            why="a port is on the hosts' own network, and an isolated instance is not",
            remedy="Create it without a port",
        )
    host_keys = make_host_key_files(request.host_private_keys)
    found = instances.find(name=request.name, labels={})
    if not found:
        body = make_body(api, request, network=network, pool=pool)
        api.post(
            ("instances",), body, what=f"creating instance {request.name}", wait=_CREATE_SECONDS
        )
    elif is_unfinished(instances.read(request.name).content, request):
        _wait_until_made(api, request.name)
    else:
        raise Busy(
            f"the name {request.name} is taken",
            why="an instance of this name is there already",
            remedy="Look at it: it may be the one that was asked for",
        )
    place_keys(api, request, host_keys)
    if request.start:
        instances.start(request.name)


def is_unfinished(content: Mapping[str, Any], request: InstanceRequest) -> bool:
    """Made by this very request, and off: what is left of it may be done again."""
    with reading(f"reading instance {request.name}"):
        config = content["config"]
        wanted = {key: text for key, text in request.labels.as_mapping().items() if text}
        return bool(
            content["status"] == "Stopped"
            and read_labels(config) == wanted
            and config.get("volatile.base_image", request.image_id) == request.image_id
        )


def make_body(api: LxdApi, request: InstanceRequest, *, network: str, pool: str) -> dict[str, Any]:
    profiles, config = profiles_of(request.size), as_config(request.labels)
    inherited: dict[str, Mapping[str, str]] = {}
    for profile in profiles:
        content = api.get("profiles", profile)
        with reading(f"reading profile {profile}"):
            inherited |= content["devices"]
    devices = make_devices(inherited, network=request.network or network, pool=pool)
    if request.isolated:
        isolation = Isolation(api, network=network)
        isolation.ensure()
        devices = isolate_devices(inherited, devices, network=isolation.network)
        config |= {ISOLATED_KEY: "true"}
    return {
        "name": request.name,
        "type": "container",
        "source": {"type": "image", "fingerprint": request.image_id},
        "profiles": profiles,
        "config": config | limits_of(request.size),
        "devices": devices,
    }


def make_devices(
    inherited: Mapping[str, Mapping[str, str]], *, network: str, pool: str
) -> dict[str, dict[str, str]]:
    """Only what the plan says; under the profile's own device names, so that it overrides them."""
    devices = {}
    if pool:
        name = next((key for key, item in inherited.items() if item.get("path") == "/"), "root")
        devices[name] = {"type": "disk", "path": "/", "pool": pool}
    if network:
        name = next((key for key, item in inherited.items() if item.get("type") == "nic"), "eth0")
        devices[name] = {"type": "nic", "name": "eth0", "network": network}
    return devices


def isolate_devices(
    inherited: Mapping[str, Mapping[str, str]],
    devices: Mapping[str, dict[str, str]],
    *,
    network: str,
) -> dict[str, dict[str, str]]:
    """One interface, on the isolated network; every other, a profile's too, is masked."""
    both = dict(inherited) | dict(devices)
    others = [key for key, device in both.items() if device.get("type") == "nic"]
    name = others[0] if others else "eth0"
    masks = {key: {"type": "none"} for key in others}
    return dict(devices) | masks | {name: make_device(network)}


def make_host_key_files(private_keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Path to content and mode; Refused before anything is made where sshd could not load one."""
    files = {}
    for private in private_keys:
        path, public = describe_private_key(private)
        files[path] = (f"{private.strip()}\n", "0600")
        files[f"{path}.pub"] = (f"{public.algorithm} {public.public}\n", "0644")
    return files


def place_keys(
    api: LxdApi, request: InstanceRequest, host_keys: Mapping[str, tuple[str, str]]
) -> None:
    api.push_file(request.name, "/root/.ssh", content=None, mode="0700")
    present = api.read_file(request.name, AUTHORIZED_KEYS) or b""
    missing = missing_keys(present, request.authorized_keys)
    if missing:
        content = present + missing
        api.push_file(request.name, AUTHORIZED_KEYS, content=content, mode="0600")
    for path, (text, mode) in host_keys.items():
        api.push_file(request.name, path, content=text.encode(), mode=mode)


def missing_keys(present: bytes, wanted: Sequence[str]) -> bytes:
    """What is to be added: a drill's image holds the keys that the playbook put there."""
    known = {line.strip() for line in present.splitlines()}
    lines = [line.strip().encode() for line in wanted]
    added = b"".join(line + b"\n" for line in lines if line not in known)
    return b"\n" + added if added and present and not present.endswith(b"\n") else added


def _wait_until_made(api: LxdApi, name: str) -> None:
    operations = api.get("operations", recursion="1")
    with reading("reading the operations under way"):
        ids = [str(operation["id"]) for operation in operations_on(operations, name)]
    for identity in ids:
        api.wait_for(identity, what=f"creating instance {name}", seconds=_CREATE_SECONDS)
