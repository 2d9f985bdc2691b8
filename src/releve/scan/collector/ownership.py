"""Who owns what, by the names that the scanned root itself gives to its numbers."""

from releve.scan.collector.machine import decode, unshift
from releve.scan.collector.system import NotChecked


class Names:
    """Numbers without a name stay numbers; those of a shifted root are put back first."""

    def __init__(self, users, groups, shift=(0, 0)):
        self._tables = (users, groups)
        self._shift = shift
        self._known: tuple[dict[int, str], dict[int, str]] = ({}, {})

    def user(self, number):
        return self._name(0, number)

    def group(self, number):
        return self._name(1, number)

    def _name(self, which, number):
        name = self._known[which].get(number)
        if name is None:
            own = unshift(number, self._shift[which])
            name = self._tables[which].get(own) or str(own)
            self._known[which][number] = name
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
