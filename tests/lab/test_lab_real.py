"""A whole lab on this machine: what a host is like, and what up and down promise."""

import time
from pathlib import Path

import pytest

from releve.errors import LabError
from releve.lab.breakage import BreakHow, break_host
from releve.lab.disks import root_of
from releve.lab.down import take_down
from releve.lab.mounts import list_mounts_below
from releve.lab.processes import list_lab_processes
from releve.lab.settings import LabSettings
from releve.lab.status import read_status
from releve.lab.up import bring_up
from tests.fixtures.lab import RunningLab, ssh, start_lab, stop_lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lab")]


def test_a_host_is_a_whole_system_reached_at_its_public_address(lab: RunningLab) -> None:
    state = ssh(lab, lab.host.address, "systemctl", "is-system-running", "--wait", "||", "true")
    failed = ssh(lab, lab.host.address, "systemctl", "--failed", "--no-legend", "--plain")
    assert (state.strip(), failed) == ("running", "")
    assert ssh(lab, lab.host.address, "hostname").strip() == lab.host.instance
    assert "C.UTF-8" in ssh(lab, lab.host.address, "cat", "/etc/default/locale")


def test_apt_works_inside_with_this_machines_sources(lab: RunningLab) -> None:
    ssh(lab, lab.host.address, "apt-get", "update", "--error-on=any")
    assert "Candidate: " in ssh(lab, lab.host.address, "apt-cache", "policy", "nginx")


def test_host_keys_are_the_hosts_own_and_known_beforehand(lab: RunningLab) -> None:
    own = ssh(lab, lab.host.private_address, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert own in Path(lab.report.known_hosts).read_text()
    assert Path(lab.report.ssh_key).stat().st_mode & 0o777 == 0o600


def test_the_root_is_ext4_that_turns_read_only_on_errors(lab: RunningLab) -> None:
    mounted = ssh(lab, lab.host.address, "findmnt", "-no", "FSTYPE,OPTIONS", "/").split()
    assert mounted[0] == "ext4"
    assert "errors=remount-ro" in mounted[1].split(",")


def test_volumes_have_a_size_and_the_uuid_that_status_tells(lab: RunningLab) -> None:
    by_mount = {volume.mount: volume for volume in lab.host.volumes}
    assert set(by_mount) == {"/srv/data", "/srv/backup"}
    for mount, volume in by_mount.items():
        device = ssh(lab, lab.host.address, "findmnt", "-no", "SOURCE", mount).partition("[")[0]
        probed = lab.client.get(f"/1.0/storage-pools/{volume.id.partition('/')[0]}")
        assert probed["driver"] == "btrfs"
        assert len(volume.uuid) == 36
        assert volume.attached_to == (lab.host.instance,)
        assert device.startswith("/dev/loop")


def test_a_volume_keeps_its_owners_when_it_moves_to_a_new_instance(lab: RunningLab) -> None:
    volume = next(one for one in lab.host.volumes if one.mount == "/srv/backup")
    ssh(lab, lab.host.address, "install -o 106 -g 107 -m 640 /etc/hostname /srv/backup/mine")
    kept = lab.client.get("/1.0/instances/blog")["devices"]
    without = {name: device for name, device in kept.items() if name != "backup"}
    try:
        _replace(lab, without)
        seconds = _create(lab, "second", volume.id)
        listed = lab.client.execute("second", ["stat", "-c", "%u:%g %a", "/srv/backup/mine"])
        written = lab.client.execute("second", ["touch", "/srv/backup/by-root"])
        assert (listed.output.strip(), written.exit_code) == ("106:107 640", 0)
        assert seconds < 10  # a second on an idle machine: the image is unpacked already
    finally:
        _delete(lab, "second")
        _replace(lab, kept)
    owners = ssh(lab, lab.host.address, "stat -c %u:%g /srv/backup/mine /srv/backup/by-root")
    assert owners.split() == ["106:107", "0:0"]


def test_an_instance_may_be_fenced_while_its_disk_is_dead(own: LabSettings) -> None:
    """What the daemon notes of the host is on another disk, as with a real provider."""
    running = start_lab(own)
    break_host(own, "blog", how=BreakHow.EXT4_ERROR, say=print)
    _replace(running, {"root": running.client.get("/1.0/instances/blog")["devices"]["root"]})
    running.client.act("PUT", "/1.0/instances/blog/state", {"action": "stop", "force": True})
    assert read_status(own).hosts[0].state == "stopped"
    assert read_status(own).hosts[0].volumes[0].attached_to == ()


def test_a_second_up_changes_nothing_and_takes_no_time(lab: RunningLab) -> None:
    before = lab.client.get("/1.0/instances/blog")
    booted = ssh(lab, lab.host.address, "cat", "/proc/sys/kernel/random/boot_id")
    started = time.monotonic()
    report = bring_up(lab.settings, say=print)
    assert time.monotonic() - started < 3
    assert report == lab.report
    assert lab.client.get("/1.0/instances/blog") == before
    assert ssh(lab, lab.host.address, "cat", "/proc/sys/kernel/random/boot_id") == booted


def test_another_set_of_hosts_is_refused_while_the_lab_is_up(lab: RunningLab) -> None:
    other = LabSettings("shared", directory=lab.settings.directory, hosts=("shop",))
    with pytest.raises(LabError, match="its hosts are blog"):
        bring_up(other, say=print)


def test_two_labs_side_by_side_share_nothing(lab: RunningLab, own: LabSettings) -> None:
    second = start_lab(own)
    for name in ("endpoint", "network", "subnet"):
        assert getattr(second.report, name) != getattr(lab.report, name)
    assert second.host.address != lab.host.address
    ssh(lab, lab.host.address, "touch", "/root/first")
    ssh(second, second.host.address, "touch", "/root/second")
    assert "second" not in ssh(lab, lab.host.address, "ls", "/root")
    stop_lab(own)
    assert "first" in ssh(lab, lab.host.address, "ls", "/root")


def test_down_twice_and_down_of_nothing_are_fine(own: LabSettings) -> None:
    said: list[str] = []
    take_down(own, say=said.append)
    start_lab(own)
    take_down(own, say=said.append)
    take_down(own, say=said.append)
    assert ["already" in line for line in said] == [True, False, True]
    assert read_status(own).state == "down"


def test_without_btrfs_everything_stands_on_ext4(own: LabSettings) -> None:
    plain = LabSettings("own", directory=own.directory, copy_on_write=False)
    running = start_lab(plain)
    assert running.report.copy_on_write is False
    for mount in ("/srv/data", "/srv/backup"):
        kind = ssh(running, running.host.address, "findmnt", "-no", "FSTYPE", mount)
        assert kind.strip() == "ext4"
    for volume in running.host.volumes:
        assert len(volume.uuid) == 36
    _create(running, "second", "")


def test_several_hosts_each_have_their_own(own: LabSettings) -> None:
    both = LabSettings("own", directory=own.directory, hosts=("blog", "shop"))
    running = start_lab(both)
    blog, shop = running.report.hosts
    assert {volume.id for volume in blog.volumes}.isdisjoint(volume.id for volume in shop.volumes)
    for host in (blog, shop):
        assert ssh(running, host.address, "hostname").strip() == host.name


def test_every_process_of_a_lab_is_known_and_no_other(lab: RunningLab) -> None:
    devices = {mount_device(lab)}
    found = {process.pid for process in list_lab_processes(lab.settings.paths, devices)}
    inside = lab.client.get("/1.0/instances/blog/state")
    assert inside["pid"] in found
    assert len(found) > 3
    assert 1 not in found


def mount_device(lab: RunningLab) -> str:
    root = root_of(lab.settings.paths, "blog")
    return next(mount.source for mount in list_mounts_below(root))


def _replace(lab: RunningLab, devices: dict[str, object]) -> None:
    current = lab.client.get("/1.0/instances/blog")
    kept = {key: current[key] for key in ("architecture", "config", "profiles", "description")}
    lab.client.act("PUT", "/1.0/instances/blog", {**kept, "devices": devices})


def _create(lab: RunningLab, name: str, volume_id: str) -> float:
    """Seconds until it runs, on the pool that status names for new instances."""
    started = time.monotonic()
    pool, _, source = volume_id.partition("/")
    disk = {"type": "disk", "pool": pool, "source": source, "path": "/srv/backup"}
    devices = {"root": {"type": "disk", "path": "/", "pool": lab.report.pool}}
    request = {
        "name": name,
        "source": {"type": "image", "alias": lab.report.image},
        "profiles": [],
        "devices": {**devices, "backup": disk} if volume_id else devices,
    }
    lab.client.act("POST", "/1.0/instances", request)
    lab.client.act("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
    return time.monotonic() - started


def _delete(lab: RunningLab, name: str) -> None:
    if lab.client.get(f"/1.0/instances/{name}") is not None:
        state = {"action": "stop", "force": True}
        lab.client.act("PUT", f"/1.0/instances/{name}/state", state)
        lab.client.act("DELETE", f"/1.0/instances/{name}", {})
