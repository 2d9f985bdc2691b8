"""The format in which a run's steps and input are recorded, so that no other is misread."""

from typing import Final

from releve.errors import StepHalted
from releve.model.run import RunInput

RUN_FORMAT: Final = 1


def require_known_format(run: RunInput) -> None:
    """StepHalted when another version of Relève recorded the run in a format of its own."""
    if run.format == RUN_FORMAT:
        return
    other = "a newer" if run.format > RUN_FORMAT else "an older"
    raise StepHalted(
        f"run {run.run_id} needs a version of Relève that reads run format {run.format}",
        why=f"this version reads format {RUN_FORMAT}, and {other} one recorded the run",
        remedy="Install the version of Relève that began the run and continue with it",
    )
