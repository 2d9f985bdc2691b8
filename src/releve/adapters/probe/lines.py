"""What comes from a host, cut into lines; never more of it kept than one line may have."""

from typing import Final

from releve.model.server_text import show_server_text

_NOISE_BYTES: Final = 64 << 10  # what a login shell may print before the probe begins
_LINE_BYTES: Final = 256 << 10


class Garbled(Exception):
    """Not what the probe says; the message is one sentence, fit to be shown."""


class Lines:
    """The first line holds a number that only this request knows: what is before it is noise."""

    def __init__(self, nonce: str) -> None:
        self._mark = f'{{"releve-probe":1,"nonce":"{nonce}",'.encode("ascii")
        self._rest = bytearray()
        self._is_begun = False

    @property
    def noise(self) -> str:
        return "" if self._is_begun else show_server_text(bytes(self._rest[-400:]), limit=400)

    def take(self, piece: bytes) -> list[bytes]:
        """Whole lines, the header first; Garbled at a line, or a noise, that is too long."""
        searched = len(self._rest)
        self._rest += piece
        if not self._is_begun and not self._pass_noise():
            return []
        if b"\n" not in piece and self._is_begun and searched:
            self._check_rest()
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        self._check_rest()
        if any(len(line) > _LINE_BYTES for line in lines):
            raise Garbled("it sends lines that are too long")
        return lines

    def _check_rest(self) -> None:
        if len(self._rest) > _LINE_BYTES:
            raise Garbled("it sends lines that are too long")

    def _pass_noise(self) -> bool:
        start = (b"\n" + self._rest).find(b"\n" + self._mark)
        if start >= 0:
            del self._rest[:start]
            self._is_begun = True
        elif len(self._rest) > _NOISE_BYTES:
            raise Garbled(f"it says something else: {self.noise}")
        return self._is_begun
