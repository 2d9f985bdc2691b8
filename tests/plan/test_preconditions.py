"""Which instance a recovery would replace, and what it asks the doors before it touches any."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from releve.errors import Ambiguous, Missing, Unavailable
from releve.plan.loading import LoadedPlan, load_plan
from releve.plan.types import HostPlan
from releve.ports.outside import Outside
from releve.recovery.preconditions import (
    list_problems,
    list_run_problems,
    resolve_current_instance,
)
from releve.recovery.recover import propose_run
from tests.fakes.cloud import FakeCloud
from tests.fakes.faults import Fault
from tests.fakes.provider import FakeProvider
from tests.plan.broken_plans import GOOD, BrokenPlan
from tests.plan.cloud_of_the_good_plan import (
    ConvergerThatFinds,
    list_acts,
    make_cloud,
    make_outside,
)

HOST = "web.example.org"
OLD = "instance-0001"


@pytest.fixture
def loaded() -> LoadedPlan:
    return load_plan(GOOD / "releve.yml")


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    return make_cloud(tmp_path)


@pytest.fixture
def outside(cloud: FakeCloud, tmp_path: Path) -> Outside:
    return make_outside(cloud, BrokenPlan(name="", says=""), state=tmp_path / "state")


def add_labelled(cloud: FakeCloud, name: str, **labels: Any) -> str:
    before = set(cloud.state().instances)
    named = {f"releve.{key}": str(value) for key, value in labels.items()}
    cloud.as_person("add_old_instance", name=name, labels=named)
    return (set(cloud.state().instances) - before).pop()


def resolve(cloud: FakeCloud, plan: HostPlan) -> str:
    return resolve_current_instance(FakeProvider(cloud), HOST, plan).id


def test_before_any_recovery_it_is_the_one_of_the_plan(
    cloud: FakeCloud, loaded: LoadedPlan
) -> None:
    assert resolve(cloud, loaded.host(HOST)) == OLD


def test_the_plan_may_name_it_by_id(cloud: FakeCloud, loaded: LoadedPlan) -> None:
    by_id = loaded.host(HOST).model_copy(update={"instance": OLD})
    assert resolve(cloud, by_id) == OLD


def test_after_recoveries_it_is_the_active_one_of_the_highest_epoch(
    cloud: FakeCloud, loaded: LoadedPlan
) -> None:
    add_labelled(cloud, "web-9", host=HOST, role="active", epoch=9)
    newest = add_labelled(cloud, "web-10", host=HOST, role="active", epoch=10)
    add_labelled(cloud, "web-11", host=HOST, role="candidate", epoch=11)
    add_labelled(cloud, "web-12", host=HOST, role="quarantined", epoch=12)
    add_labelled(cloud, "web-13", host=HOST, role="discarded", epoch=13)
    add_labelled(cloud, "db-14", host="db.example.org", role="active", epoch=14)
    assert resolve(cloud, loaded.host(HOST)) == newest


@pytest.mark.parametrize("epoch", ["", "newest", "-1", "1e3", "٣", "9" * 20])
def test_an_epoch_that_is_no_number_is_a_question_for_a_person(
    epoch: str, cloud: FakeCloud, loaded: LoadedPlan
) -> None:
    add_labelled(cloud, "web-2", host=HOST, role="active", epoch=epoch)
    with pytest.raises(Ambiguous, match=r"releve\.epoch"):
        resolve(cloud, loaded.host(HOST))


def test_two_of_the_highest_epoch_are_a_question_for_a_person(
    cloud: FakeCloud, loaded: LoadedPlan
) -> None:
    for name in ("web-2", "web-3"):
        add_labelled(cloud, name, host=HOST, role="active", epoch=2)
    with pytest.raises(Ambiguous, match="2 instances claim"):
        resolve(cloud, loaded.host(HOST))


def test_missing_instance_names_those_that_hold_its_volumes(
    cloud: FakeCloud, loaded: LoadedPlan
) -> None:
    elsewhere = add_labelled(cloud, "db-1")
    cloud.as_person("attach_at_once", volume_id="volume-0003", instance_id=elsewhere)
    wrong = loaded.host(HOST).model_copy(update={"instance": "gone"})
    with pytest.raises(Missing) as refused:
        resolve(cloud, wrong)
    assert refused.value.remedy == "write db-1 or web-old, if that is meant"


def test_volumes_and_address_on_no_instance_are_right(
    cloud: FakeCloud, loaded: LoadedPlan, outside: Outside
) -> None:
    """So that a recovery can start again after a person has already detached things."""
    for volume in ("volume-0002", "volume-0003"):
        cloud.as_person("attach_at_once", volume_id=volume, instance_id="")
    cloud.as_person("give_address", address="198.51.100.10", instance_id="")
    assert list_problems(loaded, HOST, outside) == ()


def test_after_a_recovery_the_plan_is_still_right(
    cloud: FakeCloud, loaded: LoadedPlan, outside: Outside
) -> None:
    new = add_labelled(cloud, "web-new", host=HOST, role="active", epoch=1)
    for volume in ("volume-0002", "volume-0003"):
        cloud.as_person("attach_at_once", volume_id=volume, instance_id=new)
    cloud.as_person("give_address", address="198.51.100.10", instance_id=new)
    assert list_problems(loaded, HOST, outside) == ()


def test_a_run_meets_the_same_problems_as_the_check_before_it(
    cloud: FakeCloud, loaded: LoadedPlan, outside: Outside
) -> None:
    cloud.as_person("delete_resource", table="volumes", key="volume-0003")
    cloud.as_person("delete_resource", table="addresses", key="198.51.100.10")
    run = propose_run(loaded, HOST, journal=outside.journal, clock=cloud.clock, options={})
    found = list_problems(loaded, HOST, outside)
    assert len(found) == 2
    assert list_run_problems(run, outside) == found


def test_playbooks_are_asked_about_with_all_that_the_plan_says(
    loaded: LoadedPlan, outside: Outside
) -> None:
    assert isinstance(outside.converger, ConvergerThatFinds)
    list_problems(loaded, HOST, outside)
    (asked,) = outside.converger.asked
    assert (asked.playbook, asked.inventory, asked.host) == (
        "site.yml",
        ("inventory/hosts.yml",),
        HOST,
    )
    assert (asked.skip_tags, asked.timeout_seconds) == (("slow",), 1200.0)
    assert asked.repository == str(GOOD.resolve())
    assert asked.door.host_keys == (), "no door may be opened while checking"


def test_a_provider_that_is_away_is_no_problem_of_the_plan(
    cloud: FakeCloud, loaded: LoadedPlan, outside: Outside
) -> None:
    cloud.arm(Fault(call="get_image", kind="timeout_not_done"))
    with pytest.raises(Unavailable):
        list_problems(loaded, HOST, outside)


def test_looking_changes_nothing(cloud: FakeCloud, loaded: LoadedPlan, outside: Outside) -> None:
    before = cloud.state()
    list_problems(loaded, HOST, outside)
    assert cloud.state() == before
    assert list_acts(cloud) == []
    reads = [row.call for row in cloud.history() if row.kind == "read"]
    assert {"get_image", "get_volume", "get_address", "find_instances"} <= set(reads)


def test_unknown_sizes_and_uuids_are_left_to_the_steps(
    tmp_path: Path, loaded: LoadedPlan, outside: Outside
) -> None:
    """OpenStack does not know the file system; the step that mounts compares it then."""
    directory = tmp_path / "openstack"
    directory.mkdir()
    cloud = make_cloud(directory, mounts_volumes=False)
    blind = replace(outside, provider=FakeProvider(cloud))
    assert not blind.provider.get_volume("volume-0002").filesystem_uuid
    assert list_problems(loaded, HOST, blind) == ()
