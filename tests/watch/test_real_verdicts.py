"""Accidents on real file systems, from the error to the confirmed verdict that names them."""

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from releve.model.reading import InsideReading
from releve.model.verdict import Cause, HostState, Verdict
from tests.adapters.probe.disks import mounted, require_disks
from tests.adapters.probe.running import order_for, running_probe
from tests.adapters.probe.test_real_disks import ACCIDENTS, Accident, await_well
from tests.watch.readings import DOWN, WELL, Reading, Watched

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("disks")]

CONFIRMED_WITHIN = 8.0  # seconds on a loaded machine; alone it is the dwell of 3 s and a round
BLIND_WITHIN = 12.0  # ext4 counts an error of the device at the next commit of its journal
FAILED = {Cause.FILESYSTEM_ERROR, Cause.DISK_FAILING}
NAMED = {
    "ext4 error": {Cause.FILESYSTEM_ERROR},
    "ext4 remounted read-only by hand": {Cause.REMOUNTED},
    "XFS shutdown": {Cause.FILESYSTEM_ERROR},
    "btrfs forced read-only": FAILED,  # the kernel does not always log what its device said
    "loop device cut short under ext4": {Cause.DISK_FAILING},
}
BLIND = NAMED | {
    "XFS shutdown": {Cause.DISK_FAILING},
    "loop device cut short under ext4": FAILED,
}


@dataclass(frozen=True)
class Told:
    """Readings with the seconds since the accident at which they came."""

    readings: tuple[tuple[float, InsideReading], ...]
    place: str

    def judge(self, seen: Reading, *, blind: bool = False) -> tuple[Verdict, float]:
        """The last verdict, and after how many seconds it was confirmed; -1: never."""
        host, confirmed_at = Watched(), -1.0
        host.tell(seen, seen)
        for at, reading in self.readings:
            shown = (
                replace(reading, kernel_lines=(), kernel_log_readable=False) if blind else reading
            )
            verdict = host.tell(shown, after=max(0.0, at + 60 - host.at)).verdict
            if verdict.is_dead and verdict.confirmed and confirmed_at < 0:
                confirmed_at = at
        return verdict, confirmed_at


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    require_disks("mkfs.xfs", "mkfs.btrfs", "xfs_io")
    directory = tmp_path_factory.mktemp("verdicts")

    def see(name: str) -> Told:
        return follow(directory / name.replace(" ", "-"), ACCIDENTS[name])

    with ThreadPoolExecutor(len(ACCIDENTS)) as pool:
        return dict(zip(ACCIDENTS, pool.map(see, ACCIDENTS), strict=True))


def follow(directory: Path, accident: Accident) -> Told:
    """From a well round to some seconds after the accident."""
    with mounted(directory, accident.filesystem, options=accident.options) as disk:
        fstab = f"{disk.node} {disk.place} {accident.filesystem} defaults 0 0\n"
        order = order_for(disk.place, fstab=fstab, interval=accident.interval)
        with running_probe(order) as probe:
            await_well(probe, disk.place)
            well = probe.readings[-1]
            time.sleep(1.2)  # or its next round would be too soon after the first
            began = time.monotonic()
            accident.act(disk)
            found = [(-1.0, well), (-0.5, well)]
            while (left := began + BLIND_WITHIN - time.monotonic()) > 0:
                try:
                    at, reading = probe._news.get(timeout=left)
                except queue.Empty:
                    break
                found.append((at - began, reading))
    return Told(tuple(found), str(disk.place))


@pytest.mark.parametrize("name", ACCIDENTS)
def test_it_is_confirmed_and_named_by_what_the_host_tells_alone(
    told: dict[str, Told], name: str
) -> None:
    """Every check passes still: pages come from memory."""
    verdict, seconds = told[name].judge(WELL)
    print(f"{name}: confirmed after {seconds:.2f} s: {verdict.reason}")
    assert (verdict.state, verdict.confirmed) == (HostState.CRASHED, True), verdict.reason
    assert verdict.cause in NAMED[name], verdict.reason
    assert verdict.subject == told[name].place
    assert 3.0 <= seconds <= CONFIRMED_WITHIN


@pytest.mark.parametrize("name", ACCIDENTS)
def test_without_the_kernels_log_it_is_confirmed_too(told: dict[str, Told], name: str) -> None:
    """Of XFS nothing but the log tells: there a check outside has to fail as well."""
    alone, _ = told[name].judge(WELL, blind=True)
    assert alone.is_dead
    assert alone.confirmed == (ACCIDENTS[name].filesystem != "xfs"), alone.reason
    verdict, seconds = told[name].judge(DOWN, blind=True)
    assert verdict.confirmed
    assert verdict.cause in BLIND[name]
    assert seconds <= BLIND_WITHIN
