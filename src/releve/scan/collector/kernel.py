"""Kernel parameters as they are now, and loaded modules."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("sysctl", "module")
LIVE = True

# counters, random numbers, triggers, and what the network gives: they change by themselves
_VOLATILE = re.compile(
    r"\A(?:kernel\.ns_last_pid|kernel\.random\..*|kernel\.pty\.nr|kernel\.hostname"
    r"|kernel\.domainname|kernel\.sched_domain\..*|kernel\.cap_last_cap|kernel\.tainted"
    r"|kernel\.(?:sem|msg|shm)_next_id|kernel\.usermodehelper\..*"
    r"|kernel\.(?:timer|sched)_.*_next.*|kernel\.bootloader_.*|kernel\.firmware_config\..*"
    r"|fs\.(?:dentry-state|inode-state|inode-nr|file-nr|aio-nr|quota\..*)"
    r"|fs\.binfmt_misc\..*|fs\.mount-max-used|vm\.(?:drop_caches|compact_memory|stat_refresh)"
    r"|net\..*\.flush|net\.ipv[46]\.tcp_fastopen_key|net\.ipv6\.conf\..*\.stable_secret"
    r"|net\.ipv6\.conf\..*\.mtu|net\.netfilter\.nf_conntrack_count|net\.ipv4\.tcp_available_.*|dev\.cdrom\.info"
    r"|debug\.exception-trace\.count)\Z"
)
# of interfaces that come and go with containers and virtual machines
_PASSING = re.compile(r"\Anet\.ipv[46]\.(?:conf|neigh)\.(?:veth|cali|tap|vnet|docker|br-)")
_SECRET = re.compile(r"key|secret")
_LONGEST = 4096
_ROOT = "/proc/sys"


def collect(system):
    for read in (_parameters, _modules):
        try:
            for fact in read(system):
                yield fact
        except NotChecked as failure:
            kind = "sysctl" if read is _parameters else "module"
            yield "not_checked", kind, {"why": str(failure)}, {}


def _parameters(system):
    # only find tells cheaply which of them can be written, hence set by a person
    argv = ["find", _ROOT, "-type", "f", "-perm", "/0200", "-print0"]
    _, out = system.run(argv)
    paths = out.decode("utf-8", "surrogateescape").split("\0")
    if paths == [""]:
        raise NotChecked("the kernel parameters cannot be listed")
    for path in sorted(set(paths)):
        name = _name_of(path)
        if not name or _VOLATILE.match(name) or _PASSING.match(name):
            continue
        try:
            content = system.read(path, 65536)
        except NotChecked:
            continue  # can be written, not read, or its interface has just gone
        value = " ".join((content or b"").decode("utf-8", "surrogateescape").split())
        if content is None or len(value) > _LONGEST:
            continue
        if _SECRET.search(name.rsplit(".", 1)[-1]) and len(value) > 15:
            value = system.keyed_digest(value.encode("utf-8", "surrogateescape"))
        yield "sysctl", name, {"value": value}, {}


def _name_of(path):
    """As sysctl writes it: a dot in an interface's name becomes a slash."""
    if not path.startswith(_ROOT + "/") or re.search("[\x00-\x1f\x7f]", path):
        return ""
    parts = path[len(_ROOT) + 1 :].split("/")
    return ".".join(part.replace(".", "/") for part in parts)


def _modules(system):
    content = system.read("/proc/modules")
    if content is None:
        raise NotChecked("there is no /proc/modules")
    seen = set()
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        name = line.split(" ", 1)[0]
        if re.match(r"\A[A-Za-z0-9_-]{1,64}\Z", name) and name not in seen:
            seen.add(name)
            yield "module", name, {}, {}
