"""State files as a first run leaves them, made once per process: migrations are slow."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dbos import DBOS

from releve.adapters.store import open_observed_store, open_store
from releve.workflow.state_file import prepare_state_file


def copy_state(directory: Path) -> None:
    shutil.copytree(_template().name, directory, dirs_exist_ok=True)


@cache
def _template() -> TemporaryDirectory[str]:
    template = TemporaryDirectory(prefix="releve-matrix-")
    state = Path(template.name)
    open_store(state)
    open_observed_store(state)
    prepare_state_file(state / "engine.db")
    DBOS.migrate(f"sqlite:///{state}/engine.db")
    return template
