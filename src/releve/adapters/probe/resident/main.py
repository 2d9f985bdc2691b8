"""Looks at this machine round by round, from memory alone, for as long as somebody listens."""

import base64
import json
import os
import select
import sys
import time

from releve.adapters.probe.resident.calm_look import CalmLook, read_fstab
from releve.adapters.probe.resident.counters import Counters
from releve.adapters.probe.resident.kernel_log import KernelLog
from releve.adapters.probe.resident.memory import settle_down
from releve.adapters.probe.resident.mounts import read_intents, read_mounts
from releve.adapters.probe.resident.rounds import Rounds
from releve.adapters.probe.resident.speech import Gone, Speech

_TICK_SECONDS = 1.0  # between two looks at the counters
_TABLE_SECONDS = 0.2  # between two looks at what is mounted: programs may change it all the time
_SOONEST_SECONDS = 1.0  # between the beginnings of two rounds, whatever happens
_GRACE_SECONDS = 2.0  # a round is told by then, with the writes that have not ended yet
_QUICK_SECONDS = 10.0  # after each change for the worse or the better: a round every second
_DEAF_SECONDS = 60.0  # after quick rounds: a disk may complain all day and yet be written
_SOUND = ("written", "untried", "no-space", "refused")


def main(encoded):
    settings = json.loads(base64.b64decode(encoded).decode("ascii"))
    speech = Speech(settings)
    locked = settle_down()
    probe = Probe(settings, speech)
    try:
        speech.say(probe.describe_machine(locked))
        while True:
            probe.turn()
    except Gone:
        probe.end()


class Probe:
    def __init__(self, settings, speech):
        self._settings = settings
        self._speech = speech
        nothing = os.open("/dev/null", os.O_RDWR)
        os.dup2(nothing, 2)  # what it says goes out by one way
        self._table = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._log = KernelLog()
        self._counters = Counters()
        self._rounds = Rounds(settings, nothing)
        self._calm = CalmLook(settings, nothing)
        self._fstab = read_fstab() if settings["fstab"] is None else settings["fstab"]
        self._mounts = []
        self._states = None
        self._counts = {}
        self._table_changed = True
        self._table_read = 0.0
        self._next = 0.0  # when the next round begins
        self._began = -_SOONEST_SECONDS
        self._untold = False
        self._left_open = set()  # told as running
        self._hung = set()
        self._signs: list[tuple[object, ...]] = []
        self._quick_until = 0.0
        self._deaf_until = 0.0  # to the kernel's log, as a reason to hurry
        self._sequence = 0

    def describe_machine(self, locked):
        return {
            "releve-probe": 1,
            "nonce": self._settings["nonce"],
            "boot_id": _read_line("/proc/sys/kernel/random/boot_id"),
            "kernel": os.uname().release[:200],
            "python": "%d.%d" % sys.version_info[:2],
            "kernel_log": self._log.is_readable,
            "locked": locked,
        }

    def turn(self):
        """One wait, and whatever has come."""
        self._wait()
        self._speech.listen()
        self._rounds.collect()
        now = time.monotonic()
        if self._table_changed and now - self._table_read >= _TABLE_SECONDS:
            self._look_at_table()
        if self._is_new_trouble():
            self._next = min(self._next, self._began + _SOONEST_SECONDS)
        if now >= self._next and not self._untold:
            self._begin_round(now)
        if self._untold and (not self._rounds.open_attempts() or now >= self._tell_by):
            self._tell(now)
        calm = now >= self._quick_until
        if self._calm.go_on(calm) and self._calm.found["fstab"] is not None:
            self._table_changed |= self._calm.found["fstab"] != self._fstab
            self._fstab = self._calm.found["fstab"]

    def end(self):
        """Children that write end by themselves, and take their file along."""
        self._calm.end()

    @property
    def _tell_by(self):
        return self._began + _GRACE_SECONDS

    def _wait(self):
        now = time.monotonic()
        moments = [now + _TICK_SECONDS, self._tell_by if self._untold else self._next]
        deadline = self._rounds.next_deadline()
        if deadline is not None:
            moments.append(deadline)
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._table, select.POLLPRI)
        for descriptor in self._counters.descriptors():
            poll.register(descriptor, select.POLLPRI)
        for descriptor in self._rounds.descriptors():
            poll.register(descriptor, select.POLLIN)
        for descriptor in (self._log.descriptor, self._calm.descriptor):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        events = dict(poll.poll(max(0.0, min(moments) - now) * 1000 + 1))
        self._table_changed |= self._table in events

    def _look_at_table(self):
        """Options that the kernel sets itself are announced to nobody."""
        self._table_changed, self._table_read = False, time.monotonic()
        try:
            intents = read_intents(self._fstab or "")
            mounts = read_mounts(self._table, intents, self._settings["mounts"])
        except (OSError, ValueError):
            return
        before = [mount.place for mount in self._mounts]
        self._mounts = mounts
        if [mount.place for mount in mounts] != before:
            self._counters.follow(mounts)
            self._log.follow(mounts)

    def _is_new_trouble(self):
        states = [mount.state for mount in self._mounts]
        counts = self._counters.count_all()
        hung = self._rounds.hung()
        ended = self._left_open - self._rounds.open_attempts()
        complained = self._log.read_on()
        is_new = bool(ended) or (complained and time.monotonic() >= self._deaf_until)
        is_new |= states != self._states or counts != self._counts or bool(hung - self._hung)
        self._states, self._counts, self._hung = states, counts, hung
        self._left_open -= ended
        return is_new

    def _begin_round(self, now):
        self._began = now
        self._next = now + self._settings["interval"]
        self._untold = True
        self._rounds.start(self._mounts)

    def _tell(self, now):
        self._untold = False
        self._left_open = self._rounds.open_attempts()
        self._look_at_table()
        counts = self._counters.count_all()
        mounts = [self._rounds.describe(m, counts.get(m.device, 0)) for m in self._mounts]
        lines = self._log.take_lines()
        self._sequence += 1
        self._speech.say({
            "n": self._sequence,
            "time": round(time.time(), 3),
            "mounts": mounts,
            "lines": lines,
            "units": self._calm.found["units"],
            "certificates": self._calm.found["certificates"],
        })  # fmt: skip
        self._choose_pace(now, mounts, bool(lines))

    def _choose_pace(self, now, mounts, complained):
        """A change is soon looked at again and again, so that it can be told from a moment's."""
        signs = [found for found in map(_signs_of, mounts) if found]
        changed = signs != self._signs
        if changed or (complained and now >= self._deaf_until):
            self._quick_until = now + _QUICK_SECONDS
            self._deaf_until = self._quick_until + _DEAF_SECONDS
        self._signs = signs
        if now < self._quick_until:
            self._next = min(self._next, self._began + _SOONEST_SECONDS)


def _signs_of(mount):
    """What of a mount is a reason to look again soon; empty where all is well."""
    path, intent, read_only, emergency, outcome, errors = (mount[i] for i in (0, 3, 5, 6, 7, 10))
    if intent == "read-only":
        return ()
    if outcome in _SOUND and not read_only and not emergency:
        return (path, errors) if errors else ()
    return (path, read_only, emergency, outcome, errors)


def _read_line(path):
    try:
        with open(path, "rb") as opened:
            return opened.read(200).decode("ascii", "replace").strip()
    except OSError:
        return ""
