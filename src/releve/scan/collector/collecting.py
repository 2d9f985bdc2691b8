"""Everything but files is read in a second process, beside the walk."""

import os
import select
import signal
import threading
import time
from collections import deque

from releve.scan.collector.output import encode
from releve.scan.collector.system import NotChecked

_WORKERS = 4
_SLOWEST = ("packages", "units", "kernel", "running")  # begun first, so that nobody waits for them
_ALL = "*"  # said in place of a collector's name once every one has ended
_PIECE = 1 << 16
_MOST_SECONDS = 120.0  # after the walk has ended
_LONGEST_KEY = 8 << 10
_LONGEST_VALUE = 64 << 10
_MOST_FACTS = 100000  # of one collector


class Collecting:
    """`load` gives a map of names to modules; it takes long, so the second process calls it."""

    def __init__(self, load, system):
        self._load = load
        self._system = system
        self._process = 0
        self._reader = -1

    def start(self):
        reader, writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(reader)
            serve(writer, self._load, self._system)
        os.close(writer)
        self._reader = reader

    def finish(self, output):
        """Say what was collected, and which collectors did not come to an end."""
        ended = set()
        for line in self._lines(output):
            if line.startswith(b'["f"'):
                output.say_line(line + b"\n")
            else:
                ended.add(line.decode("ascii", "replace"))
        if _ALL in ended:
            return
        missing = [module for name, module in self._load().items() if name not in ended]
        for module in missing:
            for kind in module.KINDS:
                why = "its collector did not come to an end"
                output.say(["f", "not_checked", kind, {"why": why}, {}])

    def _lines(self, output):
        rest = b""
        deadline = time.monotonic() + _MOST_SECONDS
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while time.monotonic() < deadline:
            output.stay_awake()
            if not poll.poll(1000):
                continue
            piece = os.read(self._reader, _PIECE)
            if not piece:
                break
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def serve(writer, load, system):
    """The second process: it ends here, whatever happens."""
    try:
        _serve(writer, load(), system)
    except BaseException:  # noqa: BLE001 - the first process tells what is missing
        os._exit(1)
    os._exit(0)


def _serve(writer, collectors, system):
    left = deque(
        sorted(collectors, key=lambda name: (name not in _SLOWEST, not collectors[name].LIVE))
    )
    done: deque[tuple[str, list[object]]] = deque()
    change = threading.Semaphore(0)

    def work():
        while True:
            try:
                name = left.popleft()
            except IndexError:
                threading.Event().wait()  # a thread that ends would load a library, in a dead root
            done.append((name, gather(collectors[name], system)))
            change.release()

    for _ in range(_WORKERS):
        threading.Thread(target=work, daemon=True).start()
    for _ in collectors:
        change.acquire()
        name, facts = done.popleft()
        for fact in facts:
            _write(writer, encode(fact))
        _write(writer, name.encode("ascii") + b"\n")
    _write(writer, _ALL.encode("ascii") + b"\n")


def _write(writer, line):
    view = memoryview(line)
    while view:
        view = view[os.write(writer, view) :]


def gather(module, system):
    """The facts of one collector as lines; whatever goes wrong is a fact too."""
    facts: list[object] = []
    if module.LIVE and system.offline:
        return [not_checked(kind, "needs a running system") for kind in module.KINDS]
    try:
        facts.extend(["f", *fact] for fact in _bounded(module.collect(system)))
    except NotChecked as failure:
        facts.extend(not_checked(kind, str(failure)) for kind in module.KINDS)
    except Exception as failure:  # noqa: BLE001 - one bad collector must not spoil the scan
        why = "its collector failed: %s: %s" % (type(failure).__name__, str(failure)[:500])
        facts.extend(not_checked(kind, why) for kind in module.KINDS)
    return facts


def _bounded(facts):
    for number, fact in enumerate(facts):
        if number == _MOST_FACTS:
            raise NotChecked("there are more than %d" % _MOST_FACTS)
        yield _fitting(fact)


def _fitting(fact):
    """The other end refuses a whole scan for one text over its bounds."""
    kind, key, attributes, evidence = fact
    longest = max([len(text) for told in (attributes, evidence) for text in told.values()] or [0])
    if 0 < len(key) <= _LONGEST_KEY and longest <= _LONGEST_VALUE:
        return fact
    why = "a key of %d or a value of %d characters" % (len(key), longest)
    return "not_checked", ("%s:%s" % (kind, key))[:200], {"why": why}, {}


def not_checked(kind, why):
    return ["f", "not_checked", kind, {"why": why}, {}]
