"""Read a host as it serves, or the dead disk of one, keep it, and say what is new since."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from releve.drift.compare import compare
from releve.errors import PlanError, Unreachable
from releve.model.finding import Deviation, DeviationStatus
from releve.model.identity import new_run_id
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole
from releve.model.resources import Instance, Power
from releve.plan.problems import show_word
from releve.plan.types import HostPlan
from releve.ports.access import Access, Door
from releve.ports.observed_store import ObservedStore
from releve.ports.outside import Outside
from releve.recovery.preconditions import resolve_current_instance
from releve.recovery.subject import door_by_plan
from releve.scan.contents import read_contents
from releve.scan.database_logins import read_database_logins
from releve.scan.request import ScanRequest
from releve.scan.scan import scan_and_save

MOST_LISTED = 200
_SPOTS = (FactKind.NOT_CHECKED, FactKind.EXCLUSION)


@dataclass(frozen=True)
class Changes:
    """What is new since an earlier scan; the differences listed are the first ones."""

    since: ScanRecord
    count: int
    listed: tuple[Deviation, ...]


@dataclass(frozen=True)
class ScanSummary:
    record: ScanRecord
    counts: Mapping[FactKind, int]
    blind_spots: tuple[Fact, ...]
    changes: Changes | None  # None: there is no earlier one like it


def scan_live(
    host: str, plan: HostPlan, outside: Outside, *, full: bool, afresh: bool = False
) -> ScanRecord:
    """Changes nothing on the host; Unreachable where it does not run or shows no host keys."""
    instance = resolve_current_instance(outside.provider, host, plan)
    record = ScanRecord(
        scan_id=f"{new_run_id()}-{ScanRole.LIVE.value}",
        host=host,
        role=ScanRole.LIVE,
        instance_id=instance.id,
        taken_at=outside.clock.now().isoformat(timespec="seconds"),
        base_image=instance.image,
    )
    request = ScanRequest(outside.observed.secret_for(host), full=full, afresh=afresh)
    door = _open_door(instance, plan, outside)
    return scan_and_save(outside.access, door, request, record=record, store=outside.observed)


def read_live_contents(
    host: str, plan: HostPlan, outside: Outside, *, paths: Sequence[str]
) -> dict[str, bytes]:
    """Bodies of regular files as the host has them now; what is gone or too large is left out."""
    return read_contents(outside.access, _open_live_door(host, plan, outside), paths)


def read_live_logins(
    host: str, plan: HostPlan, outside: Outside, *, accounts: Sequence[str]
) -> dict[str, str]:
    """How accounts of its databases log in now, with what is stored; quoted names as keys."""
    return read_database_logins(outside.access, _open_live_door(host, plan, outside), accounts)


def scan_dead_root(
    host: str, root: Path, *, access: Access, store: ObservedStore, request: "DeadScan"
) -> ScanRecord:
    """A disk that is mounted on this machine; nothing on it is run or written."""
    path = _require_root(root)
    record = ScanRecord(
        scan_id=f"{new_run_id()}-{ScanRole.DEAD.value}",
        host=host,
        role=ScanRole.DEAD,
        instance_id="",
        taken_at=request.at,
    )
    order = ScanRequest(secret=store.secret_for(host), full=request.full, root=str(path))
    here = Door("", 0, request.user, ())
    return scan_and_save(access, here, order, record=record, store=store)


@dataclass(frozen=True)
class DeadScan:
    user: str  # who runs this; root reads without sudo
    at: str
    full: bool = False


def summarise(record: ScanRecord, store: ObservedStore) -> ScanSummary:
    counts: Counter[FactKind] = Counter()
    spots = []
    for fact in takewhile(_is_no_file, store.read_facts(record.scan_id)):
        counts[fact.kind] += 1
        if fact.kind in _SPOTS:
            spots.append(fact)
    counts[FactKind.FILE] = record.facts - counts.total()  # files come last
    return ScanSummary(record, +counts, tuple(spots), _find_changes(record, store))


def _is_no_file(fact: Fact) -> bool:
    return fact.kind is not FactKind.FILE


def _open_live_door(host: str, plan: HostPlan, outside: Outside) -> Door:
    return _open_door(resolve_current_instance(outside.provider, host, plan), plan, outside)


def _open_door(instance: Instance, plan: HostPlan, outside: Outside) -> Door:
    if instance.power is not Power.RUNNING or not instance.private_address:
        raise Unreachable(
            f"instance {show_word(instance.name)} cannot be scanned",
            why=f"it is {instance.power.value}"
            if instance.power is not Power.RUNNING
            else "the provider knows no address of it",
            remedy="start it, or read its disk with `releve scan HOST --root DIR`",
        )
    host_keys = outside.provider.read_host_keys(instance.id)
    if not host_keys:
        raise Unreachable(
            f"the host keys of {show_word(instance.name)} cannot be proven",
            why="the provider cannot read them from the instance",
            remedy="see whether its SSH server has been set up, and its system disk is readable",
        )
    return door_by_plan(
        plan.ssh, address=instance.private_address, host_keys=host_keys, known_as=instance.id
    )


def _require_root(root: Path) -> Path:
    """Resolved; PlanError for what is no mounted disk."""
    try:
        path = root.resolve(strict=True)
    except OSError as error:
        raise PlanError(
            f"{show_word(str(root))} cannot be read",
            why=error.strerror or str(error),
            remedy="Name the directory on which the dead disk is mounted",
        ) from error
    if not (path / "etc").is_dir() or path == Path("/"):
        raise PlanError(
            f"{show_word(str(root))} is no root of a dead machine",
            why="it is this machine's own" if path == Path("/") else "it has no etc directory",
            remedy="Name the directory on which the dead disk is mounted",
        )
    return path


def _find_changes(record: ScanRecord, store: ObservedStore) -> Changes | None:
    earlier = store.find_scans(record.host, role=record.role, limit=20)
    alike = [
        scan
        for scan in earlier
        if scan.scan_id != record.scan_id
        and scan.complete
        and scan.full == record.full
        and scan.taken_at <= record.taken_at
    ]
    if not alike:
        return None
    ours, theirs = store.read_differing(record.scan_id, alike[0].scan_id)
    deviations = compare(ours, theirs, ours_partial=not record.complete)
    count = 0
    listed: list[Deviation] = []
    for deviation in deviations:
        if deviation.status is DeviationStatus.NOT_CHECKED:
            continue
        count += 1
        if len(listed) < MOST_LISTED:
            listed.append(deviation)
    return Changes(alike[0], count, tuple(listed))
