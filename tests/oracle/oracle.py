"""Reads the fake cloud, never the product's own word, and says which invariant was broken."""

from collections.abc import Callable, Iterator, Sequence

from releve.model.run import EventKind, JournalEvent, RunRecord, RunState
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_file import HistoryRow
from tests.fakes.cloud_state import CloudState
from tests.oracle.evidence import Evidence
from tests.oracle.invariants import CHECKS, OF_ANY_OTHER, OF_WHAT_CHANGES_NOTHING

ReadEvents = Callable[[str], Sequence[JournalEvent]]  # of one run
CALL_TO_STEPS = {
    "create_instance": ("create_instance", "autopsy_helper", "create_second", "create_aged"),
    "create_port": ("reserve_port",),
    "snapshot_volume": ("snapshot_volumes",),
    "create_volume": ("provide_volumes", "second_volumes"),
    "clone_volume": ("provide_volumes", "second_volumes"),
    "capture_image": ("capture_image",),
}


class Oracle:
    def __init__(self, *, read_events: ReadEvents | None = None) -> None:
        """With `read_events`, each create is held against the journal: intent first (I4)."""
        self.read_events = read_events

    def watch(
        self, cloud: FakeCloud, row: HistoryRow, before: CloudState, after: CloudState
    ) -> None:
        """Called by the cloud within the transaction of each row that is not a read."""
        evidence = Evidence(row, before, after, cloud.history())
        for invariant, sentence in self._judge(evidence):
            cloud.file.record_violation(row.seq, invariant, sentence)

    def check_all(self, cloud: FakeCloud) -> list[str]:
        """Judge the whole history again, and what was recorded while it was made."""
        history, states = cloud.history(), cloud.file.read_states()
        sentences = [f"{name} at {seq}: {text}" for seq, name, text in cloud.file.read_violations()]
        before = CloudState()
        for index, row in enumerate(history):
            after = states.get(row.seq, before)
            if row.kind != "read":
                evidence = Evidence(row, before, after, history[: index + 1])
                sentences += [f"{name} at {row.seq}: {text}" for name, text in judge(evidence)]
            before = after
        return list(dict.fromkeys(sentences))

    def assert_clean(self, cloud: FakeCloud) -> None:
        violations = self.check_all(cloud)
        assert not violations, "\n".join(violations)

    def _judge(self, evidence: Evidence) -> Iterator[tuple[str, str]]:
        yield from judge(evidence)
        if self.read_events and evidence.is_own_effect and evidence.row.call in CALL_TO_STEPS:
            for sentence in _i4_intent_first(evidence.row, self.read_events):
                yield "I4", sentence


def judge(evidence: Evidence) -> Iterator[tuple[str, str]]:
    chosen = set(CHECKS)
    if evidence.before is evidence.after and evidence.row.kind != "act":
        chosen = OF_WHAT_CHANGES_NOTHING.get(evidence.row.kind, OF_ANY_OTHER)
    for invariant in sorted(chosen):
        check = CHECKS[invariant]
        for sentence in check(evidence):
            yield invariant, sentence


def _i4_intent_first(row: HistoryRow, read_events: ReadEvents) -> Iterator[str]:
    """The journal's last word about a step that makes such things is the intent."""
    steps = CALL_TO_STEPS[row.call]
    told = {EventKind.INTENT, EventKind.EFFECT, EventKind.DONE}
    last = {
        event.step: event.kind
        for event in read_events(row.arguments["labels"]["releve.run"])
        if event.step in steps and event.kind in told
    }
    if EventKind.INTENT not in last.values():
        yield f"{row.call} arrived before the intent of {' or '.join(steps)} was durable"


def check_run(
    record: RunRecord, events: Sequence[JournalEvent], *, earlier: Sequence[JournalEvent] = ()
) -> list[str]:
    """I15: a named state, one next action, and a history that only grows."""
    sentences = []
    if not record.next_action.strip():
        sentences.append(f"run {record.input.run_id} is {record.state.value} without a next action")
    if record.state.is_over != (record.ended_at is not None):
        sentences.append(f"run {record.input.run_id} is {record.state.value} with a wrong end time")
    if list(events[: len(earlier)]) != list(earlier):
        sentences.append("the history of the run was rewritten")
    over = {state.value for state in RunState if state.is_over}
    ends = [
        index
        for index, event in enumerate(events)
        if event.kind is EventKind.STATE and event.data.get("state") in over
    ]
    acts = {EventKind.INTENT, EventKind.EFFECT}
    if ends and any(event.kind in acts for event in events[ends[0] :]):
        sentences.append("the run acted after its end")
    return sentences
