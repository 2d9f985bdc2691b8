"""kill -9 of `up`, of the daemon and of the whole machine: up brings it back, down clears it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from releve.errors import LabError
from releve.lab.base_image import ensure_base_image
from releve.lab.breakage import BreakHow, break_host
from releve.lab.mounts import list_mounts_below
from releve.lab.settings import LabSettings
from releve.lab.status import read_status
from releve.lab.sweep import release_machine
from releve.lab.up import bring_up
from tests.fixtures.lab import (
    RunningLab,
    find_traces,
    require_lab,
    ssh,
    start_lab,
    wait_until,
)

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lab")]

BOOT = ("cat", "/proc/sys/kernel/random/boot_id")


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("daemon", 0.0), ("network", 0.05), ("volumes", 0.3), ("imported", 0.5), ("imported", 5.0)],
)
def test_an_up_that_was_killed_is_done_over_by_the_next(
    own: LabSettings, line: str, seconds: float
) -> None:
    kill_up(own, after=line, seconds=seconds)
    assert read_status(own).state in {"unfinished", "up"}
    lab = start_lab(own)
    assert lab.report.state == "up"
    assert ssh(lab, lab.host.address, "hostname").strip() == "blog"


def test_an_up_that_was_killed_leaves_nothing_that_down_does_not_find(own: LabSettings) -> None:
    kill_up(own, after="imported", seconds=1.0)
    assert find_traces(own) != []  # and the fixture's end finds none


def test_a_second_up_at_the_same_time_is_refused(own: LabSettings) -> None:
    process = start_up(own)
    try:
        wait_for_line(process, "daemon")
        with pytest.raises(LabError, match="at work on own"):
            bring_up(own, say=print)
    finally:
        process.kill()
        process.communicate()


def test_a_killed_daemon_comes_back_under_its_running_hosts(own: LabSettings) -> None:
    lab = start_lab(own)
    booted = ssh(lab, lab.host.address, *BOOT)
    os.kill(lab.client.get("/1.0")["environment"]["server_pid"], signal.SIGKILL)
    wait_until(lambda: read_status(own).state == "stopped", "the daemon is gone")
    assert bring_up(own, say=print).state == "up"
    assert ssh(lab, lab.host.address, *BOOT) == booted
    break_host(own, "blog", how=BreakHow.POWER_OFF, say=print)


def test_a_restarted_machine_gets_its_lab_back(own: LabSettings) -> None:
    lab = start_lab(own)
    ssh(lab, lab.host.address, "hostname > /root/kept; hostname > /srv/data/kept; sync")
    stopped = {"name": "asleep", "source": {"type": "image", "alias": "base"}, "profiles": []}
    root = {"type": "disk", "path": "/", "pool": lab.report.pool}
    lab.client.act("POST", "/1.0/instances", {**stopped, "devices": {"root": root}})
    release_machine(own.paths)
    assert [trace for trace in find_traces(own) if not trace.startswith("file")] == []

    again = RunningLab(own, bring_up(own, say=print))
    wait_until(lambda: answers(again), "the host is back", seconds=60)
    kept = ssh(again, again.host.address, "cat /root/kept /srv/data/kept")
    assert kept.split() == ["blog", "blog"]
    assert again.report.endpoint == lab.report.endpoint
    assert lab.client.get("/1.0/instances/asleep")["status"] == "Stopped"


def test_a_stopped_host_stays_stopped_after_a_restart_and_its_disk_can_be_read(
    own: LabSettings,
) -> None:
    lab = start_lab(own)
    ssh(lab, lab.host.address, "echo last words > /root/note; sync")
    break_host(own, "blog", how=BreakHow.POWER_OFF, say=print)
    release_machine(own.paths)
    report = bring_up(own, say=print)
    assert report.hosts[0].state == "stopped"
    assert lab.client.pull_file("blog", "/root/note") == "last words\n"


def test_a_killed_image_build_takes_its_programs_along_and_keeps_no_half(tmp_path: Path) -> None:
    require_lab()
    process = python(
        "from pathlib import Path; from releve.lab.base_image import ensure_base_image\n"
        "say = lambda text: print(text, flush=True)\n"
        f"ensure_base_image(Path({str(tmp_path)!r}), fresh=False, say=say)"
    )
    wait_for_line(process, "Building")
    try:
        wait_until(lambda: "mmdebstrap" in " ".join(programs_of(tmp_path)), "it builds")
        wait_until(lambda: any(tmp_path.glob("*/rootfs/usr/bin/dpkg")), "it unpacks", seconds=120)
        assert process.poll() is None
        assert list_mounts_below(tmp_path) == ()
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: programs_of(tmp_path) == [], "mmdebstrap and apt ended")
    assert list(tmp_path.glob("*/rootfs.tar")) == []


def test_a_kept_image_is_used_again(lab: RunningLab) -> None:
    started = time.monotonic()
    image = ensure_base_image(lab.settings.image_cache, fresh=False, say=print)
    assert time.monotonic() - started < 2
    assert image.rootfs.stat().st_size > 100 * 2**20


def kill_up(settings: LabSettings, *, after: str, seconds: float) -> None:
    process = start_up(settings)
    wait_for_line(process, after)
    time.sleep(seconds)
    process.kill()
    process.communicate()


def start_up(settings: LabSettings) -> "subprocess.Popen[str]":
    return python(
        "from pathlib import Path\n"
        "from releve.lab.settings import LabSettings; from releve.lab.up import bring_up\n"
        f"settings = LabSettings({settings.name!r}, directory=Path({str(settings.directory)!r}))\n"
        "bring_up(settings, say=lambda text: print(text, flush=True))"
    )


def python(program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def wait_for_line(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    pytest.fail(f"it ended before it said {word!r}")


def programs_of(directory: Path) -> list[str]:
    listed = subprocess.run(
        ["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if f"{directory}/" in line]


def answers(lab: RunningLab) -> bool:
    try:
        return ssh(lab, lab.host.address, "true") == ""
    except subprocess.CalledProcessError:
        return False
