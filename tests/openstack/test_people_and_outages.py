"""What people do at the cloud's console meanwhile, and services that are down, at a real one."""

import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from releve.model.identity import instance_name
from releve.model.run import RunState
from tests.openstack.acts import ACTS
from tests.openstack.control_plane import ControlPlane
from tests.openstack.faults import FOREVER, Fault, Where
from tests.openstack.inventory import take_inventory
from tests.openstack.play import (
    Stage,
    Trouble,
    cancel,
    drive,
    play,
    require_done,
    require_said,
    require_undone,
    write_rows,
)
from tests.openstack.recovery import open_journal
from tests.openstack.tenant import MOST_SERVERS, Tenant

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("openstack"),
    pytest.mark.timeout(900),
]
NAME: Final = "cloud.releve.test"
STUCK_SECONDS: Final = 25.0  # sooner than Nova gives up


@pytest.fixture
def stranger(tenant: Tenant) -> Iterator[str]:
    """Another server of the team, which no run may touch."""
    made = tenant.make_server(f"stranger-{secrets.token_hex(4)}")
    yield made
    tenant.hands.compute.delete_server(made)


@pytest.fixture
def stage(stranger: str, stage: Stage) -> Stage:
    del stranger  # it is there before the host is looked at
    return stage


def test_what_people_do_is_left_to_people(stage: Stage, stranger: str) -> None:
    tenant, ground = stage.tenant, stage.ground
    hands, address = tenant.hands, ground.address
    run = open_journal(stage.directory).list_runs()[0].input
    name = instance_name(run.host, run.run_id)
    double: list[str] = []

    def make_a_double() -> None:
        labels = {"releve.run": run.run_id}
        double.append(tenant.ask_for_server(name, from_volume=False, metadata=labels))

    def delete_the_double() -> None:
        hands.compute.delete_server(double[0])
        tenant.wait_until(lambda: double[0] not in {item.id for item in tenant.servers()}, "gone")

    def take_a_volume() -> None:
        tenant.attach(ground.volumes["backup"], stranger)

    def give_the_volume_back() -> None:
        volume = ground.volumes["backup"]
        hands.compute.delete_volume_attachment(stranger, volume)
        tenant.wait_until(lambda: tenant.is_free(volume), "it is free")

    def lead_address_to(server: str) -> None:
        (found,) = hands.network.ips(floating_ip_address=address)
        port = tenant.ports_of(server)[0].id if server else None
        hands.network.update_ip(found, port_id=port)

    troubles = [
        Trouble(
            "S08-F19",
            "a person makes a second server of this name and run",
            (Fault(ACTS["S08"], after=make_a_double),),
            halts="2 instances are called",
            lift=delete_the_double,
        ),
        Trouble(
            "S13-F21",
            "a person attaches the volume elsewhere between look and act",
            (Fault(ACTS["S13"], before=take_a_volume),),
            halts="somebody attached it meanwhile",
            lift=give_the_volume_back,
        ),
        Trouble(
            "S17-F21",
            "a person moves the address between look and act (412)",
            (Fault(ACTS["S17"], before=lambda: lead_address_to(stranger)),),
            halts=address,
            lift=lambda: lead_address_to(""),
        ),
    ]
    full = require_quota_seen_first(stage)
    record = play(stage, troubles)
    require_done(stage, record)
    write_rows(stage, [full, *troubles], record)


def require_quota_seen_first(stage: Stage) -> Trouble:
    """One life while there is no room for another server: nothing is touched."""
    tenant = stage.tenant
    full = Trouble("S08-F13", "no instance left in the quota", (), halts="quota")
    operator, project = tenant.operator, tenant.project_id
    operator.set_compute_quotas(project, instances=len(tenant.servers()))
    try:
        full.told = require_said(stage, drive(stage), full)
        assert all(stage.proxy.count(act.matches) == 0 for act in ACTS.values())
    finally:
        operator.set_compute_quotas(project, instances=MOST_SERVERS)
    return full


def test_a_volume_that_is_gone_is_named_and_never_made_again(stage: Stage) -> None:
    """Nothing is made up for it, neither by a resume nor by an undo; what is left goes back."""
    tenant, volumes = stage.tenant, stage.ground.volumes
    gone = volumes["backup"]
    trouble = Trouble(
        "S13-F14",
        "a person deletes a volume between look and act",
        (Fault(ACTS["S13"], before=lambda: tenant.delete_volume(gone)),),
        halts=gone,
    )
    stage.proxy.arm(*trouble.faults)
    trouble.told = require_said(stage, drive(stage), trouble)
    require_said(stage, drive(stage), trouble)
    record = cancel(stage)
    assert record.state is RunState.NEEDS_PERSON
    assert gone in record.next_action
    made = take_inventory(tenant).made_since(stage.before)
    assert made["volume"] <= 1, "but for the root of the new server"
    assert {name: tenant.holders_of(key) for name, key in volumes.items() if key != gone} == {
        "data": [stage.ground.old]
    }
    write_rows(stage, [trouble], record)


def test_a_build_that_fails_is_kept_and_put_back(stage: Stage, control_plane: ControlPlane) -> None:
    failed = Trouble("S08-F16", "accepted, then ERROR", (), halts="error state")
    with control_plane.break_down("spawn", "error"):
        halted = drive(stage)
        failed.told = require_said(stage, halted, failed)
    record = cancel(stage)
    require_undone(stage, record)
    write_rows(stage, [failed], record)


def test_what_is_down_in_the_middle_is_waited_for_by_a_person(
    stage: Stage, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the API answers; a service dies while it works; its name is not found.

    What the dead service had accepted hangs, and is never forced; it heals once that is back.
    """
    resolver = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    stage.proxy.show_name(NAME)
    stage.proxy.write_clouds_file(stage.tenant.clouds_file, stage.clouds_file)
    everything = Fault(Where(), "reset", times=0)

    def cut_off() -> None:
        everything.times = FOREVER

    def lose_name() -> None:
        resolver.fails = True
        stage.proxy.drop_connections()

    def find_name() -> None:
        resolver.fails = False

    troubles = [
        Trouble(
            "S08-F36",
            "cut off from the API from the create on",
            (Fault(ACTS["S08"], after=cut_off), everything),
            halts="connection",
        ),
        Trouble(
            "S11-F17",
            "cinder-volume killed in the middle of a detach",
            (Fault(ACTS["S11"], before=lambda: control_plane.kill_service("cinder-volume")),),
            halts="detach",
            lift=lambda: control_plane.run_service("cinder-volume"),
        ),
        Trouble(
            "S13-F35",
            "the name of the API cannot be looked up from the attach on",
            (Fault(ACTS["S13"], after=lose_name),),
            halts="connection",
            lift=find_name,
        ),
    ]
    record = play(replace(stage, longest_step_seconds=STUCK_SECONDS), troubles)
    require_done(stage, record)
    write_rows(stage, troubles, record)


class Resolver:
    """Knows one name more than the machine's, or not."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real = real
        self.fails = False

    def __call__(self, host: Any, *more: Any, **options: Any) -> Any:
        if host != NAME:
            return self.real(host, *more, **options)
        if self.fails:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self.real("127.0.0.1", *more, **options)
