"""Named instants of a step, where the kill harness strikes; nothing happens there otherwise."""

from collections.abc import Callable
from typing import Final

INSTANTS: Final = ("before_intent", "after_intent", "after_effect", "after_commit")

Strike = Callable[[str, str], None]  # step name, instant


def strike_nothing(step: str, instant: str) -> None:
    del step, instant
