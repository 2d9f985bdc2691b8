"""What acts make of an instance, and that they can be taken back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.errors import Missing, Refused
from releve.model.resources import Labels, Role
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.draft import Device, Draft

NIC: Device = {"type": "nic", "name": "eth0", "network": "net"}
DATA: Device = {"type": "disk", "pool": "p", "source": "data", "path": "/srv/data", "shift": "true"}
ROOT: Device = {"type": "disk", "pool": "p", "path": "/"}


def make(devices: dict[str, Device], *, profile: dict[str, Device] | None = None) -> Draft:
    config = {f"volatile.{key}.hwaddr": f"00:16:3e:00:00:{n:02x}" for n, key in enumerate(devices)}
    return Draft(config, devices, (profile or {}) | devices)


def expand(draft: Draft, profile: dict[str, Device] | None = None) -> Draft:
    """What LXD makes of it: own devices hide those of the profile."""
    return replace(draft, expanded=(profile or {}) | draft.devices)


def test_isolation_masks_every_interface_and_notes_the_address() -> None:
    profile = {"eth1": {**NIC, "name": "eth1"}}
    draft = make({"root": ROOT, "eth0": NIC}, profile=profile)
    isolated = expand(drafts.isolate(draft, address="10.0.0.7"), profile)
    assert drafts.networks_of(isolated) == {}
    assert drafts.last_address(isolated) == "10.0.0.7"
    assert isolated.devices["root"] == ROOT


def test_reconnection_gives_each_interface_its_hardware_address_again() -> None:
    draft = make({"eth0": NIC})
    back = expand(drafts.reconnect(expand(drafts.isolate(draft, address=""))))
    assert drafts.networks_of(back) == {"eth0": {**NIC, "hwaddr": "00:16:3e:00:00:00"}}


def test_isolating_twice_loses_nothing() -> None:
    draft = make({"eth0": NIC})
    once = expand(drafts.isolate(draft, address="10.0.0.7"))
    assert drafts.isolate(once, address="") == once
    assert "eth0" in drafts.networks_of(expand(drafts.reconnect(once)))


@pytest.mark.parametrize("autostart", ["", "true", "false"])
def test_a_lock_gives_the_autostart_back_as_it_was(autostart: str) -> None:
    draft = make({"root": ROOT})
    if autostart:
        draft.config["boot.autostart"] = autostart
    locked = drafts.lock(draft)
    assert drafts.is_locked(locked)
    assert locked.config["boot.autostart"] == "false"
    assert drafts.lock(locked) == locked
    assert drafts.unlock(locked) == draft


def test_a_volume_returns_with_its_name_and_options() -> None:
    draft = make({"root": ROOT, "media": DATA})
    freed = expand(drafts.detach(draft, pool="p", volume="data"))
    assert drafts.volumes_of(freed) == {}
    back = drafts.attach(freed, pool="p", volume="data", mount_point="/srv/data")
    assert (back.devices, back.config) == (draft.devices, draft.config)


def test_a_volume_at_another_place_is_a_new_device() -> None:
    freed = expand(drafts.detach(make({"media": DATA}), pool="p", volume="data"))
    moved = drafts.attach(freed, pool="p", volume="data", mount_point="/srv/else")
    assert moved.devices["media"] == {
        "type": "disk", "pool": "p", "source": "data", "path": "/srv/else",
    }  # fmt: skip


def test_a_profile_s_volume_is_masked() -> None:
    profile = {"media": DATA}
    freed = expand(drafts.detach(make({}, profile=profile), pool="p", volume="data"), profile)
    assert drafts.volumes_of(freed) == {}


def test_a_new_device_takes_no_other_s_name() -> None:
    draft = make({"data": NIC})
    assert set(drafts.attach(draft, pool="p", volume="data", mount_point="/a").devices) == {
        "data", "data-2",
    }  # fmt: skip


@pytest.mark.parametrize("mount_point", ["", "srv", "/", "/srv/../etc", ".."])
def test_only_a_place_below_the_root_is_a_mount_point(mount_point: str) -> None:
    with pytest.raises(Refused):
        drafts.attach(make({}), pool="p", volume="data", mount_point=mount_point)


def test_what_is_not_attached_is_not_detached() -> None:
    for pool, volume in (("p", "other"), ("q", "data")):
        with pytest.raises(Missing):
            drafts.detach(make({"media": DATA}), pool=pool, volume=volume)


LABELS = st.builds(
    Labels,
    host=st.text("abc.", min_size=1, max_size=9),
    run=st.text("abc1", min_size=1, max_size=9),
    epoch=st.integers(1, 99),
    role=st.sampled_from(Role),
    expires=st.sampled_from(["", "2027-01-01T00:00:00+00:00"]),
)
ACTS = st.lists(st.sampled_from(["lock", "unlock", "isolate", "reconnect", "detach", "attach"]))


@given(first=LABELS, second=LABELS)
def test_labels_are_replaced_whole_and_others_kept(first: Labels, second: Labels) -> None:
    draft = make({"root": ROOT})
    draft.config["user.team"] = "ops"
    assert drafts.label(drafts.label(draft, first), second) == drafts.label(draft, second)


@given(acts=ACTS)
def test_any_order_of_acts_can_be_taken_back(acts: list[str]) -> None:
    """Interrupted and repeated as it may be: after the undo, all is there again."""
    whole = make({"root": ROOT, "eth0": NIC, "media": DATA})
    draft = whole
    for act in [*acts, "attach", "reconnect", "unlock"]:
        draft = expand(carry_out(act, draft))
    assert drafts.volumes_of(draft) == drafts.volumes_of(whole)
    assert {key: nic["network"] for key, nic in drafts.networks_of(draft).items()} == {
        "eth0": "net"
    }
    assert not drafts.is_locked(draft)
    assert "boot.autostart" not in draft.config


def carry_out(act: str, draft: Draft) -> Draft:
    """As the steps do: only what still is to be done."""
    attached = bool(drafts.volumes_of(draft))
    if act == "detach":
        return drafts.detach(draft, pool="p", volume="data") if attached else draft
    if act == "attach" and not attached:
        return drafts.attach(draft, pool="p", volume="data", mount_point="/srv/data")
    if act == "isolate":
        return drafts.isolate(draft, address="10.0.0.7")
    acts = {"lock": drafts.lock, "unlock": drafts.unlock, "reconnect": drafts.reconnect}
    return acts[act](draft) if act in acts else draft
