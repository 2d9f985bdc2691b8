"""Who owns what, by the names that the scanned root itself gives to its numbers."""

from releve.scan.collector.machine import decode, unshift
from releve.scan.collector.system import NotChecked


class Names:
    """`users` and `groups` give a name to every number: the number where it has no other."""

    def __init__(self, users, groups, shift=(0, 0)):
        self.users = Table(users, shift[0])
        self.groups = Table(groups, shift[1])

    def user(self, number):
        return self.users[number]

    def group(self, number):
        return self.groups[number]


class Table(dict):  # type: ignore[type-arg] # Python 3.6 knows none
    """Numbers of a shifted root are put back first."""

    def __init__(self, names, shift):
        super().__init__()
        self._names = names
        self._shift = shift

    def __missing__(self, number):
        own = unshift(number, self._shift)
        name = self[number] = self._names.get(own) or str(own)
        return name


def read_names(system, shift=(0, 0)):
    return Names(_table(system, "/etc/passwd"), _table(system, "/etc/group"), shift)


def _table(system, path):
    try:
        content = system.read(path, 16 << 20) or b""
    except NotChecked:
        return {}
    names: dict[int, str] = {}
    for line in content.split(b"\n"):
        fields = line.split(b":")
        if len(fields) > 2 and fields[2].isdigit():
            names.setdefault(int(fields[2]), decode(fields[0]))
    return names
