"""One round: a write to every mount that is meant to be written, and how it went."""

from releve.adapters.probe.resident.attempts import Attempt, name_outcome
from releve.adapters.probe.resident.counters import describe_last_error

_NOTHING_MEASURED = (0, 0.0, 0, 0, 0, 0)


class Rounds:
    """Attempts by mount; one that hangs stays until the kernel lets it end."""

    def __init__(self, settings, nothing):
        self._deadline = settings["write_seconds"]
        self._nothing = nothing
        self._attempts = {}

    def start(self, mounts):
        for mount in mounts:
            before = self._attempts.get(mount.path)
            if before is None or before.is_over:
                attempt = Attempt(mount, self._nothing)
                self._attempts[mount.path] = attempt
        self.collect()
        here = {mount.path for mount in mounts}
        for path in [path for path in self._attempts if path not in here]:
            if self._attempts[path].is_over:  # unmounted
                del self._attempts[path]

    def collect(self):
        for attempt in self._attempts.values():
            attempt.collect()

    def descriptors(self):
        return {
            attempt.descriptor
            for attempt in self._attempts.values()
            if attempt.descriptor is not None
        }

    def open_attempts(self):
        """Paths without a result yet."""
        return {path for path, attempt in self._attempts.items() if attempt.result is None}

    def hung(self):
        """Paths whose write has passed its deadline."""
        return {
            path
            for path, attempt in self._attempts.items()
            if attempt.result is None and attempt.seconds >= self._deadline
        }

    def next_deadline(self):
        """Monotonic moment of the next write to hang; None where none is under way."""
        moments = [
            attempt.began + self._deadline
            for path, attempt in self._attempts.items()
            if attempt.result is None and path not in self.hung()
        ]
        return min(moments) if moments else None

    def describe(self, mount, errors):
        """A mount as the controller reads it."""
        outcome, result = self._outcome(mount)
        code, seconds, size, free, inodes, inodes_free = result
        last = describe_last_error(mount.device, mount.filesystem) if errors else ""
        return [
            _text(mount.path, 1024), _text(mount.device, 64), _text(mount.filesystem, 32),
            mount.intent, mount.read_only_view, mount.read_only, mount.emergency,
            outcome, code, round(seconds, 3), errors, _text(last, 200),
            size, free, inodes, inodes_free,
        ]  # fmt: skip

    def _outcome(self, mount):
        attempt = self._attempts.get(mount.path)
        if attempt is None or not mount.is_to_be_written:
            measured = attempt.result if attempt and attempt.result else _NOTHING_MEASURED
            return "untried", (0, 0.0, *measured[2:])
        if attempt.result is None:
            hangs = attempt.seconds >= self._deadline
            return "hung" if hangs else "running", (0, attempt.seconds, *_NOTHING_MEASURED[2:])
        return name_outcome(attempt.result[0]), attempt.result


def _text(text, most):
    return text[:most].encode("utf-8", "backslashreplace").decode("utf-8")
