"""Deleting an instance, and what was made only for it."""

from releve.errors import Busy, Missing
from releve.model.deletion import require_deletable_instance, require_deletable_port
from releve.model.resources import Instance, Power, Role
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.instances import Instances
from releve.providers.openstack.isolation import Isolation
from releve.providers.openstack.labels import unpack_labels
from releve.providers.openstack.ports import Ports, describe_port
from releve.providers.openstack.system_disk import SystemDisks
from releve.providers.openstack.volumes import Volumes


class Deletion:
    def __init__(
        self,
        api: OpenstackApi,
        instances: Instances,
        *,
        ports: Ports,
        volumes: Volumes,
        isolation: Isolation,
        system_disks: SystemDisks,
    ) -> None:
        self._api = api
        self._instances = instances
        self._ports = ports
        self._volumes = volumes
        self._isolation = isolation
        self._system_disks = system_disks

    def delete(self, instance_id: str) -> None:
        """Its port first: left to the last, nobody would find it after an interruption."""
        instance = self._instances.get(instance_id)
        volumes = [self._volumes.get(volume_id) for volume_id in instance.volumes]
        require_deletable_instance(instance, volumes)
        if instance.power not in {Power.STOPPED, Power.ERROR} or instance.busy:
            raise Busy(
                f"instance {instance_id} is not deleted",
                why=f"it is {instance.busy or instance.power.value}",
                remedy="Stop it, then try again",
            )
        self._delete_ports(instance)
        if instance.labels.get("releve.role") == Role.HELPER:
            self._system_disks.remove_copies(instance.labels["releve.run"])
        what = f"deleting instance {instance_id}"
        self._api.delete("compute", ("servers", instance_id), what=what)
        if instance.isolated:
            self._isolation.remove_unused()

    def delete_port(self, port_id: str) -> None:
        """One that no instance got; an instance that gets it meanwhile keeps it."""
        content = self._ports.read(port_id)
        with reading(f"reading port {port_id}"):
            port, revision = describe_port(content), str(content.get("revision_number", ""))
        require_deletable_port(port)
        self._ports.delete(port_id, what=f"deleting port {port_id}", revision=revision)
        if port.labels.get("releve.role") in {Role.TWIN, Role.HELPER}:
            self._isolation.remove_unused()

    def _delete_ports(self, instance: Instance) -> None:
        for port in self._ports.list_of_instance(instance.id):
            labels = unpack_labels(port.get("description", ""))
            if labels.get("releve.run") == instance.labels["releve.run"]:
                try:
                    self._ports.delete(str(port["id"]), what=f"deleting port {port['id']}")
                except Missing:
                    continue
