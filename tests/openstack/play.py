"""Plays a recovery through the proxy with troubles on its way, and holds its end to the truth."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from releve.model.identity import instance_name
from releve.model.run import EventKind, RunRecord, RunState
from tests.openstack.acts import ACTS
from tests.openstack.faults import Fault
from tests.openstack.inventory import Inventory, take_inventory
from tests.openstack.proxy import FaultyProxy
from tests.openstack.recovery import (
    SETTLE_SECONDS,
    Controller,
    Ground,
    open_journal,
    read_ground,
)
from tests.openstack.tenant import Tenant

TABLE: Final = Path(__file__).parents[2] / ".dev" / "openstack-faults.csv"
COLUMNS: Final = ("cell", "fault", "expected", "outcome", "requests")


@dataclass
class Trouble:
    """One cell of the fault matrix on one act; `halts`: words of the halt that it must lead to."""

    cell: str  # S08-F06
    what: str
    faults: tuple[Fault, ...]
    halts: str = ""  # empty: the run goes on by itself
    lift: Callable[[], None] | None = None  # what a person does before `releve resume`
    told: str = field(default="", init=False)  # what the run said when it halted

    @property
    def is_met(self) -> bool:
        return any(fault.fired for fault in self.faults)

    def put_right(self) -> None:
        for fault in self.faults:
            fault.times = 0
        if self.lift:
            self.lift()


@dataclass(frozen=True)
class Stage:
    """Where the recovery is played, and what was there before it."""

    tenant: Tenant
    proxy: FaultyProxy
    directory: Path
    before: Inventory
    longest_step_seconds: float = 300.0
    settle_seconds: float = SETTLE_SECONDS

    @property
    def ground(self) -> Ground:
        return read_ground(self.directory)

    @property
    def clouds_file(self) -> Path:
        return Path(self.ground.clouds_file)


def play(stage: Stage, troubles: Sequence[Trouble]) -> RunRecord:
    """Drive, and resume after each halt once a person has put it right, until the run ends."""
    for trouble in troubles:
        stage.proxy.arm(*trouble.faults)
    waiting = [trouble for trouble in troubles if trouble.halts]
    while True:
        record = drive(stage)
        if record.state is not RunState.NEEDS_PERSON:
            break
        met = [trouble for trouble in waiting if trouble.is_met]
        assert met, f"nothing was to halt it now: {record.next_action}"
        for trouble in met:
            trouble.told = require_said(stage, record, trouble)
            trouble.put_right()
            waiting.remove(trouble)
    assert not waiting, f"never met: {[trouble.cell for trouble in waiting]}"
    for trouble in troubles:
        assert trouble.is_met, f"never met: {trouble.cell} {trouble.what}"
    stage.proxy.disarm_all()
    return record


def drive(stage: Stage) -> RunRecord:
    controller = Controller(
        stage.directory,
        settle_seconds=stage.settle_seconds,
        longest_step_seconds=stage.longest_step_seconds,
    )
    try:
        return controller.drive()
    finally:
        controller.outside.provider.close()


def cancel(stage: Stage) -> RunRecord:
    controller = Controller(stage.directory)
    try:
        return controller.cancel()
    finally:
        controller.outside.provider.close()


def require_said(stage: Stage, record: RunRecord, trouble: Trouble) -> str:
    """The sentence of the halt, which names the trouble; the next action names the command."""
    assert f"releve resume {record.input.run_id}" in record.next_action
    journal = open_journal(stage.directory)
    halts = [
        event.text
        for event in journal.read_events(record.input.run_id)
        if event.kind is EventKind.HALTED
    ]
    said = [text for text in halts if trouble.halts.lower() in text.lower()]
    assert said, f"{trouble.cell}: no halt says {trouble.halts!r}: {halts}"
    return said[-1]


def require_done(stage: Stage, record: RunRecord) -> None:
    """One server, one port, one attachment of each volume, one owner of the address."""
    assert record.state is RunState.DONE, record.next_action
    tenant, ground = stage.tenant, stage.ground
    new = find_made(stage, record)
    server = tenant.operator.compute.get_server(new)
    assert (server.status, server.metadata["releve.role"]) == ("ACTIVE", "active")
    for volume in ground.volumes.values():
        assert tenant.volume(volume).status == "in-use"
        assert tenant.holders_of(volume) == [new]
    assert tenant.server_of_address(ground.address) == new
    old = tenant.operator.compute.get_server(ground.old)
    assert (old.status, old.is_locked) == ("SHUTOFF", True)
    assert old.metadata["releve.role"] == "quarantined"
    require_nothing_left(stage)


def require_undone(stage: Stage, record: RunRecord) -> None:
    """All is where it was; what the run made is off and labelled as discarded."""
    assert record.state is RunState.UNDONE, record.next_action
    tenant, ground = stage.tenant, stage.ground
    for volume in ground.volumes.values():
        assert tenant.holders_of(volume) == [ground.old]
    assert tenant.server_of_address(ground.address) == ground.old
    old = tenant.operator.compute.get_server(ground.old)
    assert (old.status, old.is_locked) == ("ACTIVE", False)
    for server in tenant.servers():
        if server.metadata.get("releve.run") == record.input.run_id and server.id != ground.old:
            role = server.metadata["releve.role"]
            assert (server.status, role) in {("SHUTOFF", "discarded"), ("ERROR", "candidate")}
    require_nothing_left(stage)


def find_made(stage: Stage, record: RunRecord) -> str:
    """The one server that carries this run's name, and the only one that carries its label."""
    name = instance_name(record.input.host, record.input.run_id)
    named = [server.id for server in stage.tenant.servers() if server.name == name]
    assert len(named) == 1, f"{len(named)} servers are called {name}"
    labelled = {
        server.id
        for server in stage.tenant.servers()
        if server.metadata.get("releve.run") == record.input.run_id
    }
    assert labelled == {named[0], stage.ground.old}
    return str(named[0])


def require_nothing_left(stage: Stage) -> None:
    """Beside what a recovery is to make, nothing is new; nothing of before is gone."""
    now = take_inventory(stage.tenant)
    made = now.made_since(stage.before)
    snapshots = len(stage.ground.volumes)
    most = Counter(server=1, port=1, volume=1, snapshot=snapshots, group=1)
    assert not made - most, f"left behind: {made - most}"
    assert now.gone_since(stage.before) == []


def write_rows(stage: Stage, troubles: Sequence[Trouble], record: RunRecord) -> None:
    """For the table that scripts/openstack_faults.py prints."""
    TABLE.parent.mkdir(exist_ok=True)
    is_new = not TABLE.exists()
    with TABLE.open("a", newline="") as table:
        writer = csv.writer(table)
        if is_new:
            writer.writerow(COLUMNS)
        for trouble in troubles:
            row = trouble.cell.split("-")[0]
            where = ACTS.get(row)
            sent = stage.proxy.count(where.matches) if where else 0
            expected = "NEEDS_PERSON, then resumed" if trouble.halts else "goes on by itself"
            outcome = f"{trouble.told}; resumed: " if trouble.told else ""
            writer.writerow(
                (trouble.cell, trouble.what, expected, f"{outcome}{record.state.value}", sent)
            )
