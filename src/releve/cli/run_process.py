"""Runs that a service starts, each in a process of its own that outlives the service."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from releve.cli.run_output import Follower, Say, open_output
from releve.plan.loading import load_plan
from releve.ports.child import Child
from releve.recovery.fingerprint import fingerprint
from releve.recovery.recover import freeze_plan
from releve.watch.starting import Starter, StartOrder

_PROGRAM: Final = "import sys; from releve.cli.main import main; sys.exit(main())"


class RunProcess(Child):
    """One command of Relève, whose lines are told as events of `host`."""

    def __init__(
        self, command: list[str], *, output: Path, host: str, say: Say, own_session: bool
    ) -> None:
        """OSError where no process or no file for its output can be had."""
        file = open_output(output)
        try:
            follower = Follower(output, has_ended=lambda: self.poll() is not None, say=self._tell)
            self._host, self._say = host, say
            self._process = subprocess.Popen(  # noqa: S603 - our own program, names of the plan
                [sys.executable, "-P", "-c", _PROGRAM, *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=own_session,
            )
        finally:
            os.close(file)
        self._following = follower.begin()

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self, *, within_seconds: float) -> None:
        self._process.terminate()
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._following.join(within_seconds)

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        host = {"host": self._host} if self._host else {}
        self._say(event, {**host, **fields})


def start_drill(plan: Path, host: str, *, output_directory: Path, say: Say) -> Child:
    """One that ends with this process: a drill can be made again."""
    command = ["drill", host, "--yes", "--json", "--plan", str(plan)]
    output = output_directory / f"drill-{host}.jsonl"
    return RunProcess(command, output=output, host=host, say=say, own_session=False)


class RunProcesses(Starter):
    """Recoveries in sessions of their own: neither Ctrl-C nor the end of this process ends them."""

    def __init__(self, plan: Path, *, output_directory: Path, say: Say) -> None:
        self._plan = plan
        self._directory = output_directory
        self._say = say

    def fingerprint(self, host: str) -> str:
        loaded = load_plan(self._plan)
        return fingerprint(freeze_plan(loaded, loaded.host(host)), loaded.repository)

    def start(self, order: StartOrder) -> Child:
        given = {
            "--incident": order.incident_id,
            "--run-id": order.run_id,
            "--fingerprint": order.fingerprint,
            "--plan": str(self._plan),
        }
        options = [word for pair in given.items() for word in pair]
        command = ["recover", order.host, "--yes", "--json", *options]
        return self._begin(command, run_id=order.run_id, host=order.host)

    def resume(self, run_id: str) -> Child:
        return self._begin(["resume", run_id, "--json"], run_id=run_id, host="")

    def _begin(self, command: list[str], *, run_id: str, host: str) -> Child:
        output = self._directory / f"{run_id}.jsonl"
        return RunProcess(command, output=output, host=host, say=self._say, own_session=True)
