"""What is sent for each act, where no true cloud is needed to see it."""

import json
from dataclasses import replace

import pytest

from releve.errors import Ambiguous, Busy, Missing, Refused
from releve.model.resources import Address, InstanceRequest, Labels, Power, Role
from tests.providers.openstack.cloud_double import (
    IMAGE,
    INSTANCE,
    NETWORK,
    OTHER,
    PORT,
    VOLUME,
    Asked,
    CloudDouble,
    Reply,
    everything,
    ok,
    port,
    server,
    volume,
)
from tests.providers.openstack.conftest import Meet

LABELS = Labels(host="web", run="abcdefghijkl", epoch=1, role=Role.CANDIDATE)
REQUEST = InstanceRequest(
    name="web-abcdefghijkl",
    image_id=IMAGE,
    size="small",
    network="net",
    labels=LABELS,
    authorized_keys=("ssh-ed25519 AAAA",),
)


def acts_of(double: CloudDouble) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in double.asked if asked.method != "GET"]


def actions_of(double: CloudDouble) -> list[str]:
    bodies = [asked.content for asked in double.asked if asked.path.endswith("/action")]
    return [next(iter(body)) for body in bodies]


def accept(asked: Asked) -> Reply | None:
    """Nobody is called like anything new; every act is accepted."""
    if asked.method != "GET":
        return ok({"port": {"id": OTHER}, "server": {"id": OTHER}, "volume": {"id": OTHER}}, 202)
    empty: dict[str, list[str]] = {"servers": [], "ports": [], "images": []}
    return ok(empty) if "name=" in asked.path else everything(asked)


class TestCreation:
    def test_makes_the_port_first_and_then_the_instance_on_it(self, meet: Meet) -> None:
        double, cloud = meet(accept)
        cloud.create_instance(REQUEST)
        assert acts_of(double) == ["POST /network/v2.0/ports", "POST /compute/v2.1/servers"]
        plug, made = (asked.content for asked in double.asked if asked.method == "POST")
        assert json.loads(plug["port"]["description"])["releve.run"] == LABELS.run
        assert plug["port"]["network_id"] == NETWORK
        assert made["server"]["networks"] == [{"port": OTHER}]
        assert made["server"]["metadata"] == LABELS.as_mapping()

    def test_asks_for_the_name_as_no_pattern(self, meet: Meet) -> None:
        double, cloud = meet(accept)
        assert cloud.find_instances(name="a.*|b") == ()
        assert "name=%5Ea%5C.%5C%2A%5C%7Cb%24" in double.asked[0].path

    def test_a_name_that_is_taken_is_busy_and_nothing_is_made(self, meet: Meet) -> None:
        def answer(asked: Asked) -> Reply | None:
            taken = {"servers": [server(name=REQUEST.name)]}
            return ok(taken) if "servers/detail" in asked.path else accept(asked)

        double, cloud = meet(answer)
        with pytest.raises(Busy):
            cloud.create_instance(REQUEST)
        assert acts_of(double) == []

    def test_a_port_that_an_interrupted_create_left_is_taken(self, meet: Meet) -> None:
        packed = json.dumps({"releve.run": LABELS.run})
        left = port(name=REQUEST.name, device_id="", description=packed)

        def answer(asked: Asked) -> Reply | None:
            if asked.method == "GET" and "/v2.0/ports?" in asked.path:
                return ok({"ports": [left]})
            if asked.method == "GET" and asked.path.endswith(PORT):
                return ok({"port": left})
            return accept(asked)

        double, cloud = meet(answer)
        cloud.create_instance(REQUEST)
        assert acts_of(double) == ["POST /compute/v2.1/servers"]
        assert double.asked[-1].content["server"]["networks"] == [{"port": PORT}]

    def test_two_networks_of_one_name_are_ambiguous(self, meet: Meet) -> None:
        def answer(asked: Asked) -> Reply | None:
            both = {"networks": [{"id": NETWORK, "name": "net"}, {"id": OTHER, "name": "net"}]}
            return ok(both) if "/networks" in asked.path else accept(asked)

        double, cloud = meet(answer)
        with pytest.raises(Ambiguous):
            cloud.create_instance(REQUEST)
        assert acts_of(double) == []

    def test_an_isolated_one_takes_no_port(self, meet: Meet) -> None:
        double, cloud = meet(accept)
        with pytest.raises(Refused):
            cloud.create_instance(replace(REQUEST, isolated=True, port_id=PORT))
        assert double.asked == []


class TestLocks:
    """Nova refuses to label a locked instance, or to take a volume from it."""

    def answer(self, asked: Asked) -> Reply | None:
        one = server(locked=True, **{"os-extended-volumes:volumes_attached": [{"id": VOLUME}]})
        disk = volume(status="in-use", attachments=[{"server_id": INSTANCE}])
        if asked.method != "GET":
            return 202, {}, b""
        return everything(
            asked,
            **{
                f"/compute/v2.1/servers/{INSTANCE}": {"server": one},
                "/compute/v2.1/servers/detail": {"servers": [one]},
                f"/volume/v3/volumes/{VOLUME}": {"volume": disk},
            },
        )

    def test_are_lifted_for_an_act_and_put_back(self, meet: Meet) -> None:
        double, cloud = meet(self.answer)
        cloud.detach_volume(VOLUME, INSTANCE)
        acts = acts_of(double)
        assert acts[1] == f"DELETE /compute/v2.1/servers/{INSTANCE}/os-volume_attachments/{VOLUME}"
        assert actions_of(double) == ["unlock", "lock"]

    def test_are_put_back_where_the_act_fails(self, meet: Meet) -> None:
        def answer(asked: Asked) -> Reply | None:
            return (503, {}, b"") if asked.method == "DELETE" else self.answer(asked)

        double, cloud = meet(answer)
        with pytest.raises(Exception, match="503"):
            cloud.detach_volume(VOLUME, INSTANCE)
        assert actions_of(double) == ["unlock", "lock"]

    def test_are_put_back_by_a_later_life(self, meet: Meet) -> None:
        """Killed between unlock and lock: the note is still there."""

        def answer(asked: Asked) -> Reply | None:
            one = server(metadata={"releve.locked": "yes"})
            if asked.method != "GET":
                return 200, {}, b""
            return everything(asked, **{f"/compute/v2.1/servers/{INSTANCE}": {"server": one}})

        double, cloud = meet(answer)
        cloud.label_instance(INSTANCE, LABELS)
        assert actions_of(double) == ["lock"]


class TestAddresses:
    def fixed(self, asked: Asked, *, made: str) -> Reply | None:
        plug = port(created_at=made, fixed_ips=[{"ip_address": "198.51.100.9"}])
        if asked.method != "GET":
            return 202, {}, b""
        return everything(
            asked,
            **{
                "/network/v2.0/floatingips": {"floatingips": []},
                "/network/v2.0/ports": {"ports": [plug]},
            },
        )

    def test_a_fixed_one_is_that_of_its_port(self, meet: Meet) -> None:
        _, cloud = meet(lambda asked: self.fixed(asked, made="2026-01-01T00:00:00Z"))
        assert cloud.get_address("198.51.100.9").instance_id == INSTANCE

    def test_one_that_nova_would_delete_is_no_address(self, meet: Meet) -> None:
        _, cloud = meet(lambda asked: self.fixed(asked, made="2026-01-02T00:00:03Z"))
        with pytest.raises(Refused, match="younger"):
            cloud.get_address("198.51.100.9")

    @pytest.mark.parametrize("address", ["198.51.100.200", "nonsense", "", "198.51.100.7/32"])
    def test_another_is_missing(self, meet: Meet, address: str) -> None:
        _, cloud = meet(everything)
        with pytest.raises(Missing):
            cloud.get_address(address)

    def test_one_that_something_else_has_is_not_free(self, meet: Meet) -> None:
        balancer = port(device_id=OTHER, device_owner="Octavia")
        floating = {"id": OTHER, "floating_ip_address": "198.51.100.7", "port_id": PORT}

        def answer(asked: Asked) -> Reply | None:
            return everything(
                asked,
                **{
                    "/network/v2.0/floatingips": {"floatingips": [floating]},
                    f"/network/v2.0/ports/{PORT}": {"port": balancer},
                },
            )

        _, cloud = meet(answer)
        assert cloud.get_address("198.51.100.7").instance_id == OTHER

    def test_an_isolated_instance_gets_none(self, meet: Meet) -> None:
        isolated = server(metadata={"releve.isolated": "yes"})

        def answer(asked: Asked) -> Reply | None:
            return everything(asked, **{f"/compute/v2.1/servers/{INSTANCE}": {"server": isolated}})

        double, cloud = meet(answer)
        free = Address("198.51.100.7", "", revision="4")
        with pytest.raises(Refused):
            cloud.move_address(free.address, INSTANCE, expected=free)
        assert acts_of(double) == []


class TestDescription:
    @pytest.mark.parametrize(
        ("status", "task", "power", "busy"),
        [
            ("ACTIVE", None, Power.RUNNING, ""),
            ("ACTIVE", "powering-off", Power.RUNNING, "powering-off"),
            ("SHUTOFF", None, Power.STOPPED, ""),
            ("PAUSED", None, Power.RUNNING, ""),
            ("ERROR", None, Power.ERROR, ""),
            ("BUILD", None, Power.CHANGING, "building"),
            ("UNKNOWN", None, Power.CHANGING, ""),
            ("MIGRATING", "migrating", Power.CHANGING, "migrating"),
        ],
    )
    def test_of_power(
        self, meet: Meet, status: str, task: str | None, power: Power, busy: str
    ) -> None:
        one = server(status=status, **{"OS-EXT-STS:task_state": task})

        def answer(asked: Asked) -> Reply | None:
            return everything(asked, **{f"/compute/v2.1/servers/{INSTANCE}": {"server": one}})

        _, cloud = meet(answer)
        found = cloud.get_instance(INSTANCE)
        assert (found.power, found.busy) == (power, busy)

    def test_one_made_to_be_off_is_busy_until_it_is(self, meet: Meet) -> None:
        one = server(status="ACTIVE", metadata={"releve.off": "yes"})

        def answer(asked: Asked) -> Reply | None:
            return everything(asked, **{f"/compute/v2.1/servers/{INSTANCE}": {"server": one}})

        _, cloud = meet(answer)
        assert cloud.get_instance(INSTANCE).busy

    def test_without_a_port_that_is_up_it_has_no_network(self, meet: Meet) -> None:
        def answer(asked: Asked) -> Reply | None:
            return everything(
                asked, **{"/network/v2.0/ports": {"ports": [port(admin_state_up=False)]}}
            )

        _, cloud = meet(answer)
        assert not cloud.get_instance(INSTANCE).networked

    def test_what_a_cloud_cannot_do_is_said_with_what_is_done_instead(self, meet: Meet) -> None:
        _, cloud = meet(everything)
        assert len(cloud.capabilities.notes) == 2
        _, cloud = meet(everything, double={"extensions": (), "compute_version": "2.1"})
        told = " ".join(cloud.capabilities.notes)
        for word in ("lock", "revision-if-match", "floating IP", "tags", "security groups"):
            assert word in told

    def test_an_older_nova_has_no_lock_that_could_be_read_back(self, meet: Meet) -> None:
        _, cloud = meet(everything, double={"compute_version": "2.8"})
        assert not cloud.capabilities.locks
        _, cloud = meet(everything)
        assert cloud.capabilities.locks
