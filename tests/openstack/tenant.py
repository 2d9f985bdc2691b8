"""One team's project on a control plane: what its people make by hand, and all that is in it."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import openstack
import yaml

from tests.openstack.control_plane import ControlPlane

NETWORK: Final = "private"
SIZE: Final = "v1"  # no disk of its own: such a server boots from a volume, as at GandiCloud VPS
SIZE_WITH_DISK: Final = "m1"
IMAGE: Final = "debian-12"
CLOUD: Final = "team"
MOST_SERVERS: Final = 200
_PASSWORD: Final = "oslab"  # noqa: S105 - of a control plane on loopback
_PATIENCE_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.4


@dataclass(frozen=True)
class Tenant:
    plane: ControlPlane
    clouds_file: Path  # an application credential under the name CLOUD
    secret: str  # of that credential: to be found in no other file
    project_id: str
    # connections, whose types would speak of every version of each API at once
    hands: Any  # of a person of the team, at the cloud's own console
    operator: Any
    public_network: str

    def make_server(self, name: str, *, from_volume: bool = True, port: str = "") -> str:
        server = self.ask_for_server(name, from_volume=from_volume, port=port)
        self.wait_until_built(server, name)
        return server

    def wait_until_built(self, server_id: str, name: str) -> None:
        self.wait_until(lambda: self.is_built(name), f"{name} is built")
        built = self.hands.compute.get_server(server_id)
        assert built.status == "ACTIVE", built.fault

    def ask_for_server(
        self,
        name: str,
        *,
        from_volume: bool = True,
        metadata: Mapping[str, str] | None = None,
        port: str = "",
    ) -> str:
        image = self.hands.image.find_image(IMAGE)
        network = self.hands.network.find_network(NETWORK)
        size = self.hands.compute.find_flavor(SIZE if from_volume else SIZE_WITH_DISK)
        root: dict[str, Any] = {"image_id": image.id}
        if from_volume:
            mapping = {
                "boot_index": 0,
                "uuid": image.id,
                "source_type": "image",
                "destination_type": "volume",
                "volume_size": 1,
                "delete_on_termination": False,
            }
            root = {"block_device_mapping": [mapping]}
        server = self.hands.compute.create_server(
            name=name,
            flavor_id=size.id,
            networks=[{"port": port} if port else {"uuid": network.id}],
            metadata=metadata or {},
            **root,
        )
        return str(server.id)

    def make_volume(self, name: str) -> str:
        volume = self.hands.block_storage.create_volume(size=1, name=name)
        self.wait_until(lambda: self.volume(volume.id).status == "available", f"{name} is there")
        return str(volume.id)

    def delete_volume(self, volume_id: str) -> None:
        """With its snapshots."""
        storage = self.hands.block_storage
        for snapshot in storage.snapshots(volume_id=volume_id):
            storage.delete_snapshot(snapshot)
        self.wait_until(lambda: not list(storage.snapshots(volume_id=volume_id)), "no snapshot")
        storage.delete_volume(volume_id)
        self.wait_until(lambda: volume_id not in {item.id for item in storage.volumes()}, "gone")

    def attach(self, volume_id: str, server_id: str) -> None:
        self.hands.compute.create_volume_attachment(server_id, volume_id=volume_id)
        self.wait_until(lambda: self.volume(volume_id).status == "in-use", "it is attached")

    def make_port(self, name: str) -> tuple[str, str]:
        """Its address, and its id."""
        network = self.hands.network.find_network(NETWORK)
        port = self.hands.network.create_port(network_id=network.id, name=name)
        return str(port.fixed_ips[0]["ip_address"]), str(port.id)

    def make_address(self, server_id: str = "") -> str:
        address = self.hands.network.create_ip(floating_network_id=self.public_network)
        if server_id:
            self.hands.network.update_ip(address, port_id=self.ports_of(server_id)[0].id)
        return str(address.floating_ip_address)

    # what there is, as the control plane's operator sees it

    def servers(self) -> list[Any]:
        return list(self.operator.compute.servers(all_projects=True, project_id=self.project_id))

    def volume(self, volume_id: str) -> Any:
        return self.hands.block_storage.get_volume(volume_id)

    def ports(self) -> list[Any]:
        return list(self.operator.network.ports(project_id=self.project_id))

    def ports_of(self, server_id: str) -> list[Any]:
        return list(self.operator.network.ports(device_id=server_id))

    def holders_of(self, volume_id: str) -> list[str]:
        return [str(item["server_id"]) for item in self.volume(volume_id).attachments]

    def is_free(self, volume_id: str) -> bool:
        """As Cinder and Nova see it; Nova lets it go a moment later."""
        held = {
            str(volume["id"])
            for server in self.hands.compute.servers()
            for volume in server.attached_volumes
        }
        return self.volume(volume_id).status == "available" and volume_id not in held

    def server_of_address(self, address: str) -> str:
        """The id; empty: it leads nowhere."""
        (found,) = self.operator.network.ips(floating_ip_address=address)
        if not found.port_id:
            return ""
        return str(self.operator.network.get_port(found.port_id).device_id)

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(_POLL_SECONDS)

    def clean_up(self) -> None:
        """A control plane of one session goes as a whole; one that stays is left as it was."""
        if self.plane.stays:
            self.delete_all()
        self.close()

    def delete_all(self) -> None:
        """Servers first, for they hold the rest; then nothing is left of the project."""
        for address in self.hands.network.ips():
            self.hands.network.delete_ip(address)
        for server in self.servers():
            with suppress(openstack.exceptions.NotFoundException):  # on its way out already
                self.operator.compute.unlock_server(server)
                self.operator.compute.delete_server(server)
        self.wait_until(lambda: not self.servers(), "no server is left")
        for port in self.ports():
            if not port.device_owner.startswith("network:"):
                self.operator.network.delete_port(port)
        self._delete_storage()
        for image in self.hands.image.images(owner=self.project_id):
            self.hands.image.delete_image(image)

    def _delete_storage(self) -> None:
        storage = self.hands.block_storage
        for volume in storage.volumes():
            self.operator.block_storage.reset_volume_status(
                volume, status="available", attach_status="detached"
            )
        for snapshot in storage.snapshots():
            storage.delete_snapshot(snapshot)
        self.wait_until(lambda: not list(storage.snapshots()), "no snapshot is left")
        for volume in storage.volumes():
            storage.delete_volume(volume)
        self.wait_until(lambda: not list(storage.volumes()), "no volume is left")

    def close(self) -> None:
        self.hands.close()
        self.operator.close()

    def is_built(self, name: str) -> bool:
        """Or failed; a list of names costs the control plane half of what one server does."""
        asked = {"name": f"^{name}$", "status": ["ACTIVE", "ERROR"]}
        return bool(list(self.hands.compute.servers(details=False, **asked)))


def make_tenant(plane: ControlPlane, directory: Path) -> Tenant:
    """A project with one user, one network behind a router, and an application credential."""
    operator = _connect(plane, username="admin", project="admin")
    name = f"team-{secrets.token_hex(4)}"
    project = operator.identity.create_project(name=name, domain_id="default")
    user = operator.identity.create_user(
        name=name, password=_PASSWORD, default_project_id=project.id, domain_id="default"
    )
    for role in ("member", "reader"):
        operator.identity.assign_project_role_to_user(
            project, user, operator.identity.find_role(role)
        )
    _raise_quotas(operator, project.id)
    hands = _connect(plane, username=name, project=name)
    secret = f"canary-{secrets.token_hex(16)}"
    credential = hands.identity.create_application_credential(
        hands.current_user_id, name="releve", secret=secret
    )
    clouds_file = directory / "clouds.yaml"
    _write_clouds_file(clouds_file, plane, credential_id=credential.id, secret=secret)
    public = _make_network(hands)
    return Tenant(plane, clouds_file, secret, project.id, hands, operator, public)


def _connect(plane: ControlPlane, *, username: str, project: str) -> Any:
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        region_name="LAB",
        api_timeout=60,
        auth={
            "auth_url": plane.auth_url,
            "username": username,
            "password": _PASSWORD,
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
    )


def _raise_quotas(operator: Any, project_id: str) -> None:
    operator.set_compute_quotas(
        project_id, instances=MOST_SERVERS, cores=400, ram=200000, metadata_items=128
    )
    operator.set_volume_quotas(project_id, volumes=500, snapshots=500, gigabytes=5000)
    operator.set_network_quotas(project_id, floatingip=150, port=500)


def _make_network(hands: Any) -> str:
    network = hands.network.create_network(name=NETWORK)
    subnet = hands.network.create_subnet(
        network_id=network.id, ip_version=4, cidr="10.20.0.0/20", name=NETWORK
    )
    public = hands.network.find_network("public")
    router = hands.network.create_router(
        name=NETWORK, external_gateway_info={"network_id": public.id}
    )
    hands.network.add_interface_to_router(router, subnet=subnet.id)
    return str(public.id)


def _write_clouds_file(
    target: Path, plane: ControlPlane, *, credential_id: str, secret: str
) -> None:
    cloud = {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": plane.auth_url,
            "application_credential_id": credential_id,
            "application_credential_secret": secret,
        },
        "region_name": "LAB",
        "identity_api_version": 3,
    }
    target.write_text(yaml.safe_dump({"clouds": {CLOUD: cloud}}))
    target.chmod(0o600)
