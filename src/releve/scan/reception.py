"""Sorts the lines of a scan: files are spooled as they come, everything else is read at once."""

from releve.scan.facts import FactCollection
from releve.scan.framing import read_list
from releve.scan.malformed import malformed
from releve.scan.request import ScanBounds
from releve.scan.spool import Spool


class Reception:
    def __init__(self, *, bounds: ScanBounds, earlier: Spool | None = None) -> None:
        self.facts = FactCollection(bounds)
        self.spool = Spool()
        self._earlier = earlier.lines() if earlier else iter(())

    def take_line(self, line: bytes) -> None:
        """CommandFailed where it is none of a scan's."""
        if line.startswith(b'["d",'):
            self.spool.add(line)
        elif line.startswith(b'["f",'):
            self.facts.add_line(read_list(line, str, str, dict, dict))
        elif line.startswith(b'["s",'):
            self._copy_earlier(line)
        else:
            raise malformed("a line is none of a scan's", text=line[:200])

    def _copy_earlier(self, line: bytes) -> None:
        """The line of the scan before, which the directory still is exactly.

        Both are written by one encoder, so the bytes of path and fingerprint are the same.
        """
        start = b'["d"' + line[len(b'["s"') : -len(b"]")] + b","
        if line.endswith(b'"]'):
            for earlier in self._earlier:
                if earlier.startswith(start):
                    self.spool.add(earlier)
                    return
        raise malformed("a directory is said to be as before, but was not there", text=line[:200])
