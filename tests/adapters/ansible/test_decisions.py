"""The pure parts: accelerator, verdict, settings, programs, touches, events."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.ansible import accelerator
from releve.adapters.ansible.accelerator import Installed, decide_acceleration
from releve.adapters.ansible.redirect import render_ssh, render_switch, ssh_options
from releve.adapters.ansible.settings import TeamSettings, read_settings
from releve.adapters.ansible.verdict import Outcome, deserves_second_run, judge
from releve.errors import PlanError
from releve.model.converge import HostStats
from releve.model.resources import HostKey
from releve.ports.access import Door

INSTALLED = Installed((2, 19, 14), "0.3.54", (2, 10), (), "/m/strategy")
SETTINGS = TeamSettings(
    config_file="",
    inventory=(),
    strategy="linear",
    strategy_plugins="/team",
    callback_plugins="",
    inventory_plugins=(),
    host_key_checking=True,
    pipelining=None,
    ssh_executable="",
    prompts=(),
)


class TestAccelerator:
    def test_mitogen_when_it_fits(self) -> None:
        chosen = decide_acceleration(INSTALLED, settings=SETTINGS)
        assert str(chosen) == "mitogen 0.3.54 (it supports ansible-core 2.19.14)"
        assert chosen.environment == {
            "ANSIBLE_STRATEGY": "mitogen_linear",
            "ANSIBLE_STRATEGY_PLUGINS": "/m/strategy:/team",
            "ANSIBLE_PIPELINING": "True",
        }

    @pytest.mark.parametrize(
        ("installed", "words"),
        [
            (replace(INSTALLED, mitogen=""), "not installed"),
            (replace(INSTALLED, oldest=()), "does not say"),
            (replace(INSTALLED, oldest=(2, 20)), "supports ansible-core 2.20 to 2.22, not 2.19.14"),
            (replace(INSTALLED, newest=(2, 18)), "supports ansible-core 2.10 to 2.18, not 2.19.14"),
            (replace(INSTALLED, ansible_core=(2, 23, 0)), "to 2.22, not 2.23.0"),
        ],
    )
    def test_pipelining_when_it_does_not(self, installed: Installed, words: str) -> None:
        chosen = decide_acceleration(installed, settings=SETTINGS)
        assert (chosen.name, chosen.environment) == ("pipelining", {"ANSIBLE_PIPELINING": "True"})
        assert words in chosen.reason

    @pytest.mark.parametrize(
        ("strategy", "expected"),
        [("free", "mitogen_free"), ("host_pinned", "mitogen_host_pinned"),
         ("mitogen_linear", "mitogen_linear"), ("debug", ""), ("acme.own", "")],
    )  # fmt: skip
    def test_the_team_s_strategy_holds(self, strategy: str, expected: str) -> None:
        chosen = decide_acceleration(INSTALLED, settings=replace(SETTINGS, strategy=strategy))
        assert chosen.environment.get("ANSIBLE_STRATEGY", "") == expected
        if not expected:
            assert chosen.name == "pipelining"
            assert strategy in chosen.reason

    def test_the_team_s_no_to_pipelining_holds(self) -> None:
        settings = replace(SETTINGS, pipelining=False)
        chosen = decide_acceleration(INSTALLED, settings=settings, wish="pipelining")
        assert (chosen.name, chosen.environment) == ("none", {})

    def test_wishes(self) -> None:
        for wish in ("mitogen", "pipelining", "none"):
            assert decide_acceleration(INSTALLED, settings=SETTINGS, wish=wish).name == wish

    def test_what_is_installed_here(self) -> None:
        installed = accelerator.read_installed()
        assert installed.ansible_core >= (2, 18, 1)
        assert installed.oldest >= (2, 10)
        assert (Path(installed.strategy_directory) / "mitogen_linear.py").exists()

    def test_gate_is_read_from_source(self) -> None:
        source = "import os\nANSIBLE_VERSION_MIN = (2, 10)\nANSIBLE_VERSION_MAX = (2, 17)\n"
        assert accelerator.read_gate(source) == {
            "ANSIBLE_VERSION_MIN": (2, 10),
            "ANSIBLE_VERSION_MAX": (2, 17),
        }

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('File "/v/ansible_mitogen/mixins.py", line 3, in x', True),
            ("mitogen.core.StreamError", True),
            ("Invalid play strategy specified: mitogen_linear", True),
            ("no space left on device", False),
            ("nothing about it", False),
        ],
    )
    def test_faults_of_mitogen(self, text: str, expected: object) -> None:
        assert accelerator.is_fault_of_mitogen(text) is expected


FINE = HostStats("web1", ok=3, changed=1)


def outcome(*stats: HostStats, **changes: object) -> Outcome:
    whole = Outcome(exit_code=0, stats=stats, has_stats=True)
    return replace(whole, **changes)  # type: ignore[arg-type]  # fields by name


class TestVerdict:
    @pytest.mark.parametrize(
        ("given", "succeeded", "words"),
        [
            (outcome(FINE), True, "3 tasks ok, 1 changed"),
            (outcome(FINE, exit_code=4), True, "3 tasks ok"),
            (outcome(), False, "no play matched web1"),
            (outcome(HostStats("web2", ok=3)), False, "no play matched web1"),
            (outcome(FINE, HostStats("localhost", ok=1)), True, "web1: 3 tasks"),
            (outcome(FINE, HostStats("localhost", failed=1)), False, "failed on localhost"),
            (outcome(FINE, HostStats("db1", unreachable=1)), False, "db1 could not be reached"),
            (outcome(replace(FINE, failed=1)), False, "1 task failed on web1"),
            (outcome(replace(FINE, unreachable=1)), False, "could not be reached"),
            (outcome(HostStats("web1", skipped=9)), False, "every one was skipped"),
            (outcome(FINE, unreachable_hosts=("web1",)), False, "ignore_unreachable hid it"),
            (outcome(FINE, unreachable_hosts=("mon1",)), True, "not reached, ignored"),
            (outcome(FINE, interruption="stopped on request"), False, "stopped on request"),
            (outcome(FINE, lost="the process was lost"), False, "was lost"),
            (Outcome(exit_code=1, failure="ERROR! no such role"), False, "no such role"),
            (Outcome(exit_code=0), False, "before its recap"),
        ],
    )
    def test_table(self, given: Outcome, succeeded: object, words: str) -> None:
        verdict = judge(given, target="web1")
        assert verdict.succeeded is succeeded
        assert words in verdict.reason

    def test_ignored_errors_are_named(self) -> None:
        names = tuple(f"task {number}" for number in range(8))
        verdict = judge(outcome(replace(FINE, ignored=8), ignored_tasks=names), target="web1")
        assert "ignored by the playbook: task 0, task 1" in verdict.reason
        assert "and 3 more" in verdict.reason

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (outcome(FINE), False),
            (Outcome(exit_code=-9, lost="the process was lost"), True),
            (Outcome(exit_code=-9, lost="lost", interruption="stopped on request"), False),
            (outcome(replace(FINE, unreachable=1)), True),
            (outcome(HostStats("web1", unreachable=1)), False),
            (outcome(replace(FINE, failed=1)), False),
        ],
    )
    def test_second_run(self, given: Outcome, expected: object) -> None:
        assert bool(deserves_second_run(given, target="web1")) is expected


class TestSettings:
    def read(self, directory: Path, config: str, **environment: str) -> TeamSettings:
        (directory / "ansible.cfg").write_text(config)
        directory.chmod(0o755)
        return read_settings(directory, {"HOME": "/home/x", **environment})

    def test_defaults(self, tmp_path: Path) -> None:
        settings = self.read(tmp_path, "")
        assert settings.inventory == ("/etc/ansible/hosts",)
        assert settings.strategy == "linear"
        assert settings.callback_plugins.startswith("/home/x/.ansible/plugins/callback:")
        assert (settings.host_key_checking, settings.pipelining) == (True, None)

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        config = "[defaults]\ninventory = a, ./b ,~/c\ncallback_plugins = cb:/abs\n"
        settings = self.read(tmp_path, config)
        assert settings.inventory == (f"{tmp_path}/a", f"{tmp_path}/b", "/home/x/c")
        assert settings.callback_plugins == f"{tmp_path}/cb:/abs"

    def test_the_environment_wins(self, tmp_path: Path) -> None:
        settings = self.read(tmp_path, "[defaults]\nstrategy = free\n", ANSIBLE_STRATEGY="debug")
        assert settings.strategy == "debug"

    def test_percent_signs_and_comments(self, tmp_path: Path) -> None:
        config = "[ssh_connection]\ncontrol_path = %(directory)s/%%h\npipelining = no ; sudo\n"
        assert self.read(tmp_path, config).pipelining is False

    @pytest.mark.parametrize(
        ("config", "named"),
        [
            (
                "[privilege_escalation]\nbecome_ask_pass=true",
                "privilege_escalation.become_ask_pass",
            ),
            ("[defaults]\nask_pass = Yes", "defaults.ask_pass"),
            ("[defaults]\nask_vault_pass = 1", "defaults.ask_vault_pass"),
            ("[defaults]\nvault_identity_list = a@file, b@prompt", "defaults.vault_identity_list"),
        ],
    )
    def test_prompts(self, tmp_path: Path, config: str, named: str) -> None:
        assert self.read(tmp_path, config).prompts == (named,)

    @pytest.mark.parametrize("config", ["no section", "[a]\nx=1\n[a]\ny=2", "\x00[defaults"])
    def test_unreadable(self, tmp_path: Path, config: str) -> None:
        with pytest.raises(PlanError, match="cannot be read"):
            self.read(tmp_path, config)

    def test_missing_repository(self, tmp_path: Path) -> None:
        with pytest.raises(PlanError, match="cannot be read"):
            read_settings(tmp_path / "absent", {})


DOOR = Door("192.0.2.9", 2200, "root", (HostKey("ssh-ed25519", "AAAA"),), ("/k ey%",), "pool/id")


class TestPrograms:
    """The rendered shell programs, run with an ssh that prints its arguments."""

    def run(self, tmp_path: Path, program: str, *arguments: str) -> list[str]:
        echo = tmp_path / "real ssh"
        echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        echo.chmod(0o700)
        path = tmp_path / "program"
        path.write_text(program.replace("REAL", str(echo)))
        path.chmod(0o700)
        output = subprocess.run([str(path), *arguments], capture_output=True, check=True, text=True)
        return output.stdout.splitlines()

    def ssh(self, tmp_path: Path, *arguments: str) -> list[str]:
        program = render_ssh(("HostName=192.0.2.9", "X=a b"), door=DOOR, real="REAL")
        return self.run(tmp_path, program.replace("exec REAL", "exec 'REAL'"), *arguments)

    def test_ours_come_first_and_theirs_unchanged(self, tmp_path: Path) -> None:
        theirs = [
            "-C",
            "-o",
            "ControlMaster=no",
            "-o",
            'User="deploy"',
            "-tt",
            "old",
            "sh -c 'x y'",
        ]
        seen = self.ssh(tmp_path, *theirs)
        assert seen == ["-o", "HostName=192.0.2.9", "-o", "X=a b", "-o", "ForwardAgent=no", *theirs]

    @pytest.mark.parametrize(
        "arguments",
        [("-l", "deploy", "old"), ("-o", "User deploy", "old"), ("deploy@old",),
         ("-ldeploy", "old"), ("-o", "user=deploy", "--", "old")],
    )  # fmt: skip
    def test_the_team_s_user_holds(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        assert "User=root" not in self.ssh(tmp_path, *arguments)

    def test_the_door_s_user_where_none_is_named(self, tmp_path: Path) -> None:
        seen = self.ssh(tmp_path, "-p", "2222", "old", "echo", "-l", "not-a-user")
        assert "User=root" in seen
        assert seen.index("User=root") < seen.index("old")

    @pytest.mark.parametrize("arguments", [("-A", "old"), ("-o", "ForwardAgent=yes", "old")])
    def test_agent_only_where_the_team_says_so(
        self, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        assert "ForwardAgent=no" not in self.ssh(tmp_path, *arguments)
        assert "ForwardAgent=no" in self.ssh(tmp_path, "old")

    def test_connection_is_kept_unless_the_team_says_no(self, tmp_path: Path) -> None:
        assert "ControlMaster=auto" in self.ssh(tmp_path, "old")
        assert "ControlMaster=auto" not in self.ssh(tmp_path, "-M", "old")

    @pytest.mark.parametrize(
        ("arguments", "led"),
        [
            (("old.example", "x"), True),
            (("-l", "root", "old.example"), True),
            (("root@old.example",), True),
            (("-p", "22", "old.example"), True),
            (("-p", "2222", "old.example"), False),
            (("-o", "Port=2222", "old.example"), False),
            (("-o", "Port 22", "web 1"), True),
            (("other.example", "old.example"), False),
            (("-i", "old.example", "other"), False),
        ],
    )
    def test_switch(self, tmp_path: Path, arguments: tuple[str, ...], led: object) -> None:
        target = tmp_path / "target"
        target.write_text("#!/bin/sh\necho led\n")
        target.chmod(0o700)
        program = render_switch(
            ("web 1", "old.example"), port=22, target=str(target), real="REAL"
        ).replace("exec REAL", "exec 'REAL'")
        assert (self.run(tmp_path, program, *arguments) == ["led"]) is led

    def test_options(self) -> None:
        options = ssh_options(
            DOOR, alias="releve-x", known_hosts=Path("/a b/100%/k"), sockets=Path("/s")
        )
        for expected in (
            "HostName=192.0.2.9", "Port=2200", "HostKeyAlias=releve-x", "BatchMode=yes",
            'UserKnownHostsFile="/a b/100%%/k"', "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes", 'ControlPath="/s/%C"', 'IdentityFile="/k ey%%"',
            "IdentitiesOnly=yes", "ClearAllForwardings=yes",
        ):  # fmt: skip
            assert expected in options
        arguments = [word for option in options for word in ("-o", option)]
        shown = subprocess.run(
            ["ssh", "-G", *arguments, "-o", "StrictHostKeyChecking=no", "-o", "Port=1", "old"],
            capture_output=True, check=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for expected in (
            "hostname 192.0.2.9", "port 2200", "stricthostkeychecking true", "batchmode yes",
            "hostkeyalias releve-x", "forwardagent no", "userknownhostsfile /a b/100%/k",
        ):  # fmt: skip
            assert expected in shown
