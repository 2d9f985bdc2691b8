"""What a run is made of, by its mode; the steps of drills are imported for drills only."""

from collections.abc import Mapping, Sequence

from releve.model.run import Mode, Phase, RunInput, RunRecord
from releve.ports.journal import Journal
from releve.recovery import recover
from releve.workflow.step import Step


def catalogue_of(run: RunInput) -> Mapping[str, Step]:
    """Name to step."""
    if run.mode is not Mode.DRILL:
        return recover.catalogue_of(run)
    from releve.drill.catalogue import drill_catalogue

    return drill_catalogue(run)


def phases_of(run: RunInput) -> Mapping[str, Phase]:
    """Step name to its phase, whatever version of Relève recorded the run."""
    if run.mode is not Mode.DRILL:
        from releve.recovery.report.of_run import PHASES

        return PHASES
    from releve.drill.catalogue import DRILL_PHASES

    return DRILL_PHASES


def steps_to_undo(record: RunRecord, *, journal: Journal) -> Sequence[str]:
    """The undo steps of this run; none where it touched nothing."""
    if record.input.mode is not Mode.DRILL:
        return recover.steps_to_undo(record, journal=journal)
    from releve.drill.catalogue import drill_steps_to_undo

    return drill_steps_to_undo(record, journal=journal)
