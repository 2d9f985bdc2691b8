"""Testinfra files run in a child process against a real sshd."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from releve.adapters.checks.pytest_check import check_pytest
from releve.adapters.checks.ssh_config import write_ssh_config
from releve.errors import CheckFailed
from releve.plan.types import PytestCheck
from releve.ports.access import Door
from tests.adapters.sshd import Sshd, make_key, read_host_key

Check = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    directory = tmp_path / "repository with spaces"
    directory.mkdir()
    return directory


@pytest.fixture
def check(sshd: Sshd, repository: Path) -> Check:
    """Write a test file into the repository and check it."""

    def run(content: str, *, timeout: str = "60s", door: Door | None = None) -> str:
        (repository / "test_host.py").write_text(textwrap.dedent(content))
        plan = PytestCheck.model_validate({"pytest": "test_host.py", "timeout": timeout})
        return check_pytest(plan, door=door or sshd.door(), repository=str(repository))

    return run


def test_passing_file_counts_its_tests(check: Check, repository: Path) -> None:
    before = sorted(repository.rglob("*"))
    said = check(
        """
        def test_is_reached_over_ssh(host):
            assert host.backend.get_connection_type() == "ssh"
            assert host.run("echo $SSH_CONNECTION").stdout.startswith("127.0.0.1")

        def test_root_exists(host):
            assert host.file("/").is_directory
        """
    )
    assert said == "2 of 2 tests passed"
    assert sorted(repository.rglob("*")) == sorted([*before, repository / "test_host.py"])


def test_failing_test_is_named_with_its_reason(check: Check) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(
            """
            def test_fine(): pass
            def test_moss(host): assert host.check_output("printf '\\\\033[2Jmoss'") == "fern"
            """
        )
    assert "1 of 2 failed" in caught.value.what
    assert "test_moss" in caught.value.why
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "0 passed"),
        ("import pytest\n@pytest.mark.skip\ndef test_a(): pass\n", "1 were skipped"),
        ("import no_such_module\n", "no_such_module"),
        ("def test_a(:\n", "invalid syntax"),
        ("import os\nos._exit(0)\n", "it ended before"),
    ],
)
def test_file_that_proves_nothing_fails(check: Check, content: str, reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        check(content)


@pytest.mark.parametrize("path", ["missing.py", "../outside.py", "/etc/hostname", "."])
def test_path_outside_the_repository_is_refused(sshd: Sshd, repository: Path, path: str) -> None:
    (repository.parent / "outside.py").write_text("def test_a(): pass\n")
    with pytest.raises(CheckFailed, match="in the repository, but there is none"):
        check_pytest(PytestCheck(pytest=path), door=sshd.door(), repository=str(repository))


def test_wrong_host_key_lets_nothing_run(check: Check, sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    door = sshd.door(host_keys=(read_host_key(tmp_path / "other.pub"),))
    with pytest.raises(CheckFailed, match="1 of 1 failed"):
        check("def test_a(host): assert host.run('true').rc == 0", door=door)


def test_environment_holds_no_credentials(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_PASSWORD", "AWS_SECRET_ACCESS_KEY", "ANSIBLE_VAULT_PASSWORD", "PYTHONPATH"):
        monkeypatch.setenv(name, "canary")
    assert check("import os\ndef test_a(): assert 'canary' not in os.environ.values()\n")


def test_settings_and_plugins_of_the_repository_do_not_apply(
    check: Check, repository: Path
) -> None:
    (repository / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    assert check("def test_a(): pass\n") == "1 of 1 tests passed"


def test_time_out_ends_the_child_and_its_children(check: Check, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    started = time.monotonic()
    with pytest.raises(CheckFailed, match="to end within 10 s"):
        check(
            f"""
            import os, subprocess
            def test_a():
                child = subprocess.Popen(["sleep", "600"])
                open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
                child.wait()
            """,
            timeout="10s",
        )
    assert time.monotonic() - started < 15
    assert_gone(pids)


def test_child_ends_with_a_caller_that_is_killed(
    sshd: Sshd, repository: Path, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    (repository / "test_host.py").write_text(
        "import os, subprocess\n"
        "def test_a():\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        f"    open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "    child.wait()\n"
    )
    program = (
        "from releve.adapters.checks.pytest_check import check_pytest\n"
        "from releve.model.resources import HostKey\n"
        "from releve.plan.types import PytestCheck\n"
        "from releve.ports.access import Door\n"
        f"check_pytest(PytestCheck(pytest='test_host.py'), door={sshd.door()!r},"
        f" repository={str(repository)!r})\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program])
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert_gone(pids)


def assert_gone(pids: Path) -> None:
    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: is_gone(int(pid)))  # type: ignore[misc] # the default binds pid


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def wait_until(holds: Callable[[], bool], *, seconds: float = 15) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.05)


def test_ssh_config_trusts_the_given_keys_only(sshd: Sshd, tmp_path: Path) -> None:
    config = write_ssh_config(sshd.door(known_as="i-77"), tmp_path)
    shown = subprocess.run(
        ["ssh", "-G", "-F", str(config), "instance"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for line in (
        f"hostname {sshd.address}",
        "hostkeyalias i-77",
        "stricthostkeychecking true",
        "globalknownhostsfile /dev/null",
        f"userknownhostsfile {tmp_path}/known_hosts",
        "forwardagent no",
        "batchmode yes",
    ):
        assert line in shown
    assert (tmp_path / "known_hosts").read_text() == sshd.host_key.line_for("i-77") + "\n"


@pytest.mark.parametrize("user", ['a"b', "a\nProxyCommand id", "a\\", "%h", "${HOME}"])
def test_ssh_config_holds_no_line_of_another(sshd: Sshd, tmp_path: Path, user: str) -> None:
    door = Door(address="127.0.0.1", port=22, user=user, host_keys=(sshd.host_key,))
    with pytest.raises(CheckFailed, match="ssh's configuration"):
        write_ssh_config(door, tmp_path)
    assert not (tmp_path / "ssh_config").exists()
