"""Extended attributes in words: access lists by names, capabilities as they are inside."""

import errno
import hashlib
import os
import struct

_ACCESS = "system.posix_acl_access"
_DEFAULT = "system.posix_acl_default"
_CAPABILITY = "security.capability"
_TAGS = {1: "user", 2: "user", 4: "group", 8: "group", 16: "mask", 32: "other"}
_NO_NAME = (1, 4, 16, 32)
_UNSUPPORTED = (errno.ENOTSUP, errno.ENODATA)
_MOST_HEX = 512


def read_extended(path, names):
    """{} for nearly every file; the keys are attributes of a file's fact."""
    try:
        listed = os.listxattr(path, follow_symlinks=False)
    except OSError as failure:
        if failure.errno in _UNSUPPORTED:
            return {}
        raise
    return _describe(path, listed, names) if listed else {}


def decode_access_list(value, names, prefix=""):
    """`user::rw-,user:alice:r--,…` sorted; the raw bytes where the version is unknown."""
    if len(value) < 4 or struct.unpack_from("<I", value)[0] != 2 or (len(value) - 4) % 8:
        return prefix + value.hex()
    entries = []
    for tag, permission, number in struct.iter_unpack("<HHI", value[4:]):
        word = _TAGS.get(tag, str(tag))
        name = ""
        if tag not in _NO_NAME:
            name = names.user(number) if word == "user" else names.group(number)
        bits = "".join(letter if permission & bit else "-" for letter, bit in _LETTERS)
        entries.append("%s%s:%s:%s" % (prefix, word, name, bits))
    return ",".join(sorted(entries))


def decode_capability(value):
    """Version 3 names the root of a user namespace; without it the two say the same."""
    if len(value) not in (20, 24):
        return value.hex()
    words = struct.unpack_from("<5I", value)
    if words[0] >> 24 not in (2, 3):
        return value.hex()
    permitted = words[1] | words[3] << 32
    inheritable = words[2] | words[4] << 32
    flag = "e" if words[0] & 1 else ""
    text = "%s+%sp" % (_numbers(permitted), flag)
    return text + (" %s+i" % _numbers(inheritable) if inheritable else "")


_LETTERS = (("r", 4), ("w", 2), ("x", 1))
# by number, as in linux/capability.h
_CAPABILITIES = tuple(
    """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio
    sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time
    sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
    wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
    """.split()  # noqa: SIM905 - forty lines otherwise
)


def _numbers(bits):
    names = []
    for number in range(64):
        if bits >> number & 1:
            known = number < len(_CAPABILITIES)
            names.append("cap_" + (_CAPABILITIES[number] if known else str(number)))
    return ",".join(names)


def _describe(path, listed, names):
    words = {}
    access = []
    others = []
    for name in sorted(listed):
        value = os.getxattr(path, name, follow_symlinks=False)
        if name == _ACCESS:
            access.append(decode_access_list(value, names))
        elif name == _DEFAULT:
            access.append(decode_access_list(value, names, "default:"))
        elif name == _CAPABILITY:
            words["capabilities"] = decode_capability(value)
        else:
            others.append("%s=%s" % (name, _hex(value)))
    if access:
        words["acl"] = ",".join(access)
    if others:
        words["xattrs"] = ",".join(others)
    return words


def _hex(value):
    if len(value) > _MOST_HEX:
        return "sha256:" + hashlib.sha256(value).hexdigest()
    return value.hex()
