"""Take an instance's network away, and give it back: its ports are switched off and on.

Neutron alone does that: it works while Nova's host does not answer and the instance is locked,
holds over a start, and keeps address, security groups and floating IP. Taking the ports off
would ask the dead host, and delete those that Nova made.
"""

from typing import Final

from releve.providers.openstack.abilities import Abilities
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.instances import Instances
from releve.providers.openstack.ports import Ports

_TAG: Final = "releve-cut-off"  # so that only what was switched off here is switched on again


class CutOff:
    def __init__(
        self, api: OpenstackApi, instances: Instances, *, ports: Ports, abilities: Abilities
    ) -> None:
        self._api = api
        self._instances = instances
        self._ports = ports
        self._has_tags = abilities.has_tags

    def isolate(self, instance_id: str) -> None:
        what = f"isolating instance {instance_id}"
        for port in self._list(instance_id, up=True, what=what):
            self.switch_off(str(port["id"]), what=what)

    def holds(self, instance_id: str) -> bool:
        """Whether it has ports, and none of them is on."""
        what = f"reading the ports of instance {instance_id}"
        is_on = bool(self._list(instance_id, up=True, what=what))
        return not is_on and bool(self._list(instance_id, up=False, what=what))

    def switch_off(self, port_id: str, *, what: str) -> None:
        if self._has_tags:
            self._api.put("network", ("ports", port_id, "tags", _TAG), {}, what=what)
        self._ports.set_state(port_id, up=False, what=what)

    def reconnect(self, instance_id: str) -> None:
        what = f"reconnecting instance {instance_id}"
        for port in self._list(instance_id, up=False, what=what):
            port_id = str(port["id"])
            is_ours = not self._has_tags or _TAG in (port.get("tags") or [])
            if is_ours:
                self._ports.set_state(port_id, up=True, what=what)
                if self._has_tags:
                    self._api.delete("network", ("ports", port_id, "tags", _TAG), what=what)

    def _list(self, instance_id: str, *, up: bool, what: str) -> list[Content]:
        self._instances.read(instance_id)
        ports = self._ports.list_of_instance(instance_id)
        with reading(what):
            return [port for port in ports if bool(port["admin_state_up"]) is up]
