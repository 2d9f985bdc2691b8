"""F25, F26, F47 and I10 on a real sshd: only a run that converged the host is a success."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.ansible.lifeline import MARK
from tests.adapters.ansible.conftest import MakeTeam


@pytest.mark.parametrize(
    ("playbook", "words", "ending"),
    [
        ("failed.yml", "1 task failed on web1 in “Breaks”", (False, 2)),
        ("no_host.yml", "no play matched web1 (exit code 0)", (False, 0)),
        ("all_skipped.yml", "every one was skipped", (False, 0)),
        ("ignored.yml", "errors ignored by the playbook: May break", (True, 0)),
        ("rescued.yml", "1 rescued", (True, 0)),
        ("neighbour_gone.yml", "not reached, ignored by the playbook: gone1", (True, 0)),
    ],
)
def test_verdict(
    make_team: MakeTeam,
    playbook: str,
    words: str,
    ending: tuple[bool, int],
) -> None:
    team = make_team("faults")
    result = team.converge(playbook)
    assert (result.succeeded, result.exit_code) == ending, result
    assert words in result.reason
    if playbook == "failed.yml":
        assert result.failed_task is not None
        assert result.failed_task.location == "failed.yml:6"
        assert "no space left on device" in result.failed_task.message
        assert [event.status for event in team.events] == ["changed", "failed"]


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
@pytest.mark.parametrize(
    ("playbook", "words"),
    [("failed.yml", "could not be reached"), ("ignore_unreachable.yml", "hid it")],
)
def test_unreachable_host(make_team: MakeTeam, playbook: str, words: str, accelerator: str) -> None:
    team = make_team("faults", RELEVE_ACCELERATOR=accelerator)
    closed = replace(team.sshd.door(), port=1)
    result = team.converge(playbook, door=closed)
    assert not result.succeeded
    assert words in result.reason
    assert result.accelerator.startswith(accelerator), "an unreachable host is no fault of Mitogen"


@pytest.mark.parametrize(
    ("playbook", "words", "file"),
    [("vars_prompt.yml", "release", "release"), ("pause.yml", "pause", "went_on")],
)
def test_prompt_ends_the_run(make_team: MakeTeam, playbook: str, words: str, file: str) -> None:
    team = make_team("faults")
    started = time.monotonic()
    result = team.converge(playbook)
    assert not result.succeeded
    assert "asks a person" in result.reason
    assert words in result.reason
    assert not (team.target / file).exists()
    assert time.monotonic() - started < 60
    assert team.processes() == []


def test_stop_on_request(make_team: MakeTeam) -> None:
    team = make_team("faults")
    asked: list[float] = []

    def should_stop() -> bool:
        if "Sleeps" in team.started and not asked:
            asked.append(time.monotonic())
        return bool(asked)

    team.should_stop = should_stop
    result = team.converge("slow.yml")
    assert time.monotonic() - asked[0] < 5
    assert (result.succeeded, result.reason) == (False, "stopped on request")
    assert team.processes() == []
    assert [path.name for path in team.work.iterdir()] == ["lock"]


def test_time_out(make_team: MakeTeam) -> None:
    team = make_team("faults")
    result = team.converge("slow.yml", timeout_seconds=8.0)
    assert not result.succeeded
    assert "time-out" in result.reason
    assert team.processes() == []


@pytest.mark.parametrize("victim", ["adapters.ansible.child", "ansible-playbook"])
def test_killed_once_is_run_once_more(make_team: MakeTeam, victim: str) -> None:
    """Whichever process dies; the second run finds what the first one did."""
    team = make_team("faults")
    kills: list[int] = []

    def should_stop() -> bool:
        if "Sleeps" in team.started and len(kills) < 1:
            kills.append(team.kill(victim))
            playbook = team.repository / "slow.yml"
            playbook.write_text(playbook.read_text().replace("sleep 120", "sleep 0"))
        return False

    team.should_stop = should_stop
    result = team.converge("slow.yml")
    assert kills[0] >= 1
    assert result.succeeded, result
    assert "run once more, because the Ansible process" in result.reason
    assert team.started == ["Works", "Sleeps"] * 2
    assert team.processes() == []


def test_killed_twice_is_given_up(make_team: MakeTeam) -> None:
    team = make_team("faults")
    kills: list[int] = []

    def should_stop() -> bool:
        if team.started.count("Sleeps") > len(kills):
            kills.append(team.kill("ansible-playbook"))
        return False

    team.should_stop = should_stop
    result = team.converge("slow.yml")
    assert not result.succeeded
    assert len(kills) == 2
    assert "lost" in result.reason or "signal" in result.reason


_CONTROLLER = """
import sys
from pathlib import Path
from releve.adapters.ansible.converger import AnsibleConverger
from releve.ports.converger import ConvergeRequest, ConvergeWatch
from releve.ports.access import Door
from releve.model.resources import HostKey
import json, os
fields = json.load(sys.stdin)
key = HostKey(*fields["key"])
door = Door("127.0.0.1", fields["port"], "root", (key,), identity_files=(fields["identity"],))
watch = ConvergeWatch(lambda task: print(task, flush=True), lambda event: None, lambda: False)
request = ConvergeRequest("r", fields["repository"], "slow.yml", (), "web1", door)
AnsibleConverger(Path(fields["work"]), dict(os.environ)).converge(request, watch=watch)
"""


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
def test_killed_controller_leaves_no_ansible(make_team: MakeTeam, accelerator: str) -> None:
    team = make_team("faults", RELEVE_ACCELERATOR=accelerator)
    key = team.sshd.host_key
    controller = subprocess.Popen(
        [sys.executable, "-c", _CONTROLLER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=team.environment,
    )  # fmt: skip
    fields = {
        "key": [key.algorithm, key.public], "port": team.sshd.port,
        "identity": team.sshd.identity, "repository": str(team.repository),
        "work": str(team.work),
    }  # fmt: skip
    assert controller.stdin is not None
    assert controller.stdout is not None
    controller.stdin.write(json.dumps(fields).encode())
    controller.stdin.close()
    assert controller.stdout.readline() == b"Works\n"
    assert controller.stdout.readline() == b"Sleeps\n"
    assert len(team.processes()) >= 2
    (named,) = team.work.glob("converge-*/sockets")
    sockets = Path(named.read_text())
    assert sockets.is_dir()
    controller.kill()
    controller.wait()
    deadline = time.monotonic() + 10
    while team.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert team.processes() == []
    while [path.name for path in team.work.iterdir()] != ["lock"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [path.name for path in team.work.iterdir()] == ["lock"]
    assert not sockets.exists()


def test_controller_and_child_killed_together_are_swept_by_the_next(make_team: MakeTeam) -> None:
    team = make_team("faults")
    left = team.work / "converge-left"
    left.mkdir(parents=True)
    (left / "secret").write_text("artefact")
    orphan = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: str(left)})
    living = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: f"{left}-other"})
    try:
        assert team.converge("rescued.yml").succeeded
        assert orphan.wait(5) == -signal.SIGKILL
        assert living.poll() is None
        assert not left.exists()
    finally:
        living.kill()
        living.wait()


def forged_event() -> bytes:
    """What ansible-runner takes for an event when it appears on Ansible's terminal."""
    event = {
        "uuid": "../../../../forged",
        "event": "playbook_on_stats",
        "event_data": {"ok": {"web1": 99}, "processed": {"web1": 1}},
    }
    encoded = base64.b64encode(json.dumps(event).encode())
    return b"\x1b[K" + encoded + b"\x1b[%dD" % len(encoded) + b"\x1b[K"


HOSTILE = [
    b"{{ lookup('ansible.builtin.pipe', 'touch CANARY') }}",
    b"{% for x in range(9) %}{{ 7*7 }}{% endfor %}{#",
    b"!unsafe x", b"!vault |", b"\x1b]0;owned\x07\x1b[2J", b"[/foo][link=x]", b"\r\x08\x7f\xc2\x9b",
    b"---\n- hosts: all", b"PLAY RECAP ****", b"$(touch CANARY)`touch CANARY`", forged_event(),
]  # fmt: skip


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
def test_hostile_words_stay_words(make_team: MakeTeam, accelerator: str) -> None:
    team = make_team(
        "faults", RELEVE_ACCELERATOR=accelerator,
    )  # fmt: skip
    words = b"\n".join(line.replace(b"CANARY", str(team.target / "CANARY").encode())
                       for line in HOSTILE)  # fmt: skip
    (team.target / "words").write_bytes(words)
    result = team.converge("hostile.yml")
    assert not result.succeeded
    assert result.failed_task is not None
    assert result.failed_task.task == "Fail with its words"
    assert "{{ lookup(" in result.failed_task.message
    assert "\x1b]0;owned\x07" in result.failed_task.message
    assert len(result.failed_task.message.encode()) <= 4096
    assert result.stats[0].ok == 3
    assert [event.status for event in team.events] == ["changed", "ok", "changed", "failed"]
    assert not (team.target / "CANARY").exists()
    assert {path.name for path in team.target.iterdir()} == {"words"}


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
def test_secrets_stay_where_they_are(make_team: MakeTeam, accelerator: str) -> None:
    """Searched while it runs too: every file under the work directory, and every command line."""
    canary = "CANARY-5f7c9e"
    team = make_team("faults", RELEVE_ACCELERATOR=accelerator, OS_PASSWORD=canary)
    (team.repository / "secret.txt").write_text(canary)
    found: list[str] = []

    def look() -> bool:
        for path in [*team.work.rglob("*"), *Path("/proc").glob("[0-9]*/cmdline")]:
            try:
                seen = path.read_bytes() if path.is_file() else b""
            except OSError:
                continue
            own = path.parent.name == str(os.getpid())
            if canary.encode() in seen and not own and "sh -c" not in seen.decode(errors="replace"):
                found.append(f"{path}: {seen[:300]!r}")
        return False

    team.should_stop = look
    result = team.converge("secrets.yml")
    assert result.failed_task is not None
    assert result.failed_task.message == "censored"
    assert canary not in repr(team.events) + repr(result) + repr(team.started)
    assert [name for name in found if "/command" in name or "stdout" in name] == []
    assert [event.touches for event in team.events_of("Under no_log")] == [()]


def test_fault_of_mitogen_falls_back_once(make_team: MakeTeam, tmp_path: Path) -> None:
    """Its package cannot be imported by Ansible: the same playbook runs without it."""
    broken = tmp_path / "broken" / "mitogen"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('mitogen.core is not for this Python')")
    team = make_team("faults", PYTHONPATH=str(broken.parent))
    result = team.converge("rescued.yml")
    assert result.succeeded, result
    assert result.accelerator.startswith("pipelining (mitogen ")
    assert "failed by a fault of its own" in result.accelerator


def test_a_play_may_name_its_own_strategy(make_team: MakeTeam) -> None:
    team = make_team("faults", RELEVE_ACCELERATOR="mitogen")
    playbook = team.repository / "rescued.yml"
    playbook.write_text(
        playbook.read_text()
        + playbook.read_text().replace("hosts: web", "hosts: web\n  strategy: free")
    )
    result = team.converge("rescued.yml")
    assert result.succeeded, result
    assert result.stats[0].rescued == 2
