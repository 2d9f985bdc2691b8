"""releve check: what it shows of a right plan, and that it keeps its hands off the provider."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releve.cli.check import list_steps, show_json, show_steps
from releve.cli.main import main
from releve.errors import PlanError
from releve.model.incident import Pause
from releve.plan.loading import LoadedPlan, load_plan
from releve.recovery.catalogue import steps_for
from releve.recovery.recover import StepLine
from releve.watch.describing import describe_watch
from tests.plan.broken_plans import GOOD, BrokenPlan
from tests.plan.cloud_of_the_good_plan import list_acts, make_cloud, make_outside

HOST = "web.example.org"
Proposed = tuple[LoadedPlan, dict[str, tuple[StepLine, ...]]]


@pytest.fixture
def proposed(tmp_path: Path) -> Proposed:
    loaded = load_plan(GOOD / "releve.yml")
    cloud = make_cloud(tmp_path)
    outside = make_outside(cloud, BrokenPlan(name="", says=""), state=tmp_path / "state")
    before = cloud.state()
    steps = list_steps(loaded, [HOST], outside)
    assert list_acts(cloud) == []
    assert cloud.state() == before
    assert outside.journal.list_runs() == (), "looking at a run records none"
    return loaded, steps


def test_steps_of_a_wrong_plan_are_not_shown(tmp_path: Path) -> None:
    cloud = make_cloud(tmp_path)
    cloud.as_person("delete_resource", table="volumes", key="volume-0002")
    outside = make_outside(cloud, BrokenPlan(name="", says=""), state=tmp_path / "state")
    with pytest.raises(PlanError, match="there is no volume volume-0002"):
        list_steps(load_plan(GOOD / "releve.yml"), [HOST], outside)


def test_steps_shown_are_the_steps_that_would_run(
    proposed: Proposed, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded, steps = proposed
    show_steps(loaded, steps)
    told = capsys.readouterr().out
    names = steps_for(loaded.host(HOST))
    positions = [told.index(f"\n{name} ") for name in names]
    assert positions == sorted(positions)
    assert "nothing was touched" in told
    assert told.splitlines()[-1] == f"Next: releve recover {HOST}"


def test_json_holds_the_steps(proposed: Proposed, capsys: pytest.CaptureFixture[str]) -> None:
    loaded, steps = proposed
    show_json(loaded, steps)
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == loaded.sha256
    shown = told["hosts"][HOST]
    assert [line["name"] for line in shown] == list(steps_for(loaded.host(HOST)))
    assert all(line["sentence"] and line["phase"] for line in shown)
    assert {"name", "phase", "sentence", "needs"} == set(shown[0])


@pytest.fixture
def in_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "repository"
    shutil.copytree(GOOD, directory)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("RELEVE_DEBUG", raising=False)
    return directory


def test_unknown_host_is_refused_before_any_door_is_opened(
    in_repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "web.example.com"]) == 2
    assert capfd.readouterr().err.startswith("releve.yml:6: the plan has no host web.example.com\n")
    assert not (in_repository.parent / "state").exists()


def test_provider_that_is_not_there(in_repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The plan is right, the provider is away: exit 1, not 2, and no step is shown."""
    plan = in_repository / "releve.yml"
    socket = in_repository.parent / "no.socket"
    plan.write_text(plan.read_text().replace("  project: web", f"  endpoint: {socket}"))
    assert main(["check"]) == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert str(socket) in told.err
    assert "  Do this: " in told.err


def test_secrets_of_watching_are_looked_at_before_any_door_is_opened(
    in_repository: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RELEVE_CHAT_URL", raising=False)
    token = in_repository.parent / "token"
    token.write_text("hunter2hunter2hunter2\n")
    token.chmod(0o644)
    plan = in_repository / "releve.yml"
    watch = f"watch:\n  hook_token_file: {token}\n  notify:\n"
    watch += "    - {name: chat, url_env: RELEVE_CHAT_URL}\n"
    plan.write_text(plan.read_text() + watch)
    assert main(["check"]) == 2
    told = capfd.readouterr().err
    assert "releve.yml:53: the hook's token file" in told
    assert "others can read it: 0644" in told
    assert "also releve.yml:55: the channel chat has no URL" in told
    assert "hunter2" not in told
    assert not (in_repository.parent / "state").exists()


def test_how_hosts_are_watched_is_told(
    proposed: Proposed, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded, steps = proposed
    pause = Pause("", by="anna", reason="new kernel", at=datetime.now(UTC), until=None)
    account = describe_watch(loaded.plan, [HOST], [pause])
    show_steps(loaded, steps, watch=account)
    told = capsys.readouterr().out
    assert f"{HOST} is watched every 10s; automation is propose: a person starts" in told
    assert "nobody is told: watch.notify is empty" in told
    assert "every host is paused until `releve unpause`, by anna: new kernel" in told
    show_json(loaded, steps, watch=account)
    watch = json.loads(capsys.readouterr().out)["watch"]
    assert watch["hosts"][0]["automation"] == "propose"
    assert (watch["channels"], watch["takes_alerts"], watch["controls"]) == ([], False, 1)


def test_a_channel_that_no_service_takes_is_refused_by_line(
    in_repository: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_CHAT_URL", "nosuchservice://hunter2@example.org")
    plan = in_repository / "releve.yml"
    watch = "watch:\n  notify:\n    - {name: chat, url_env: RELEVE_CHAT_URL}\n"
    plan.write_text(plan.read_text() + watch)
    assert main(["check"]) == 2
    told = capfd.readouterr().err
    assert told.startswith("releve.yml:54: the channel chat cannot be used\n")
    assert "hunter2" not in told
