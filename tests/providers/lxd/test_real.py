"""What only the real LXD can tell, beside the contract that all providers share."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import Busy, Refused
from releve.model.host_key_text import parse_public_key
from releve.model.identity import new_run_id, snapshot_name
from releve.model.resources import InstanceRequest, Power
from releve.plan.provider_types import LxdProvider
from releve.providers.lxd.connection import connect_lxd
from tests.contracts.asking import make_labels, make_request
from tests.contracts.lxd_range import POOL, LxdRange

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lxd")]


def look_inside(ground: LxdRange, name: str, *argv: str) -> str:
    ended = ground.client.execute(name, argv)
    assert ended.exit_code == 0, ended.complaint
    return ended.output


def make_only(ground: LxdRange, request: InstanceRequest) -> None:
    """What a controller leaves that was killed right after its POST was accepted."""
    config = {f"user.{key}": text for key, text in request.labels.as_mapping().items() if text}
    body = {
        "name": request.name,
        "source": {"type": "image", "fingerprint": request.image_id},
        "config": config,
    }
    ground.client.act("POST", "/1.0/instances", body)


class TestCreate:
    @pytest.mark.parametrize("killed_after", ["the create", "the first key"])
    def test_an_interrupted_making_is_finished(self, ground: LxdRange, killed_after: str) -> None:
        request = make_request(ground)
        make_only(ground, request)
        if killed_after == "the first key":
            ground.cloud._api.push_file(request.name, "/root/.ssh", content=None, mode="0700")
        (found,) = ground.provider.find_instances(name=request.name)
        assert (found.power, found.busy) == (Power.STOPPED, "")
        ground.provider.create_instance(request)
        assert ground.provider.get_instance(request.name).power is Power.RUNNING
        keys = look_inside(ground, request.name, "cat", "/root/.ssh/authorized_keys")
        assert keys.strip() == request.authorized_keys[0]
        ground.delete_instance(request.name)

    def test_a_making_that_still_goes_on_is_waited_for(self, ground: LxdRange) -> None:
        request = make_request(ground)
        maker = threading.Thread(target=make_only, args=(ground, request))
        maker.start()
        ground.wait_until(
            lambda: bool(ground.provider.find_instances(name=request.name)), "it is listed"
        )
        ground.provider.create_instance(request)
        maker.join()
        assert ground.provider.get_instance(request.name).power is Power.RUNNING
        ground.delete_instance(request.name)

    def test_another_run_s_instance_is_not_finished(self, ground: LxdRange) -> None:
        request = make_request(ground)
        make_only(ground, request)
        labels = replace(request.labels, run=new_run_id())
        with pytest.raises(Busy):
            ground.provider.create_instance(replace(request, labels=labels))
        assert ground.provider.get_instance(request.name).power is Power.STOPPED
        ground.delete_instance(request.name)

    def test_two_at_once_make_one(self, ground: LxdRange) -> None:
        request = make_request(ground)
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(ground.provider.create_instance, request) for _ in range(2)]
            errors = [future.exception() for future in futures]
        assert all(error is None or isinstance(error, Busy) for error in errors), errors
        assert errors.count(None) >= 1
        assert ground.provider.get_instance(request.name).power is Power.RUNNING
        ground.delete_instance(request.name)

    def test_it_has_the_size_the_limits_and_the_carried_host_key(
        self, ground: LxdRange, tmp_path: Path
    ) -> None:
        key = tmp_path / "host_key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(argv, check=True)
        private, public = key.read_text(), parse_public_key(Path(f"{key}.pub").read_bytes())
        request = replace(make_request(ground), host_private_keys=(private,))
        ground.provider.create_instance(request)
        assert ground.provider.get_instance(request.name).size == ground.size
        ground.wait_until(
            lambda: public in ground.provider.read_host_keys(request.name), "the carried key is it"
        )
        mode = look_inside(
            ground, request.name, "stat", "-c", "%a %u", "/etc/ssh/ssh_host_ed25519_key"
        )
        assert mode.split() == ["600", "0"]
        config = ground.client.get(f"/1.0/instances/{request.name}")["config"]
        assert (config["limits.cpu"], config["limits.memory"]) == ("1", "512MiB")
        ground.delete_instance(request.name)

    def test_a_host_key_that_sshd_could_not_load_makes_nothing(self, ground: LxdRange) -> None:
        request = replace(make_request(ground), host_private_keys=("no key",))
        with pytest.raises(Refused):
            ground.provider.create_instance(request)
        assert ground.provider.find_instances(name=request.name) == ()

    def test_no_host_key_is_read_before_the_first_start(self, ground: LxdRange) -> None:
        request = make_request(ground)
        make_only(ground, request)
        assert ground.provider.read_host_keys(request.name) == ()
        ground.delete_instance(request.name)


class TestFence:
    def test_lxd_itself_refuses_to_start_what_is_locked(self, ground: LxdRange) -> None:
        old = ground.make_old_instance()
        ground.provider.stop_instance(old)
        ground.provider.lock_instance(old)
        started = subprocess.run(
            [ground.client.engine.client, "start", old],
            env={"LXD_DIR": str(ground.lab.settings.paths.daemon), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode != 0
        assert "releve-lock" in started.stderr  # a person is told what keeps it from starting
        assert ground.provider.get_instance(old).power is Power.STOPPED
        assert ground.client.get(f"/1.0/instances/{old}")["config"]["boot.autostart"] == "false"

    def test_the_address_stays_known_after_the_interface_is_gone(self, ground: LxdRange) -> None:
        """A forward that nobody noted anything on, to an address that DHCP gave."""
        old, address = ground.make_old_instance(), ground.make_address()
        private = ground.provider.get_instance(old).private_address
        path = f"/1.0/networks/{ground.network}/forwards/{address}"
        ground.client.act("PUT", path, {"config": {"target_address": private}})
        assert ground.provider.get_address(address).instance_id == old
        ground.provider.stop_instance(old)
        assert ground.provider.get_address(address).instance_id == old
        ground.provider.isolate_instance(old)
        assert ground.provider.get_address(address).instance_id == old

    def test_reconnected_it_has_its_address_again(self, ground: LxdRange) -> None:
        old = ground.make_old_instance()
        before = ground.provider.get_instance(old).private_address
        ground.provider.stop_instance(old)
        ground.provider.isolate_instance(old)
        ground.provider.reconnect_instance(old)
        ground.provider.start_instance(old)
        ground.wait_until(
            lambda: bool(ground.provider.get_instance(old).private_address), "it has an address"
        )
        assert ground.provider.get_instance(old).private_address == before

    def test_a_console_left_open_keeps_nobody_from_the_fence(self, ground: LxdRange) -> None:
        old = ground.make_old_instance()
        sleeper = threading.Thread(target=ground.client.execute, args=(old, ["sleep", "60"]))
        sleeper.start()
        ground.wait_until(
            lambda: bool((ground.client.get("/1.0/operations") or {}).get("running")), "it sleeps"
        )
        assert ground.provider.get_instance(old).busy == ""
        ground.provider.stop_instance(old)
        sleeper.join(timeout=20)
        assert ground.provider.get_instance(old).power is Power.STOPPED

    def test_the_public_address_moves_in_less_than_a_second(self, ground: LxdRange) -> None:
        provider, address = ground.provider, ground.make_address()
        one, two = ground.make_old_instance(), ground.make_old_instance()
        provider.move_address(address, one, expected=provider.get_address(address))
        expected = provider.get_address(address)
        assert seconds_of(lambda: provider.move_address(address, two, expected=expected)) < 1
        assert provider.get_address(address).instance_id == two


class TestVolumes:
    def test_a_volume_is_mounted_where_the_plan_says_while_it_runs(self, ground: LxdRange) -> None:
        old, volume = ground.make_old_instance(), ground.make_volume()
        ground.write_volume(volume, b"posts")
        ground.provider.attach_volume(volume, old, mount_point="/srv/deep/down")
        assert look_inside(ground, old, "cat", "/srv/deep/down/content") == "posts"
        ground.provider.detach_volume(volume, old)
        assert "/srv/deep/down" not in look_inside(ground, old, "cat", "/proc/mounts")

    def test_a_profile_that_holds_a_volume_is_seen_as_its_holder(self, ground: LxdRange) -> None:
        volume, profile = ground.make_volume(), f"p-{new_run_id()}"
        device = {"type": "disk", "pool": POOL, "source": volume.split("/")[1], "path": "/srv/x"}
        body = {"name": profile, "config": {}, "devices": {"x": device}}
        ground.client.act("POST", "/1.0/profiles", body)
        held = ground.provider.get_volume(volume)
        assert [item.instance_id for item in held.attachments] == [f"profiles:{profile}"]
        with pytest.raises(Busy):
            ground.provider.attach_volume(
                volume, ground.make_old_instance(), mount_point="/srv/data"
            )
        ground.client.act("DELETE", f"/1.0/profiles/{profile}", {})

    def test_a_snapshot_carries_the_run_s_labels(self, ground: LxdRange) -> None:
        volume, labels = ground.make_volume(), make_labels()
        name = snapshot_name(labels.run)
        ground.provider.snapshot_volume(volume, name=name, labels=labels)
        (snapshot,) = ground.provider.find_snapshots(volume, name=name)
        assert snapshot.labels == labels.as_mapping()
        with pytest.raises(Busy):
            ground.provider.snapshot_volume(volume, name=name, labels=labels)
        assert volume in {found.id for found in ground.provider.list_volumes()}
        assert not any("releve-" in found.id for found in ground.provider.list_volumes())

    def test_size_and_uuid_are_the_volume_s_own(self, ground: LxdRange) -> None:
        planned = ground.lab.host.volumes[0]
        volume = ground.provider.get_volume(planned.id)
        assert volume.size_bytes == 2 * 2**30
        assert volume.filesystem_uuid == planned.uuid != ""
        assert volume.attachments[0].mount_point == planned.mount


class TestRequests:
    def test_a_pool_without_room_is_told(self, ground: LxdRange) -> None:
        pool = f"tiny-{new_run_id()}"
        body = {"name": pool, "driver": "btrfs", "config": {"size": "300MiB"}}
        ground.client.act("POST", "/1.0/storage-pools", body)
        plan = LxdProvider(
            kind="lxd", endpoint=ground.lab.report.endpoint, network=ground.network, pool=pool
        )
        cloud = connect_lxd(plan)
        shortfalls = cloud.list_shortfalls(make_request(ground))
        cloud.close()
        ground.client.act("DELETE", f"/1.0/storage-pools/{pool}", {})
        assert len(shortfalls) == 1
        assert pool in shortfalls[0]
        assert "free" in shortfalls[0]

    def test_a_project_s_limit_and_missing_pool_and_network_are_told(
        self, ground: LxdRange
    ) -> None:
        project = f"full-{new_run_id()}"
        config = {"limits.instances": "0", "features.images": "false"}
        ground.client.act("POST", "/1.0/projects", {"name": project, "config": config})
        endpoint = ground.lab.report.endpoint
        cloud = connect_lxd(LxdProvider(kind="lxd", endpoint=endpoint, project=project))
        shortfalls = cloud.list_shortfalls(replace(make_request(ground), network=""))
        cloud.close()
        ground.client.act("DELETE", f"/1.0/projects/{project}", {})
        assert any("storage pool" in sentence for sentence in shortfalls)
        assert any("network" in sentence for sentence in shortfalls)
        assert any("may hold 0" in sentence for sentence in shortfalls)

    def test_snapshots_are_cheap_only_where_every_pool_makes_them_so(
        self, ground: LxdRange
    ) -> None:
        assert ground.provider.capabilities.snapshots == ground.lab.report.copy_on_write
        pool = f"plain-{new_run_id()}"
        ground.client.act("POST", "/1.0/storage-pools", {"name": pool, "driver": "dir"})
        volumes = f"/1.0/storage-pools/{pool}/volumes/custom"
        ground.client.act("POST", volumes, {"name": "data"})
        plan = LxdProvider(kind="lxd", endpoint=ground.lab.report.endpoint)
        cloud = connect_lxd(plan)
        cloud.close()
        ground.client.act("DELETE", f"{volumes}/data", {})
        ground.client.act("DELETE", f"/1.0/storage-pools/{pool}", {})
        assert cloud.capabilities.snapshots is False


def test_fence_and_create_really_go_side_by_side(ground: LxdRange) -> None:
    """A stop of a guest that lets itself be waited for does not hold the create up."""
    old, request = ground.make_old_instance(), make_request(ground)
    spans: dict[str, tuple[float, float]] = {}

    def timed(name: str, act: Callable[[], None]) -> None:
        began = time.monotonic()
        act()
        spans[name] = (began, time.monotonic())

    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(timed, "stop", lambda: ground.provider.stop_instance(old)),
            pool.submit(timed, "create", lambda: ground.provider.create_instance(request)),
        ]
        for job in jobs:
            job.result()
    assert spans["stop"][0] < spans["create"][1]
    assert spans["create"][0] < spans["stop"][1]
    ground.delete_instance(request.name)


def test_nothing_secret_is_kept_by_lxd(ground: LxdRange, tmp_path: Path) -> None:
    """The carried private key is in the instance, not in its configuration."""
    key = tmp_path / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    request = replace(make_request(ground), host_private_keys=(key.read_text(),))
    ground.provider.create_instance(request)
    content = json.dumps(ground.client.get(f"/1.0/instances/{request.name}"))
    assert "PRIVATE KEY" not in content
    assert key.read_text().splitlines()[1] not in content
    ground.delete_instance(request.name)


def seconds_of(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
