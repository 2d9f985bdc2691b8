"""What a library logged last, for the error that may follow; kept off the terminal."""

import logging
from collections import deque


class LastWords(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: deque[str] = deque(maxlen=5)

    def take_over(self, logger: logging.Logger) -> None:
        logger.handlers = [self]
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self._lines.append(f"{record.getMessage()} {cause or ''}".strip())

    def __str__(self) -> str:
        return "; ".join(self._lines)
