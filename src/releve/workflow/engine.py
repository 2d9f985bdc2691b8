"""Makes a run survive kill -9 at any moment; the only file that imports dbos.

A step is a dbos step: its output is committed once, when it is done, and never computed again.
What ends a step or a run early (a halt, a cancel, a journal that cannot be written) leaves dbos
as a BaseException, which dbos does not record. So a halted run looks to dbos like a killed one,
and there is one way to go on after either: drive it again.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dbos._serialization as dbos_serialization
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, StepReservation, WorkflowStatus
from dbos import error as dbos_error

from releve.errors import ReleveError
from releve.model.run import Output, RunInput, RunRecord
from releve.ports.outside import Outside
from releve.workflow import engine_errors
from releve.workflow.frozen_input import freeze, read_frozen, require_output, require_usable
from releve.workflow.hooks import Strike, strike_nothing
from releve.workflow.interpreter import Interpretation, interpret
from releve.workflow.last_words import LastWords
from releve.workflow.observer import SILENT, Observer
from releve.workflow.patience import Patience
from releve.workflow.run_driver import Durable, RunDriver, Work
from releve.workflow.run_format import RUN_FORMAT
from releve.workflow.state_file import prepare_state_file
from releve.workflow.step import Step
from releve.workflow.step_runner import Body, Manner, Unrecorded

_APPLICATION: Final = "releve"
_WORKFLOW: Final = "releve.run"
_VERSION: Final = f"run-format-{RUN_FORMAT}"  # fixed, or an upgrade would orphan every run
_POLL_SECONDS: Final = 0.05
_BEGIN_WITHIN_SECONDS: Final = 180.0  # a locked database is waited out
_RECORDED_WITHIN_SECONDS: Final = 5.0


def _refuse_pickle(_self: object, _data: str) -> Any:
    raise ValueError("refusing to unpickle what the run database holds")


# dbos unpickles any row that says so, whatever its serializer: code for whoever writes the file.
dbos_serialization.DefaultSerializer.deserialize = _refuse_pickle  # type: ignore[assignment] # dbos has no public way to refuse
_serializer = DBOSPortableJSONSerializer()

_last_words = LastWords()
_last_words.take_over(logging.getLogger("dbos"))


@dataclass(frozen=True)
class EngineSettings:
    state_directory: Path
    database_url: str = ""  # empty: SQLite in the state directory; else PostgreSQL
    strike: Strike = strike_nothing
    observer: Observer = SILENT
    patience: Patience | None = None  # None: as the provider's capabilities ask


class Engine:
    def __init__(
        self, outside: Outside, catalogue: Mapping[str, Step], settings: EngineSettings
    ) -> None:
        patience = settings.patience or Patience.for_provider(outside.provider.capabilities)
        self._driver = RunDriver(
            outside,
            catalogue,
            durable=_DbosWorkflows(settings.state_directory, settings.database_url),
            manner=Manner(patience, settings.strike, settings.observer),
        )

    def drive(self, run: RunInput) -> RunRecord:
        """Begin the run, or go on with it after a kill or after a person has put things right.

        Returns it DONE or NEEDS_PERSON, or PENDING after a cancel was asked for: then undo it.
        Raises RunHeld when another process drives it, JournalError when the process must end,
        and StepHalted when its record cannot be carried out.
        """
        return self._driver.drive(run)

    def undo(self, run: RunInput, steps: tuple[str, ...]) -> RunRecord:
        """Carry out these undo steps, then the run is UNDONE; CANCELLED when there are none.

        The run itself never goes on once this began. Ends and raises as `drive` does.
        """
        return self._driver.undo(run, steps)


class _Life:
    """What this process makes of one dbos workflow."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.interpretation = Interpretation()
        self.failure: Exception | None = None
        self._commits: dict[str, tuple[StepReservation, contextvars.Context]] = {}

    def reserve_ids(self) -> None:
        """Draw the step ids in list order, so that they are the same whatever runs first."""
        for step in self.work.steps:
            self._commits[step.name] = (DBOS.reserve_step(), contextvars.copy_context())

    def run_step(self, step: Step, outputs: Mapping[str, Output]) -> Output:
        reservation, context = self._commits[step.name]

        def commit(body: Body) -> Output:
            with _errors_named(self.work.run.run_id):
                output = context.run(lambda: reservation.run({"name": step.name}, body))
            return require_output(output, run_id=self.work.run.run_id)

        return self.work.runner.run_step(step, outputs, commit=commit)


_lives: dict[str, _Life] = {}  # by workflow id; one at a time, as dbos is one per process


@DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
def _interpret_frozen_list(frozen: dict[str, Any]) -> str:
    """The one generic workflow."""
    life = _lives.get(str(DBOS.workflow_id))
    if life is None:  # an exception that dbos recorded would end the run for ever
        raise Unrecorded(RuntimeError("no life of this process asked for this workflow"))
    life.begun.set()
    try:
        life.reserve_ids()
        life.interpretation = interpret(
            life.work.steps,
            run_step=life.run_step,
            may_start=life.work.runner.may_start,
            outputs=frozen["outputs"],
        )
    except Exception as error:
        life.failure = error
        raise Unrecorded(error) from error
    finally:
        life.ended.set()
    if not life.interpretation.is_complete(life.work.steps):
        raise Unrecorded(RuntimeError("not every step is done"))
    return "done"


@contextmanager
def _errors_named(run_id: str) -> Iterator[None]:
    """The errors of dbos and of its database, as Relève's own."""
    try:
        yield
    except ReleveError:
        raise
    except dbos_error.DBOSWorkflowConflictIDError as error:
        raise engine_errors.taken_over(run_id) from error
    except (dbos_error.DBOSWorkflowCancelledError, dbos_error.DBOSException, ValueError) as error:
        raise engine_errors.record_damaged(run_id, str(error)) from error
    except Exception as error:  # dbos exports no class for the errors of its database
        raise engine_errors.record_unwritable(run_id, str(error)) from error


class _DbosWorkflows(Durable):
    def __init__(self, state_directory: Path, database_url: str) -> None:
        self._file = None if database_url else state_directory / "engine.db"
        self._url = database_url or f"sqlite:///{self._file}"

    def carry_out(self, work: Work) -> Interpretation:
        with _errors_named(work.run.run_id):
            if self._file is not None:
                prepare_state_file(self._file)
            DBOS.migrate(self._url)
            with self._client() as client:
                workflow_id = _undo_id(client, work) if work.undoing else work.run.run_id
                is_over = _submit(client, workflow_id, work)
            if is_over:
                return Interpretation(outputs={step.name: {} for step in work.steps})
            life = _lives[workflow_id] = _Life(work)  # before launch, which may begin it at once
            with self._launched(workflow_id):
                return _follow(workflow_id, life)

    @contextmanager
    def _client(self) -> Iterator[DBOSClient]:
        client = DBOSClient(
            system_database_url=self._url,
            serializer=_serializer,
            application_name=_APPLICATION,
            retry_connection_errors=False,
        )
        try:
            yield client
        finally:
            client.destroy()

    @contextmanager
    def _launched(self, workflow_id: str) -> Iterator[None]:
        """An executor of this one workflow, so that no other process's run is taken."""
        DBOS(
            config={
                "name": _APPLICATION,
                "system_database_url": self._url,
                "application_version": _VERSION,
                "executor_id": workflow_id,
                "serializer": _serializer,
                "run_migrations": False,
                "notification_listener_polling_interval_sec": _POLL_SECONDS,
            }
        )
        try:
            DBOS.listen_queues([workflow_id])
            DBOS.launch()
            yield
        finally:
            DBOS.destroy()


def _undo_id(client: DBOSClient, work: Work) -> str:
    """That of the latest undo, or of a new one where its steps are others."""
    run_id = work.run.run_id
    number = 1
    while (recorded := _find(client, f"{run_id}-undo-{number + 1}")) is not None:
        number += 1
    recorded = _find(client, f"{run_id}-undo-{number}")
    if recorded is None or read_frozen(recorded.input, run_id=run_id)["steps"] == [
        step.name for step in work.steps
    ]:
        return f"{run_id}-undo-{number}"
    client.cancel_workflow(f"{run_id}-undo-{number}")
    return f"{run_id}-undo-{number + 1}"


def _submit(client: DBOSClient, workflow_id: str, work: Work) -> bool:
    """Make the workflow known to dbos, to begin or go on at launch; whether it is over already."""
    recorded = _find(client, workflow_id)
    if recorded is not None:
        require_usable(recorded.status, recorded.input, work, error=recorded.error)
        if recorded.status == "SUCCESS":
            return True
    client.register_queue(workflow_id, polling_interval_sec=_POLL_SECONDS)
    if recorded is None:
        outputs = _end_forward_run(client, work.run.run_id) if work.undoing else {}
        client.enqueue(
            {
                "workflow_name": _WORKFLOW,
                "workflow_id": workflow_id,
                "queue_name": workflow_id,
                "app_version": _VERSION,
            },
            freeze(work, outputs=outputs),
        )
    return False


def _end_forward_run(client: DBOSClient, run_id: str) -> dict[str, Output]:
    """From here on the run itself never goes on; what its steps left, for the undo."""
    recorded = _find(client, run_id)
    if recorded is None:
        return {}
    if recorded.status in {"PENDING", "ENQUEUED"}:
        client.cancel_workflow(run_id)
    return {
        step["function_name"]: require_output(step["output"], run_id=run_id)
        for step in client.list_workflow_steps(run_id)
    }


def _find(client: DBOSClient, workflow_id: str) -> WorkflowStatus | None:
    return next(iter(client.list_workflows(workflow_ids=[workflow_id])), None)


def _follow(workflow_id: str, life: _Life) -> Interpretation:
    """Wait for the workflow to begin and to end in this process."""
    began = time.monotonic()
    while not life.begun.wait(0.5):
        status = DBOS.get_workflow_status(workflow_id)
        if status is None or status.status not in {"PENDING", "ENQUEUED"}:
            raise engine_errors.record_damaged(life.work.run.run_id, str(_last_words))
        if time.monotonic() - began > _BEGIN_WITHIN_SECONDS:
            raise engine_errors.record_unwritable(life.work.run.run_id, str(_last_words))
    DBOS.delete_queue(workflow_id)  # its thread ends, and no row is left behind
    life.ended.wait()
    if life.failure is not None:
        raise life.failure
    if life.interpretation.is_complete(life.work.steps):
        _await_record(workflow_id)
    return life.interpretation


def _await_record(workflow_id: str) -> None:
    """Let dbos write the end down; if it cannot, the next life only reads what is committed."""
    until = time.monotonic() + _RECORDED_WITHIN_SECONDS
    while time.monotonic() < until:
        status = DBOS.get_workflow_status(workflow_id)
        if status is not None and status.status == "SUCCESS":
            return
        time.sleep(0.005)
