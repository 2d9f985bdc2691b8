"""What may be written about watching, and how its secrets are read: never shown, never trusted."""

import os
import stat
from pathlib import Path

import pytest

from releve.errors import PlanError
from releve.plan.loading import load_plan
from releve.plan.types import Automation
from releve.plan.watch_rules import count_controls
from releve.plan.watch_secrets import read_channel_url, read_hook_token
from releve.plan.watch_types import NotifyChannel, WatchPlan
from tests.plan.broken_plans import BrokenPlan

UNSEEN = "hunter2hunter2hunter2"
AUTOMATION = "    automation: propose"
WATCHED = """
    watch:
      read_only: [/srv/archive]
      ignore_units: [motd-news.service]
      certificates: [/etc/ssl/certs/web.pem]
"""
WATCH = """
watch:
  interval: 1s
  dwell: 60s
  unreachable_after: 5s
  check_interval: 5s
  outside: '[2001:db8::53]:853'
  approval_lasts: 1m
  notify:
    - {name: chat, url_env: RELEVE_CHAT_URL}
    - {name: on-call, url_file: ~/on-call.url}
  listen: 0.0.0.0:9417
  hook_token_file: /etc/releve/token
"""


def test_every_key_of_watching_may_be_written(tmp_path: Path) -> None:
    case = BrokenPlan(
        name="", says="", replace={AUTOMATION: f"    automation: auto{WATCHED}"}, append=WATCH
    )
    loaded = load_plan(case.write(tmp_path))
    assert loaded.host("web.example.org").automation is Automation.AUTO
    assert loaded.host("web.example.org").watch.read_only == ["/srv/archive"]
    assert [channel.name for channel in loaded.plan.watch.notify] == ["chat", "on-call"]
    assert count_controls(loaded.plan) == 2


def test_another_watched_host_is_a_control(tmp_path: Path) -> None:
    plan = load_plan(BrokenPlan(name="", says="").write(tmp_path)).plan
    (host,) = plan.hosts.values()
    asleep = host.model_copy(update={"watch": host.watch.model_copy(update={"enabled": False})})
    assert count_controls(plan) == 1
    assert count_controls(plan.model_copy(update={"hosts": {"a": host, "b": host}})) == 2
    assert count_controls(plan.model_copy(update={"hosts": {"a": host, "b": asleep}})) == 1


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(f"{UNSEEN}\n")
    return path


def refuse(path: Path | str) -> PlanError:
    with pytest.raises(PlanError) as refused:
        read_hook_token(WatchPlan(hook_token_file=str(path)))
    told = f"{refused.value} {refused.value.remedy}"
    assert UNSEEN not in told
    return refused.value


def test_a_token_is_one_line_of_a_file_of_mine(token_file: Path) -> None:
    assert read_hook_token(WatchPlan(hook_token_file=str(token_file))) == UNSEEN
    assert read_hook_token(WatchPlan()) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_can_read_is_refused(token_file: Path, mode: int) -> None:
    token_file.chmod(mode)
    error = refuse(token_file)
    assert f"{mode:04o}" in error.why
    assert error.remedy == f"chmod 600 {token_file}"


def test_a_file_of_another_user_is_refused(
    token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(token_file, 4242, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert "another user" in refuse(token_file).why


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"short\n",
        f"{UNSEEN}\n{UNSEEN}\n".encode(),
        f"{UNSEEN} {UNSEEN}".encode(),
        f"{UNSEEN}\x1b[2J{UNSEEN}".encode(),
        UNSEEN.encode() * 1000,
        b"\xff\xfe" * 20,
    ],
    ids=["empty", "blank", "short", "two lines", "a blank", "an escape", "huge", "no text"],
)
def test_what_is_no_token_is_refused(token_file: Path, content: bytes) -> None:
    token_file.write_bytes(content)
    refuse(token_file)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "missing", "~nobody-of-that-name/token"):
        refuse(path)


def test_the_hint_makes_a_token(token_file: Path) -> None:
    token_file.write_text("short")
    assert "openssl rand -hex 32" in refuse(token_file).remedy


def test_a_channel_has_its_url_from_a_file_or_the_environment(token_file: Path) -> None:
    url = f"slack://{UNSEEN}/b/c"
    token_file.write_text(f"{url}\n")
    in_file = NotifyChannel(name="chat", url_file=str(token_file))
    in_environment = NotifyChannel(name="chat", url_env="CHAT")
    assert read_channel_url(in_file, {}) == url
    assert read_channel_url(in_environment, {"CHAT": url}) == url


@pytest.mark.parametrize("environment", [{}, {"CHAT": ""}, {"CHAT": UNSEEN}, {"CHAT": "a://b c"}])
def test_a_channel_without_a_url_is_named_without_its_secret(environment: dict[str, str]) -> None:
    with pytest.raises(PlanError) as refused:
        read_channel_url(NotifyChannel(name="chat", url_env="CHAT"), environment)
    told = f"{refused.value} {refused.value.remedy}"
    assert "chat" in told
    assert "CHAT" in told
    assert UNSEEN not in told


def test_the_file_is_left_as_it_was(token_file: Path) -> None:
    before = token_file.stat()
    read_hook_token(WatchPlan(hook_token_file=str(token_file)))
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert token_file.stat().st_mtime_ns == before.st_mtime_ns
