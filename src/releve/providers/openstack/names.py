"""Names as an error tells them: what there is instead of the one that was asked for."""

from collections.abc import Iterable
from typing import Final

from releve.model.server_text import show_server_text

_MOST: Final = 8
_LONGEST: Final = 60


def tell_names(names: Iterable[str]) -> str:
    """Bounded, in order, made safe to show."""
    known = sorted({show_server_text(name, limit=_LONGEST) for name in names if name})
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return f"there are {', '.join(known[:_MOST])}{more}" if known else "there is none at all"
