"""Copy chosen files from the dead disk to the new host: bytes that nobody here interprets."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any, Final

from releve.errors import CommandFailed, StepHalted
from releve.model.run import EventKind, JournalEvent, RunInput
from releve.model.server_text import show_server_text
from releve.ports.access import Access, Door, StreamLimits, as_root
from releve.recovery.autopsy.autopsy_step import AutopsyStep
from releve.recovery.autopsy.case import MOUNT, PYTHON, case_of, door_to_helper
from releve.recovery.autopsy.salvaged import Choice, Found, LeftOut, choose, read_listing
from releve.workflow.step import Done, Sight, StepContext, Todo

MOST_FILES: Final = 10_000
MOST_EACH: Final = 1 << 30
MOST_BYTES: Final = 8 << 30
CHUNK: Final = 8 << 20
LISTING_BYTES: Final = 16 << 20
MOST_TOLD: Final = 200  # in the journal
SECONDS: Final = 3600.0


class SalvageFiles(AutopsyStep):
    name = "salvage_files"
    cell = "A10"
    needs = ("autopsy_attach",)
    builds_on = ("autopsy_attach",)
    deadline_seconds = 6 * SECONDS

    def describe(self, run: RunInput) -> str:
        choice = Choice.of(run)
        paths = ", ".join(show_server_text(path) for path in choice.paths[:5])
        verb = "list" if choice.only_list else "copy to the new instance"
        return f"{verb}: {paths}{' …' if len(choice.paths) > 5 else ''}"

    def look_closer(self, context: StepContext) -> Sight:
        if Choice.of(context.run).only_list:
            return tell(courier_of(context).judge_all())
        return Todo("what is there already is seen while copying, and not copied again")

    def act(self, context: StepContext) -> Sight:
        courier, files = courier_of(context), []
        for file in courier.judge_all():
            if context.should_stop():
                raise StepHalted("stopped, as asked", remedy="Repeat the salvage")
            context.report_progress(f"copying {show_server_text(file.path)}")
            files.append(courier.copy(file))
        done = tell(files)
        note_in_recovery(context, done)
        return done


def courier_of(context: StepContext) -> "Courier":
    return Courier(
        context.outside.access,
        door_to_helper(context),
        case_of(context).door,
        choice=Choice.of(context.run),
        run_id=context.run.run_id,
    )


class Courier:
    """The two ends, and what goes from one to the other."""

    def __init__(
        self, access: Access, source: Door, target: Door, *, choice: Choice, run_id: str
    ) -> None:
        self._access = access
        self._source = source
        self._target = target
        self._choice = choice
        self._part = f".releve-{run_id}.part"
        self._backup = f".releve-{run_id}"
        self._directories: list[dict[str, Any]] = []

    def judge_all(self) -> list[Found]:
        """Every file below the chosen paths, with what lies on the new host now."""
        found, self._directories, left_out = self._list()
        files, refused = choose(found, self._choice)
        answers = self._look(files)
        judged = [file.judged(answer) for file, answer in zip(files, answers, strict=True)]
        return [*judged, *refused, *(item.as_found() for item in left_out)]

    def copy(self, file: Found) -> Found:
        """The file with what became of it; only what is absent, or different and to be replaced."""
        wanted = file.state == "absent" or (file.state == "different" and self._choice.replace)
        if not wanted:
            return file
        for offset in range(0, max(1, file.size), CHUNK):
            piece = self._read(file, offset)
            request = {"act": "write", "offset": offset, "parents": self._parents(file)}
            if (answer := self._ask(request | self._aim(file), piece)).get("state") != "writing":
                return file.judged(answer)
        request = {
            "act": "finish",
            "backup": f"{file.name}{self._backup}" if self._choice.replace else "",
            **file.dress,
        }
        return file.judged(self._ask(request | self._aim(file), b""))

    def _list(self) -> tuple[list[Found], list[dict[str, Any]], list[LeftOut]]:
        request = {
            "root": MOUNT,
            "paths": list(self._choice.paths),
            "most_files": MOST_FILES,
            "most_each": MOST_EACH,
            "most_bytes": MOST_BYTES,
        }
        return read_listing(self._run_source(request, LISTING_BYTES))

    def _read(self, file: Found, offset: int) -> bytes:
        length = min(CHUNK, file.size - offset)
        if length <= 0:
            return b""
        request = {"root": MOUNT, "path": file.path, "offset": offset, "length": length}
        piece = self._run_source(request, length)
        if len(piece) != length:
            raise StepHalted(
                "a file on the dead disk ended before its size",
                why=show_server_text(file.path),
                remedy="The dead disk may not be readable there; salvage the others by name",
            )
        return piece

    def _run_source(self, request: dict[str, Any], most: int) -> bytes:
        taken = bytearray()
        result = self._access.stream_command(
            self._source,
            command=as_root(self._source, *PYTHON, "-", json.dumps(request)),
            stdin=_program("guest_source.py"),
            limits=StreamLimits(SECONDS, 300.0, most),
            take=taken.extend,
        )
        if result.exit_code != 0 or result.cut:
            raise CommandFailed(
                "the helper could not read the dead disk",
                why=show_server_text(result.stderr.strip()[-300:]) or "its answer was cut",
                remedy="Name fewer paths, or read what the helper said",
            )
        return bytes(taken)

    def _look(self, files: Sequence[Found]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        for batch in _batches(files):
            wanted = [{"path": file.path, "sha256": file.sha256} for file in batch]
            request = {"act": "look", "base": self._choice.to, "part": self._part, "files": wanted}
            told = self._ask_anything(request, b"")
            if not isinstance(told, list) or len(told) != len(batch):
                raise _unreadable()
            answers += [answer if isinstance(answer, dict) else {} for answer in told]
        return answers

    def _parents(self, file: Found) -> list[dict[str, Any]]:
        """The directories that lead to it, as they were on the dead disk."""
        base = self._choice.to.rstrip("/")
        leading = [item for item in self._directories if file.path.startswith(f"{item['path']}/")]
        return [item | {"path": base + item["path"]} for item in leading]

    def _aim(self, file: Found) -> dict[str, Any]:
        return {"base": self._choice.to, "path": file.path, "part": self._part}

    def _ask(self, request: dict[str, Any], stdin: bytes) -> dict[str, Any]:
        answer = self._ask_anything(request, stdin)
        if not isinstance(answer, dict):
            raise _unreadable()
        return answer

    def _ask_anything(self, request: dict[str, Any], stdin: bytes) -> Any:
        program = _program("guest_target.py").decode()
        command = as_root(self._target, *PYTHON, "-c", program, json.dumps(request))
        result = self._access.run_command(
            self._target, command=command, stdin=stdin, timeout_seconds=SECONDS
        )
        try:
            return json.loads(result.stdout)
        except ValueError as error:
            raise CommandFailed(
                "the new instance could not take the files",
                why=show_server_text(result.stderr.strip()[-300:]),
                remedy="Make sure that it has python3 and room on its disk",
            ) from error


def tell(files: Sequence[Found]) -> Done:
    counts = Counter(file.state for file in files)
    told = ", ".join(
        f"{count} {state.replace('_', ' ')}" for state, count in sorted(counts.items())
    )
    return Done(
        told or "nothing lies below these paths",
        {
            "counts": dict(counts),
            "bytes": sum(file.size for file in files if file.state in {"written", "replaced"}),
            "files": [file.describe() for file in files[:MOST_TOLD]],
        },
    )


def note_in_recovery(context: StepContext, done: Done) -> None:
    """The recovery's own story says what was fetched from its dead disk."""
    outside, case = context.outside, case_of(context)
    outside.journal.append(
        JournalEvent(
            run_id=case.recovery,
            step="",
            kind=EventKind.NOTE,
            at=outside.clock.now(),
            text=f"salvage by run {context.run.run_id}: {done.reason}",
            data={"salvage": context.run.run_id, "counts": done.output["counts"]},
        )
    )


def _program(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


def _batches(files: Sequence[Found]) -> Iterator[Sequence[Found]]:
    """An argument of a command holds 128 KiB."""
    batch: list[Found] = []
    size = 0
    for file in files:
        length = 6 * len(file.path) + 100
        if batch and size + length > 60_000:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += length
    if batch:
        yield batch


def _unreadable() -> CommandFailed:
    return CommandFailed(
        "the new instance's answer cannot be read",
        remedy="Log in and see what its python3 prints",
    )
