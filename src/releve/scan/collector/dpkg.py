"""What dpkg knows of the files it put there: whose they are, and whether they still are its own."""

from releve.scan.collector.machine import decode, encode_path
from releve.scan.collector.system import NotChecked

INFO = "/var/lib/dpkg/info/"
_MOST_BYTES = 128 << 20
_WINDOW = 600 * 10**9  # one unpacking takes less; files it did not touch are older
_NEVER = (1, 0)  # from, to: no time lies between
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libo32")


class Package:
    """The files of one package, with their digests once somebody asks for one of them."""

    __slots__ = ("_digests", "_image", "_read_digests", "listed_at", "name", "stem")

    def __init__(self, stem, listed_at, *, read_digests, image):
        """`image`: (earliest, latest) ctime of what the machine's image holds, or None."""
        self._read_digests = read_digests
        self._digests = None
        self._image = image if image and listed_at and listed_at < image[1] else _NEVER
        self.stem = stem
        self.name = stem.split(":")[0]
        self.listed_at = listed_at

    def trusts(self, changed_at, mode):
        """The list is written after the files: what changed later was changed by somebody else.

        What changed long before was not touched by this unpacking: kept, diverted or left out.
        """
        if self.listed_at - _WINDOW < changed_at <= self.listed_at:
            return True
        # the image's makers may have given capabilities to what can be executed
        return not mode & 0o111 and self.is_imaged(changed_at)

    def is_imaged(self, changed_at):
        """Whether it came with the image, like its package's list, and is as it was there."""
        earliest, latest = self._image
        return earliest <= changed_at <= latest

    def digest_of(self, path):
        if self._digests is None:
            self._digests = self._read_digests(self.stem)
        return self._digests.get(path)


class Ownership:
    def __init__(self, system):
        self._system = system
        self.packages: dict[bytes, Package] = {}  # path: Package
        self.conffiles: dict[bytes, str] = {}  # path: the md5 it was shipped with
        self._merged: tuple[tuple[bytes, bytes], ...] = ()
        self._diverted: dict[bytes, tuple[bytes, str]] = {}  # path: (where it went, by whom)

    def read_digests(self, stem):
        digests: dict[bytes, str] = {}
        try:
            content = self._system.read(INFO + stem + ".md5sums", _MOST_BYTES) or b""
        except NotChecked:
            return digests
        for line in content.split(b"\n"):
            digest, _, path = line.partition(b"  ")
            if len(digest) == 32 and path:
                digests[self.place(b"/" + path, stem)] = digest.decode("ascii", "replace")
        return digests

    def place(self, path, stem):
        """Where a path of a package lies on this machine."""
        for old, new in self._merged:
            if path.startswith(old):
                path = new + path[len(old) :]
                break
        there, by = self._diverted.get(path, (path, stem))
        return path if by == stem.split(":")[0] else there

    def add_list(self, package, content):
        for old, new in self._merged:
            content = content.replace(b"\n" + old, b"\n" + new)
        paths = content.split(b"\n")
        if not self._diverted.keys().isdisjoint(paths):
            paths = [self.place(path, package.stem) for path in paths]
        self.packages.update(dict.fromkeys(paths, package))

    def learn_merged(self):
        places = [(place, self._system.target(place)) for place in _MERGED]
        self._merged = tuple(
            (encode_path(place) + b"/", encode_path("/usr" + place) + b"/")
            for place, target in places
            if target in ("usr" + place, "/usr" + place)
        )

    def learn_diversions(self, content):
        lines = content.split(b"\n")
        for start in range(0, len(lines) - 2, 3):
            path, there, by = lines[start : start + 3]
            self._diverted[self.place(path, "")] = (self.place(there, ""), decode(by))


def read_ownership(system, changed_at, imaged=None):
    """`changed_at` tells when a path was last written, in nanoseconds; None where it is missing."""
    ownership = Ownership(system)
    ownership.learn_merged()
    ownership.learn_diversions(system.read("/var/lib/dpkg/diversions", _MOST_BYTES) or b"")
    names = [name for name in system.names(INFO) if name.endswith(".list")]
    system.announce([INFO + name for name in names])
    for name in names:
        listed_at, read_digests = changed_at(INFO + name), ownership.read_digests
        package = Package(name[:-5], listed_at, read_digests=read_digests, image=imaged)
        _add_files(ownership, system, package)
    for path, digest in _conffiles(system.read("/var/lib/dpkg/status", _MOST_BYTES) or b""):
        ownership.conffiles[ownership.place(path, "")] = digest
    return ownership


def _add_files(ownership, system, package):
    try:
        content = system.read(INFO + package.stem + ".list", _MOST_BYTES)
    except NotChecked:
        return
    if content and package.listed_at:
        ownership.add_list(package, b"\n" + content)


def _conffiles(status):
    for part in status.split(b"\nConffiles:\n")[1:]:
        for line in part.split(b"\n"):
            if not line.startswith(b" "):
                break
            words = line[1:].split(b" ")
            if len(words) > 1 and words[-1] in (b"obsolete", b"remove-on-upgrade"):
                words.pop()
            if len(words) > 1 and len(words[-1]) == 32:
                yield b" ".join(words[:-1]), words[-1].decode("ascii", "replace")
