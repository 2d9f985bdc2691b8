"""Reads a machine, or a dead root below a directory of it, and says what it found."""

import base64
import hashlib
import json
import os
import resource
import signal
import sys

from releve.scan.collector.collecting import Collecting, not_checked
from releve.scan.collector.crew import MOST_MEMBERS, Crew
from releve.scan.collector.digests import Digester
from releve.scan.collector.dpkg import INFO, Ownership, read_ownership
from releve.scan.collector.files import Walk
from releve.scan.collector.first_boot import find_first_boot
from releve.scan.collector.hashing import Hashing
from releve.scan.collector.machine import Machine, encode_path
from releve.scan.collector.output import Output
from releve.scan.collector.ownership import read_names
from releve.scan.collector.places import Places, read_mounts
from releve.scan.collector.system import NotChecked

_MOST_SECONDS = 2 * 3600
_STAMPS = ("/var/lib/dpkg/status", "/var/lib/dpkg/diversions", INFO, "/etc/passwd", "/etc/group")


class Tools:
    """What a walk works with."""

    def __init__(self, machine, request, mounts):
        skip = [encode_path(path) for path in request["skip"]]
        self.mounts = mounts
        self.output = None
        self.full = request["full"]
        self.names = read_names(machine, machine.shift)
        self.ownership = LazyOwnership(machine, self)
        self.digester = Digester(bytes.fromhex(request["secret"]))
        self.places = Places(mounts, skip, request["full"])
        self.hashing = None

    def speak_to(self, output, threads):
        self.output = output
        self.hashing = Hashing(self.digester, output, threads)
        return self


class LazyOwnership:
    """Read at the first file that changed; often there is none."""

    def __init__(self, machine, tools):
        self._machine = machine
        self._tools = tools
        self._value = None

    @property
    def value(self):
        if self._value is None:
            self.read()
        return self._value

    def read(self):
        try:
            self._value = read_ownership(self._machine, changed_at, find_first_boot())
        except NotChecked as failure:
            self._tools.output.say(not_checked("file:package", str(failure)))
            self._value = Ownership(self._machine)


def main(encoded, load_collectors):
    """`load_collectors` gives a map of names to modules, whenever it is called."""
    request = json.loads(base64.b64decode(encoded).decode("ascii"))
    settle_down()
    output = Output(1, request["nonce"])
    mounts = read_mounts(encode_path(request["root"] or "/"))
    if request["root"]:
        load_collectors()  # later a dead root would answer for what they import
    shift = enter_root(request["root"])
    offline = bool(request["root"])
    machine = Machine(bytes.fromhex(request["secret"]), offline, shift)
    output.begin({"offline": offline})
    collecting = Collecting(load_collectors, machine)
    collecting.start()
    count = walk_all(request, Tools(machine, request, mounts), output)
    collecting.finish(output)
    output.end({"entries": count})


def walk_all(request, tools, output):
    """The count of paths; for each processor two processes, since each waits for the disk a lot."""
    digests = base64.b64decode(request["known"])
    known = frozenset(digests[place : place + 8] for place in range(0, len(digests), 8))
    seed = seed_of(request, tools.mounts)
    processors = len(os.sched_getaffinity(0))
    tools.speak_to(output, 0 if processors == 1 else processors)
    if not known:
        tools.ownership.read()  # once, for all members
    if processors == 1:
        return Walk(tools, known, seed).walk()

    def employ(desk):
        signal.alarm(_MOST_SECONDS)
        return Walk(tools.speak_to(desk, 1), known, seed).walk_subtree

    return Walk(tools, known, seed).walk(Crew(min(2 * processors, MOST_MEMBERS), employ))


def settle_down():
    """Yield to the machine's own work, also on its disk; end when nobody listens any more."""
    os.nice(10)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.alarm(_MOST_SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        most = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.setrecursionlimit(2000)


def enter_root(root):
    """(shift of user numbers, of group numbers): a container's root seen from outside has one."""
    if root:
        os.chroot(encode_path(root))
    os.chdir("/")
    found = os.lstat("/")
    return (found.st_uid, found.st_gid) if root else (0, 0)


def changed_at(path):
    try:
        return os.lstat(encode_path(path)).st_mtime_ns
    except OSError:
        return None


def seed_of(request, mounts):
    """Whatever an entry depends on besides its inode: the same seed, the same meaning."""
    stamps = [request["edition"], request["secret"], request["full"], request["skip"]]
    stamps.append(sorted((path.hex(), source) for path, source in mounts.items()))
    for path in _STAMPS:
        try:
            found = os.lstat(path)
            stamps.append([found.st_mtime_ns, found.st_ino, found.st_size])
        except OSError:
            stamps.append(None)
    return hashlib.blake2b(json.dumps(stamps).encode("ascii"), digest_size=32).digest()
