"""Instances: read whole, and changed under an ETag with the result read back."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from releve.errors import Busy, Changed, Missing, ProviderError, Refused
from releve.model.resources import Instance, Labels, Power
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.api import LxdApi, Tagged
from releve.providers.lxd.draft import Draft
from releve.providers.lxd.errors import ActFailed, make_error, reading
from releve.providers.lxd.isolation import ISOLATED_KEY
from releve.providers.lxd.labels import PREFIX, read_labels
from releve.providers.lxd.leases import last_leased_address
from releve.providers.lxd.operations import operation_under_way
from releve.providers.lxd.sizes import describe_size

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_POWERS: Final = {
    "Running": Power.RUNNING,
    "Ready": Power.RUNNING,
    "Frozen": Power.RUNNING,  # it holds its memory and can be thawed: it is not off
    "Thawed": Power.RUNNING,
    "Stopped": Power.STOPPED,
    "Error": Power.ERROR,
}
_PUT_KEYS: Final = ("architecture", "ephemeral", "profiles", "stateful", "description")


class Instances:
    def __init__(self, api: LxdApi) -> None:
        self._api = api

    def read(self, name: str) -> Tagged:
        """LXD's whole description; Missing for any other name than exactly this."""
        if not _NAME.fullmatch(name):
            raise make_error(Missing, f"no instance {name!r}", why="no instance can have this name")
        tagged = self._api.get_tagged("instances", name)
        if tagged.content.get("name") != name:
            raise make_error(Missing, f"no instance {name!r}", why="LXD answered with another one")
        return tagged

    def get(self, name: str) -> Instance:
        return self.describe(self.read(name).content)

    def find(self, *, name: str, labels: Mapping[str, str]) -> tuple[Instance, ...]:
        if not name and not labels:
            raise Refused(
                "asked for every instance at once",
                why="neither a name nor a label was given",
                remedy="Give a name or labels",
            )
        candidates = self._named(name) if name else self.list_all()
        with reading("reading the labels of instances"):
            found = [content for content in candidates if _carries(content["config"], labels)]
        return tuple(self.describe(content) for content in found)

    def list_all(self) -> list[Mapping[str, Any]]:
        contents = self._api.get("instances", recursion="1")
        with reading("reading the list of instances"):
            return [dict(content) for content in contents or []]

    def describe(self, content: Mapping[str, Any]) -> Instance:
        with reading(f"reading instance {content.get('name')}"):
            name = str(content["name"])
            power = _POWERS.get(content["status"], Power.CHANGING)
            busy = operation_under_way(self._api.get("operations", recursion="1"), name)
            return describe_instance(
                content, power=power, busy=busy, address=self.find_address(content)
            )

    def find_address(self, content: Mapping[str, Any]) -> str:
        """What a running instance has; of a stopped one, what its configuration fixes."""
        name, draft = str(content["name"]), Draft.of(content)
        if _POWERS.get(content["status"]) is not Power.RUNNING:
            return next(iter(drafts.fixed_addresses(draft)), "")
        state = self._api.get("instances", name, "state")
        return choose_address(draft, state.get("network") or {})

    def change(
        self, name: str, make: Callable[[Draft], Draft], *, what: str, revision: str = ""
    ) -> None:
        """Replace configuration and devices by what `make` makes of them.

        Returns when that is stored. On a dead root LXD stores it and then ends with an error,
        because it cannot write its copy there: then what is read back decides.
        """
        tagged = self.read(name)
        with reading(what):
            current = Draft.of(tagged.content)
            if revision and revision != revise(tagged.content):
                raise make_error(Changed, what, why=f"{name} was changed between look and act")
            wanted = make(current)
            body = {key: tagged.content[key] for key in _PUT_KEYS if key in tagged.content}
        if wanted == current:
            return
        body |= {"config": wanted.config, "devices": wanted.devices}
        try:
            self._api.put(("instances", name), body, what=what, etag=tagged.etag)
        except ActFailed:
            if not self._is_stored(name, wanted):
                raise
        except Changed as error:
            if revision:
                raise
            raise make_error(Busy, what, why=f"{name} was changed meanwhile") from error

    def label(self, name: str, labels: Labels, *, revision: str) -> None:
        self.change(
            name,
            lambda draft: drafts.label(draft, labels),
            what=f"labelling instance {name}",
            revision=revision,
        )

    def isolate(self, name: str) -> None:
        """Its address is noted: LXD forgets the lease with the interface."""
        content = self.read(name).content
        with reading(f"reading instance {name}"):
            address = self.find_address(content) or last_leased_address(self._api, content)
        self.change(
            name,
            lambda draft: drafts.isolate(draft, address=address),
            what=f"isolating instance {name}",
        )

    def start(self, name: str) -> None:
        if drafts.is_locked(Draft.of(self.read(name).content)):
            raise Busy(
                f"instance {name} is locked",
                why=f"its device {drafts.LOCK_DEVICE} keeps it from starting",
                remedy=f"Unlock it: lxc config device remove {name} {drafts.LOCK_DEVICE}",
            )
        self._set_state(name, {"action": "start"}, what=f"starting instance {name}")

    def stop(self, name: str) -> None:
        """On a dead root LXD stops it and then ends with an error: what is read back decides."""
        what = f"stopping instance {name}"
        try:
            self._set_state(name, {"action": "stop", "force": True}, what=what)
        except ActFailed:
            if self.read(name).content.get("status") != "Stopped":
                raise

    def delete(self, name: str) -> None:
        """The caller has made sure that it may go; Busy while it runs."""
        if self.read(name).content.get("status") not in {"Stopped", "Error"}:
            raise Busy(
                f"instance {name} is not deleted",
                why="it is not stopped",
                remedy="Stop it, then try again",
            )
        self._api.delete(("instances", name), what=f"deleting instance {name}")

    def _set_state(self, name: str, body: dict[str, Any], *, what: str) -> None:
        self._api.put(("instances", name, "state"), body, what=what)

    def _named(self, name: str) -> list[Mapping[str, Any]]:
        try:
            return [self.read(name).content]
        except Missing:
            return []

    def _is_stored(self, name: str, wanted: Draft) -> bool:
        try:
            return Draft.of(self.read(name).content).is_like(wanted)
        except ProviderError:
            return False


def describe_instance(
    content: Mapping[str, Any], *, power: Power, busy: str, address: str
) -> Instance:
    draft = Draft.of(content)
    return Instance(
        id=str(content["name"]),
        name=str(content["name"]),
        power=power,
        locked=drafts.is_locked(draft),
        busy=busy,
        private_address=address,
        image=draft.config.get("volatile.base_image", ""),
        size=describe_size(content["expanded_config"], list(content["profiles"])),
        volumes=tuple(
            sorted(
                {f"{disk['pool']}/{disk['source']}" for disk in drafts.volumes_of(draft).values()}
            )
        ),
        networked=bool(drafts.networks_of(draft)),
        labels=read_labels(draft.config),
        revision=revise(content),
        isolated=ISOLATED_KEY in draft.config,
        system_disks=drafts.system_disks_of(draft),
    )


def revise(content: Mapping[str, Any]) -> str:
    """Changes with all that somebody sets; not with what LXD itself notes at any moment."""
    draft = Draft.of(content)
    told = [drafts.settled(draft.config), draft.devices, content["profiles"]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def choose_address(draft: Draft, network: Mapping[str, Any]) -> str:
    """The first global address of an interface that LXD gave it; IPv4 before IPv6."""
    hardware = drafts.hardware_addresses(draft)
    addresses = [
        (str(entry["family"]), str(entry["address"]))
        for interface in network.values()
        if interface.get("hwaddr") and interface["hwaddr"] in hardware
        for entry in interface.get("addresses") or []
        if entry.get("scope") == "global"
    ]
    return next(
        (address for _, address in sorted(addresses, key=lambda pair: pair[0] != "inet")), ""
    )


def _carries(config: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(config.get(f"{PREFIX}{key}", "") == text for key, text in labels.items())
