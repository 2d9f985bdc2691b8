"""Listening sockets with who holds them, and processes that no unit would start again."""

import binascii
import ipaddress
import json
import re
import sys
import time

from releve.scan.collector.system import NotChecked

KINDS = ("listener", "process")
LIVE = True

_TABLES = (("tcp", "0A", ""), ("tcp", "0A", "6"), ("udp", "07", ""), ("udp", "07", "6"))
_DHCP_CLIENT_PORTS = (68, 546)
_ANOTHER_PORT_AT_EACH_START = ("rpc.statd", "rpc.mountd", "containerd")
_CONTAINERS = re.compile(r"/(?:lxc\.payload|docker[-/]|libpod-|crio-|cri-containerd-|kubepods)")
_KERNEL_THREAD = 0x00200000
_SHELLS = ("sh", "bash", "dash", "zsh", "fish", "ksh")
_TICKS = 100  # of the clock that stat counts in, the same on every Linux
_MOST_PROCESSES = 50000
_LONGEST_COMMAND = 2048


def collect(system):
    processes = _read_processes(system)
    if not processes:
        raise NotChecked("there is nothing in /proc")
    users = _user_names(system)
    for read in (_listeners, _loose_processes):
        try:
            for fact in read(system, processes, users):
                yield fact
        except NotChecked as failure:
            kind = "listener" if read is _listeners else "process"
            yield "not_checked", kind, {"why": str(failure)}, {}


def _read_processes(system):
    """By number: parent, name, cgroup, since when; without kernel threads and zombies."""
    found: dict[str, dict[str, str]] = {}
    for pid in system.names("/proc"):
        if not pid.isdigit():
            continue
        if len(found) > _MOST_PROCESSES:
            raise NotChecked("more than %d processes" % _MOST_PROCESSES)
        text = _text(system, "/proc/%s/stat" % pid)
        before, _, after = text.rpartition(")")
        fields = after.split()
        if len(fields) < 20 or fields[0] == "Z" or not fields[6].isdigit():
            continue
        if int(fields[6]) & _KERNEL_THREAD:
            continue
        found[pid] = {
            "parent": fields[1],
            "name": before.partition("(")[2],
            "cgroup": _cgroup(_text(system, "/proc/%s/cgroup" % pid)),
            "started": fields[19],
        }
    return found


def _cgroup(text):
    for line in text.split("\n"):
        if line.startswith("0::") or ":name=systemd:" in line:
            path = line.split(":", 2)[2]
            if path != "/":
                return path
    return "/"


def _unit_of(cgroup):
    """The service that started it; empty for logins, transient scopes and none at all."""
    if _CONTAINERS.search(cgroup):
        return "container"
    for part in reversed(cgroup.split("/")):
        if part == "init.scope":
            return part
        if part.endswith(".scope"):
            return ""
        if part.endswith(".service"):
            return part
    return ""


def _listeners(system, processes, users):
    sockets = _sockets(system)
    holders = _holders(system, processes, {entry[1] for entry in sockets})
    passing = _passing_ports(system)
    own = _changing_addresses(system)
    seen = set()
    for (protocol, address, port), inode, uid in sorted(sockets):
        holder = processes.get(holders.get(inode, ""), {})
        if _is_login(holder):
            continue
        program = _program(holder)
        is_client = protocol == "udp" and (
            port in _DHCP_CLIENT_PORTS or (inode != "0" and passing[0] <= port <= passing[1])
        )
        where = "changing" if program in _ANOTHER_PORT_AT_EACH_START else str(port)
        key = "%s %s %s" % (protocol, own.get(address, address), where)
        if is_client or key in seen:
            continue
        seen.add(key)
        attributes = {"unit": _unit_of(holder.get("cgroup", "")), "program": program}
        attributes = {name: value for name, value in attributes.items() if value}
        yield "listener", key, attributes, {"user": users.get(uid, uid)}


def _sockets(system):
    """((protocol, address, port), inode, user number) of those that wait for anybody."""
    found = set()
    for protocol, waiting, family in _TABLES:
        content = system.read("/proc/net/%s%s" % (protocol, family), 16 << 20)
        if content is None and not family:
            raise NotChecked("there is no /proc/net/" + protocol)
        for line in (content or b"").decode("ascii", "replace").split("\n")[1:]:
            fields = line.split()
            if len(fields) < 10 or fields[3] != waiting or not fields[2].endswith(":0000"):
                continue
            address, _, port = fields[1].partition(":")
            address = _address(address)
            if address and re.match(r"\A[0-9A-F]{4}\Z", port):
                found.add(((protocol, address, int(port, 16)), fields[9], fields[7]))
    return found


def _address(text):
    """The kernel writes words of four bytes in its own order."""
    try:
        content = binascii.unhexlify(text)
        if sys.byteorder == "little":
            words = [content[start : start + 4][::-1] for start in range(0, len(content), 4)]
            content = b"".join(words)
        address = ipaddress.ip_address(content)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _holders(system, processes, inodes):
    holders: dict[str, str] = {}
    for pid in sorted(processes, key=int):
        place = "/proc/%s/fd" % pid
        try:
            descriptors = system.names(place)
        except NotChecked:
            continue
        for descriptor in descriptors:
            target = _target(system, place + "/" + descriptor)
            inode = target[8:-1] if target.startswith("socket:[") else ""
            # systemd holds the sockets that it hands over to a service
            if inode in inodes and (inode not in holders or holders[inode] == "1"):
                holders[inode] = pid
    return holders


def _passing_ports(system):
    words = _text(system, "/proc/sys/net/ipv4/ip_local_port_range").split()
    if len(words) == 2 and all(word.isdigit() and len(word) < 6 for word in words):
        return int(words[0]), int(words[1])
    return 32768, 60999


def _changing_addresses(system):
    """Addresses that another machine would get another one for, by what stands in their place."""
    try:
        _, out = system.run(["ip", "-j", "addr"])
        links = json.loads(out.decode("utf-8", "replace") or "[]")
        return {
            str(entry["local"]): "{%s}" % link["ifname"]
            for link in links
            for entry in link["addr_info"]
            if entry.get("dynamic") or entry["scope"] == "link"
        }
    except (NotChecked, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _is_login(process):
    """An open login, not the server that waits for one."""
    name = process.get("name", "")
    if name in ("login", "sshd-session"):
        return True
    return name == "sshd" and not _unit_of(process["cgroup"])


def _loose_processes(system, processes, users):
    found: dict[str, dict[str, str]] = {}
    own = (system.target("/proc/self") or "").rsplit("/", 1)[-1]
    ours = set(_ancestors(processes, own))
    for pid in sorted(processes, key=int):
        chain = list(_ancestors(processes, pid))
        if _unit_of(processes[pid]["cgroup"]) or pid == "1" or pid in ours or own in chain:
            continue
        # whatever hangs on an open login ends with it
        if any(_is_login(processes[parent]) for parent in chain) or _from_outside(processes, chain):
            continue
        command = _command(system, pid)
        program = _program(processes[pid])
        if not program or (program in _SHELLS and len(command.split(" ")) == 1):
            continue
        user = _user_of(system, pid, users)
        fact = found.setdefault(
            "%s %s" % (user, program), {"started": _started(system, processes[pid])}
        )
        commands = set(fact.get("command", "").split(" | ")) | {command}
        fact["command"] = " | ".join(sorted(commands - {""}))[:_LONGEST_COMMAND]
    for key in sorted(found):
        attributes = {"command": found[key]["command"]} if found[key]["command"] else {}
        yield "process", key, attributes, {"started": found[key]["started"]}


def _ancestors(processes, pid):
    seen: set[str] = set()
    while pid in processes and pid not in seen:
        seen.add(pid)
        yield pid
        pid = processes[pid]["parent"]


def _from_outside(processes, chain):
    """Put in here by the machine around a container, as `lxc exec` does."""
    last = chain[-1]
    return last != "1" and processes[last]["parent"] == "0"


def _command(system, pid):
    text = _text(system, "/proc/%s/cmdline" % pid).rstrip("\0")
    words = re.sub("[\x00-\x1f\x7f]", " ", text[: 2 * _LONGEST_COMMAND])
    return system.mask(words)[:_LONGEST_COMMAND].strip()


def _program(process):
    """Its short name: the file behind it carries versions, python3.11 for python3."""
    words = re.split("[: ]", process.get("name", ""))
    return re.sub("[\x00-\x20\x7f]", "?", words[0])[:64]


def _user_of(system, pid, users):
    found = re.search(r"^Uid:\s+(\d+)", _text(system, "/proc/%s/status" % pid), re.MULTILINE)
    number = found.group(1) if found else "?"
    return users.get(number, number)


def _started(system, process):
    booted = re.search(r"^btime (\d{1,12})$", _text(system, "/proc/stat"), re.MULTILINE)
    if not booted or not process["started"].isdigit():
        return ""
    seconds = int(booted.group(1)) + int(process["started"][:15]) // _TICKS
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _user_names(system):
    names: dict[str, str] = {}
    for line in _text(system, "/etc/passwd").split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and re.match(r"\A[^\s\x00-\x1f\x7f]{1,64}\Z", fields[0]):
            names.setdefault(fields[2], fields[0])
    return names


def _text(system, path):
    """Nothing where the process has ended in the meantime."""
    try:
        content = system.read(path)
    except NotChecked:
        return ""
    return (content or b"").decode("utf-8", "surrogateescape")


def _target(system, path):
    try:
        return system.target(path) or ""
    except NotChecked:
        return ""
