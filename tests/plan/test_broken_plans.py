"""Every broken plan earns one message: where, what, why and what to do; nothing is touched."""

import json
from pathlib import Path

import pytest

from releve.cli.failure import show_failure
from releve.cli.main import main
from releve.errors import PlanError
from releve.plan.loading import load_plan
from releve.recovery.preconditions import require_preconditions
from tests.plan.broken_plans import BrokenPlan, list_topics, read_broken_plans
from tests.plan.cloud_of_the_good_plan import list_acts, make_cloud, make_outside

TOPIC_OF_THE_PROVIDER = "provider"
GOOD_PLAN = BrokenPlan(name="not broken at all", says="")


def cases_of(topics: list[str]) -> list[object]:
    return [
        pytest.param(case, id=f"{topic}: {case.name}")
        for topic in topics
        for case in read_broken_plans(topic)
    ]


OF_THE_FILE = cases_of([topic for topic in list_topics() if topic != TOPIC_OF_THE_PROVIDER])
OF_THE_PROVIDER = cases_of([TOPIC_OF_THE_PROVIDER])


@pytest.fixture
def in_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locations are as short as the user's own path to the plan."""
    directory = tmp_path / "repository"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("RELEVE_DEBUG", raising=False)
    return directory


@pytest.mark.parametrize("case", OF_THE_FILE)
def test_command_refuses_the_file(
    case: BrokenPlan, in_repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    case.write(in_repository)
    exit_code = main(["check"])
    told = capfd.readouterr()
    assert told.err == case.says
    assert (exit_code, told.out) == (2, "")
    assert not (in_repository.parent / "state").exists(), "something was kept for a wrong plan"


@pytest.mark.parametrize("case", OF_THE_PROVIDER)
def test_preconditions_refuse_what_the_provider_has(
    case: BrokenPlan, in_repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = load_plan(case.write(in_repository).relative_to(in_repository))
    cloud = make_cloud(in_repository.parent)
    for act, arguments in case.cloud:
        cloud.as_person(act, **arguments)
    outside = make_outside(cloud, case, state=in_repository.parent / "state")
    before = cloud.state()
    with pytest.raises(PlanError) as refused:
        require_preconditions(plan, list(plan.plan.hosts), outside)
    assert show_failure(refused.value, as_json=False) == 2
    assert capfd.readouterr().err == case.says
    assert list_acts(cloud) == []
    assert cloud.state() == before


@pytest.mark.parametrize("case", [*OF_THE_FILE, *OF_THE_PROVIDER])
def test_message_is_one_and_whole(case: BrokenPlan) -> None:
    head, why, remedy, *rest = case.says.removesuffix("\n").split("\n")
    assert not rest, "one mistake earns one message"
    location, _, what = head.partition(": ")
    assert location.startswith("releve.yml:")
    assert int(location.removeprefix("releve.yml:")) >= 1
    assert all(len(part.strip()) > 8 for part in (what, why, remedy.removeprefix("  Do this: ")))
    assert remedy.startswith("  Do this: ")
    assert "hunter2" not in case.says, "a message never repeats a secret"


def test_good_plan_is_right(in_repository: Path) -> None:
    """Without this, every refusal above could come from the ground they stand on."""
    plan = load_plan(GOOD_PLAN.write(in_repository))
    cloud = make_cloud(in_repository.parent)
    outside = make_outside(cloud, GOOD_PLAN, state=in_repository.parent / "state")
    require_preconditions(plan, list(plan.plan.hosts), outside)
    assert list_acts(cloud) == []


def test_several_mistakes_are_told_by_line(
    in_repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mistakes = {"image: base": "imgae: base", "total: 30m": "total: 30"}
    BrokenPlan(name="two mistakes", says="", replace=mistakes).write(in_repository)
    assert main(["check", "--json"]) == 2
    error = json.loads(capfd.readouterr().out)["error"]
    assert [error["location"], *(other["location"] for other in error["also"])] == [
        "releve.yml:9",
        "releve.yml:47",
    ]


def test_there_are_enough_broken_plans() -> None:
    assert len(OF_THE_FILE) + len(OF_THE_PROVIDER) >= 70
    assert len(OF_THE_PROVIDER) >= 15


def test_an_act_would_be_seen(in_repository: Path) -> None:
    """The proof that `nothing is touched` above can fail."""
    cloud = make_cloud(in_repository.parent)
    outside = make_outside(cloud, GOOD_PLAN, state=in_repository.parent / "state")
    outside.provider.stop_instance("instance-0001")
    assert list_acts(cloud) == ["stop_instance"]
