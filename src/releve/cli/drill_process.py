"""A scheduled drill in a process of its own, so that it can be left without waiting for it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from releve.ports.child import Child

_PROGRAM: Final = "import sys; from releve.cli.main import main; sys.exit(main())"


class DrillProcess(Child):
    def __init__(self, plan: Path, host: str) -> None:
        command = ["drill", host, "--yes", "--json", "--plan", str(plan)]
        self._process = subprocess.Popen(  # noqa: S603 - our own program, a host of the plan
            [sys.executable, "-c", _PROGRAM, *command], stdin=subprocess.DEVNULL
        )

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self, *, within_seconds: float) -> None:
        self._process.terminate()
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
