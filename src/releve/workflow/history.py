"""What the journal of earlier lives says about a step."""

from collections.abc import Iterable

from releve.model.run import EventKind, JournalEvent

ACCEPTED = "accepted"  # the act returned; whether it shows is for the next look to say
REFUSED = "refused"  # the act was answered and changed nothing more

_TELLING = {EventKind.INTENT, EventKind.EFFECT, EventKind.DONE}


def is_uncertain(events: Iterable[JournalEvent], step: str) -> bool:
    """Whether an act of the step may have happened without our having seen its result."""
    telling = [event for event in events if event.step == step and event.kind in _TELLING]
    if not telling:
        return False
    last = telling[-1]
    if last.kind is EventKind.EFFECT:
        return last.data.get("answer") != REFUSED
    return last.kind is EventKind.INTENT


def count_intents(events: Iterable[JournalEvent], step: str) -> int:
    return sum(event.step == step and event.kind is EventKind.INTENT for event in events)
