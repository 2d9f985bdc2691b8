"""A testinfra file of the team's, run against the instance from a child process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from releve.adapters.checks.ssh_config import ALIAS, write_ssh_config
from releve.errors import CheckFailed
from releve.model.server_text import show_server_text
from releve.plan.types import PytestCheck
from releve.ports.access import Door
from releve.workflow.children import tracked

CHILD = Path(__file__).with_name("pytest_child.py")
KEPT_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "SSH_AUTH_SOCK")
CONTROL_PERSIST_SECONDS = 10  # an ssh left over by a killed child ends after this long


def check_pytest(check: PytestCheck, *, door: Door, repository: str) -> str:
    """The file is the team's own and runs as such; it gets no credentials but the ssh agent."""
    root = Path(repository).resolve()
    file = (root / check.pytest).resolve()
    if not (file.is_relative_to(root) and file.is_file()):
        raise CheckFailed(
            f"expected a test file at {check.pytest} in the repository, but there is none",
            remedy="correct the path in releve.yml",
        )
    with tempfile.TemporaryDirectory(prefix="releve-check-") as name:
        scratch = Path(name)  # 0700
        config = write_ssh_config(door, scratch)
        try:
            summary = _run_child(check, scratch=scratch, config=config, root=root, file=file)
        finally:
            _close_connection(config)
    return _judge(summary)


def _run_child(
    check: PytestCheck, *, scratch: Path, config: Path, root: Path, file: Path
) -> Mapping[str, Any]:
    result = scratch / "result.json"
    output = scratch / "output.txt"
    seconds = check.timeout.total_seconds()
    with output.open("wb") as stream:
        child = subprocess.Popen(  # noqa: S603 - argv is ours, no shell
            _command(scratch, config=config, root=root, file=file, result=result),
            cwd=root,
            env=_environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with tracked(child.pid):
                child.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise CheckFailed(
                f"expected the tests to end within {seconds:g} s, but they did not",
                remedy="raise this check's timeout, or split the file",
            ) from error
        finally:
            _end(child)
    return _read_summary(result, output=output)


def _command(
    scratch: Path, *, config: Path, root: Path, file: Path, result: Path
) -> tuple[str, ...]:
    settings = scratch / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")  # not the repository's: it may want more
    return (
        *(sys.executable, "-P", str(CHILD), str(os.getpid()), str(result)),
        *("-c", str(settings), "--rootdir", str(root), "--confcutdir", str(root)),
        *("-q", "-p", "no:cacheprovider", "-p", "testinfra.plugin", "--basetemp"),
        *(str(scratch / "tmp"), f"--hosts=ssh://{ALIAS}?controlpersist={CONTROL_PERSIST_SECONDS}"),
        *(f"--ssh-config={config}", str(file)),
    )


def _environment(scratch: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "TMPDIR": str(scratch),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _close_connection(config: Path) -> None:
    subprocess.run(  # noqa: S603 - argv is ours, no shell
        ("ssh", "-F", str(config), "-O", "exit", ALIAS),  # noqa: S607 - the user's own ssh
        check=False,
        capture_output=True,
        timeout=10,
    )


def _read_summary(result: Path, *, output: Path) -> Mapping[str, Any]:
    try:
        summary: Mapping[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        said = output.read_bytes()[-200:].strip()
        raise CheckFailed(
            "expected pytest to run the file, but it ended before",
            why=show_server_text(said),
            remedy="run the file with pytest by hand",
        ) from error
    return summary


def _judge(summary: Mapping[str, Any]) -> str:
    passed, failed = int(summary["passed"]), int(summary["failed"])
    if failed:
        first = summary["failures"][0]
        raise CheckFailed(
            f"expected every test to pass, but {failed} of {passed + failed} failed",
            why=f"{show_server_text(first['test'])}: {show_server_text(first['message'])}",
            remedy="run the file with pytest by hand",
        )
    if passed == 0 or summary["exit_code"] != 0:
        raise CheckFailed(
            f"expected at least one test to run, but {passed} passed, "
            f"{summary['skipped']} were skipped and pytest ended with {summary['exit_code']}",
            remedy="run the file with pytest by hand",
        )
    return f"{passed} of {passed} tests passed"
