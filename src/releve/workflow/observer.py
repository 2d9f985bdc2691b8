"""Who watches a run while it goes on; the command line's live view is one."""

from releve.model.run import EventKind, RunState


class Observer:
    """Watches in silence. Called from several threads at once; must return quickly."""

    def step_started(self, name: str, sentence: str) -> None:
        """The step begins, or begins again after an interruption."""

    def step_said(self, name: str, text: str) -> None:
        """What the step sees or waits for now; the text may hold what an instance said."""

    def step_ended(self, name: str, kind: EventKind, text: str, *, seconds: float) -> None:
        """DONE, HALTED, or NOTE where a person asked to stop.

        A step that an earlier life of the run has done ends without having started.
        """

    def run_ended(self, state: RunState, next_action: str) -> None: ...

    def run_interrupted(self, next_action: str) -> None:
        """Ctrl-C or SIGTERM: the last call before the process leaves, from a signal handler."""


SILENT = Observer()
