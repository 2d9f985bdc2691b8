"""Bounded walks through the places where people put software."""

import re

from releve.scan.collector.system import NotChecked

# what has more below it than anybody installs by hand
_SKIPPED = re.compile(
    r"\A(?:\.git|\.cache|\.npm|__pycache__|node_modules|site-packages|dist-packages|dpkg|apt"
    r"|docker|containerd|containers|lxc|lxd|incus|snapd|mysql|postgresql|systemd)\Z"
)
_MOST_DIRECTORIES = 5000  # below one root


def walk(system, root, depth):
    """(path, names of its directories), shallow ones first; NotChecked at its end if cut."""
    waiting = [(root, 0)]
    for count in range(_MOST_DIRECTORIES):
        if count >= len(waiting):
            return
        path, level = waiting[count]
        try:
            names = system.directories(path)
        except NotChecked:
            continue
        yield path, names
        if level < depth:
            below = [(path + "/" + name, level + 1) for name in names if not _SKIPPED.match(name)]
            waiting += below[: 2 * _MOST_DIRECTORIES]
    raise NotChecked("only the first %d directories below it were seen" % _MOST_DIRECTORIES)


def homes(system):
    """Home directories that can hold software, root's too."""
    content = (system.read("/etc/passwd") or b"").decode("utf-8", "surrogateescape")
    found = {"/root"}
    for line in content.split("\n")[:5000]:
        fields = line.split(":")
        if len(fields) == 7 and fields[5].startswith(("/home/", "/opt/", "/srv/", "/var/lib/")):
            found.add(fields[5].rstrip("/"))
    return sorted(found)
