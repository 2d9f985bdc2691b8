"""A made-up host with a drill in the stores, for the ledger to be made from."""

from collections.abc import Iterable
from dataclasses import replace

from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole
from releve.ports.observed_store import ObservedStore
from tests.drift.machines import Machine

HOST = "web.example.org"
DRILL = "drill1"
TASK = TaskEvent(
    HOST, "site", "place the page", "shop", "roles/shop/tasks/main.yml:4", "copy", "changed",
    "2026-11-22T10:00:00+00:00", 1.0, touches=(Touch(TouchKind.PATH, "/var/www/shop/index.php"),),
)  # fmt: skip


def make_base() -> Machine:
    machine = Machine().package("base-files").file("/etc/hosts")
    return machine.directory("/etc").directory("/var/www")


def make_twin() -> Machine:
    return make_base().directory("/var/www/shop").file("/var/www/shop/index.php")


def make_live() -> Machine:
    user = make_twin().put(FactKind.USER, "deploy", uid="1003", home="/home/deploy")
    return user.put(FactKind.NOT_CHECKED, "database_role", why="no login")


def save(
    store: ObservedStore, role: ScanRole, facts: Iterable[Fact], **changes: object
) -> ScanRecord:
    record = ScanRecord(
        scan_id=f"scan-{role.value}",
        host=HOST,
        role=role,
        instance_id="instance-1",
        taken_at="2026-11-22T12:00:00+00:00",
        run_id="" if role is ScanRole.LIVE else DRILL,
        commit="c0ffee",
        base_image="image-1",
    )
    return store.save(replace(record, **changes), facts)  # type: ignore[arg-type] # by name


def save_all(store: ObservedStore) -> None:
    save(store, ScanRole.BASE, make_base().facts())
    save(store, ScanRole.TWIN, make_twin().facts())
    save(store, ScanRole.LIVE, make_live().facts())
