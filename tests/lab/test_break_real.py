"""Every accident really happens, is really seen, and leaves the rest of the host as a real one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from releve.errors import LabError
from releve.lab.breakage import Breakage, BreakHow, break_host
from releve.lab.disks import root_of
from releve.lab.instances import await_host
from releve.lab.mounts import list_mounts_below
from releve.lab.record import read_record
from releve.lab.settings import LabSettings, RootFilesystem
from releve.lab.status import read_status
from releve.lab.up import bring_up
from releve.model.resources import Role
from tests.contracts.asking import delete, make_request, make_running
from tests.contracts.lxd_range import LxdRange
from tests.fixtures.lab import RunningLab, require_lab, ssh, start_lab, stop_lab, wait_until

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lab")]

DEATHS = {
    RootFilesystem.EXT4: BreakHow.EXT4_ERROR,
    RootFilesystem.XFS: BreakHow.XFS_SHUTDOWN,
}
NEEDS_REPLAY = 0x4  # s_feature_incompat: the journal holds what was not written home
SERVER = "systemd-run --unit=page python3 -m http.server 80 --bind 0.0.0.0 --directory /srv/data"


@pytest.fixture(scope="module", params=[*RootFilesystem], ids=lambda root: root.value)
def breakable(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningLab]:
    require_lab()
    directory = tmp_path_factory.mktemp("break") / "lab"
    settings = LabSettings("broken", directory=directory, root_filesystem=request.param)
    try:
        yield start_lab(settings)
    finally:
        stop_lab(settings)


@pytest.fixture
def whole(breakable: RunningLab) -> RunningLab:
    """Started anew, which mends what these accidents break, with a page that it serves."""
    state = "/1.0/instances/blog/state"
    if breakable.client.get(state)["status"] == "Running":
        breakable.client.act("PUT", state, {"action": "stop", "force": True})
    bring_up(breakable.settings, say=print)
    breakable.client.act("PUT", state, {"action": "start"})
    record = read_record(breakable.settings.paths.record)
    assert record is not None
    await_host(breakable.client, record.hosts[0])
    ssh(breakable, breakable.host.address, "rm -f /var/tmp/lab-disk-full*")
    ssh(breakable, breakable.host.address, "date > /srv/data/index.html;", SERVER)
    wait_until(lambda: is_served(breakable), "the page is served")
    return breakable


def test_a_disk_error_turns_the_root_read_only_and_running_services_go_on(
    whole: RunningLab,
) -> None:
    if whole.host.root_filesystem != "ext4":
        assert_refused(whole, BreakHow.EXT4_ERROR, "needs ext4")
        return
    seen = cause(whole, BreakHow.EXT4_ERROR)
    assert "Read-only file system" in " ".join(seen.seen)
    assert ssh(whole, whole.host.address, "touch /root/x 2>&1 || echo refused").endswith(
        "refused\n"
    )
    flags = root_flags(whole)
    assert flags & {"emergency_ro", "ro"}
    kernel_log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    assert "Remounting filesystem read-only" in kernel_log
    assert is_served(whole)
    ssh(whole, whole.host.address, "touch /srv/data/still-writable")


def test_a_shut_down_xfs_refuses_everything(whole: RunningLab) -> None:
    if whole.host.root_filesystem != "xfs":
        assert_refused(whole, BreakHow.XFS_SHUTDOWN, "needs xfs")
        return
    cause(whole, BreakHow.XFS_SHUTDOWN)
    assert whole.client.execute("blog", ["ls", "/root"]).exit_code != 0
    assert is_served(whole)


def test_a_dead_system_disk_is_read_by_a_helper_and_keeps_every_byte(whole: RunningLab) -> None:
    filesystem = RootFilesystem(whole.host.root_filesystem)
    ssh(whole, whole.host.address, "echo last words > /root/last; chown 33:42 /root/last; sync")
    cause(whole, DEATHS[filesystem])
    ground = LxdRange(whole)
    try:
        ground.provider.stop_instance("blog")
        before = ground.provider.read_system_disk("blog")
        assert before.filesystem == whole.host.root_filesystem
        if filesystem is RootFilesystem.EXT4:
            assert int.from_bytes(before.superblock[1120:1124], "little") & NEEDS_REPLAY
        helper = make_running(ground, make_request(ground, role=Role.HELPER))
        ground.provider.attach_system_disk("blog", helper, mount_point="/dead")
        read_all = "cat /dead/root/last; stat -c %u:%g /dead/root/last; tar -cf - /dead | wc -c"
        seen = whole.client.execute(helper, ["sh", "-c", read_all]).output.splitlines()
        assert seen[:2] == ["last words", "33:42"]
        assert int(seen[2]) > 100 * 2**20  # the whole system
        refused = whole.client.execute(helper, ["touch", "/dead/root/last"])
        assert "Read-only" in refused.complaint
        ground.provider.detach_system_disk("blog", helper)
        delete(ground, helper)
        assert ground.provider.read_system_disk("blog") == before
    finally:
        ground.cleanup()


def test_a_full_disk_takes_no_byte_more(whole: RunningLab) -> None:
    cause(whole, BreakHow.DISK_FULL)
    assert "100%" in ssh(whole, whole.host.address, "df --output=pcent /")
    wrote = "head -c 65536 /dev/zero > /root/x 2>&1 || echo refused"
    assert "refused" in ssh(whole, whole.host.address, wrote)
    assert is_served(whole)


def test_a_pulled_cable_leaves_a_running_host_that_nobody_reaches(whole: RunningLab) -> None:
    cause(whole, BreakHow.NETWORK)
    assert not is_served(whole)
    assert read_status(whole.settings).hosts[0].state == "running"
    assert whole.client.execute("blog", ["systemctl", "is-active", "page"]).output == "active\n"


def test_a_power_cut_stops_the_host_and_a_second_one_is_refused(whole: RunningLab) -> None:
    cause(whole, BreakHow.POWER_OFF)
    assert read_status(whole.settings).hosts[0].state == "stopped"
    assert not is_served(whole)
    assert_refused(whole, BreakHow.POWER_OFF, "does not run")


def test_a_host_that_is_not_there_is_named_with_those_that_are(breakable: RunningLab) -> None:
    with pytest.raises(LabError, match="it has blog"):
        break_host(breakable.settings, "shop", how=BreakHow.NETWORK, say=print)


def test_nothing_is_broken_where_no_lab_runs(tmp_path: Path) -> None:
    require_lab()
    with pytest.raises(LabError, match="does not run"):
        break_host(
            LabSettings("none", directory=tmp_path / "none"),
            "blog",
            how=BreakHow.NETWORK,
            say=print,
        )


def cause(lab: RunningLab, how: BreakHow) -> Breakage:
    said: list[str] = []
    breakage = break_host(lab.settings, "blog", how=how, say=said.append)
    assert said[0] == breakage.done
    assert len(said) == 1 + len(breakage.seen)
    return breakage


def assert_refused(lab: RunningLab, how: BreakHow, reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        break_host(lab.settings, "blog", how=how, say=print)


def is_served(lab: RunningLab) -> bool:
    try:
        with urlopen(f"http://{lab.host.address}/index.html", timeout=3) as reply:
            return bool(reply.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False


def root_flags(lab: RunningLab) -> set[str]:
    root = root_of(lab.settings.paths, "blog")
    (mount,) = list_mounts_below(root)
    return set(mount.options.split(","))
