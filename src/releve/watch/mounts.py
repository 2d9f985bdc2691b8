"""Whether one mount shows that its host has crashed; pure."""

import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from releve.model.reading import Intent, KernelLine, MountReading, WriteOutcome
from releve.model.server_text import show_server_text
from releve.model.verdict import Cause, HostState, Testimony, Witness
from releve.watch.memory import MountMemory
from releve.watch.signs import Sign, count, testify

MUTE: Final = frozenset({WriteOutcome.REFUSED, WriteOutcome.UNTRIED, WriteOutcome.RUNNING})
STOPPED: Final = frozenset({WriteOutcome.READ_ONLY, WriteOutcome.IO_ERROR, WriteOutcome.HUNG})

_BLOCK_LAYER: Final = re.compile(  # of the device below, not of the file system on it
    r"(?<!metadata )I/O error, dev |Buffer I/O error on dev|critical \w+(?: \w+)? error"
    r"|I/O to (?:offline|dead) device|[Dd]evice offlined?|timing out command|Medium Error"
    r"|lost (?:async )?page write|attempt to access beyond end of device",
)
_NUMBERS: Final = {WriteOutcome.READ_ONLY: errno.EROFS, WriteOutcome.IO_ERROR: errno.EIO}


@dataclass(frozen=True)
class MountLook:
    """One mount, with all that bears on it."""

    mount: MountReading
    past: MountMemory = field(default_factory=MountMemory)
    kernel: Sequence[KernelLine] = ()  # lately, of its device
    kernel_log_readable: bool = True
    outside: str = ""  # what fails outside; empty: nothing does, or nobody has looked

    @property
    def name(self) -> str:
        where = "root /" if self.mount.path == "/" else show_server_text(self.mount.path)
        return f"{where} on {show_server_text(self.mount.device)}" if self.mount.device else where

    @property
    def has_risen(self) -> bool:
        calm = self.past.calm_errors
        return self.mount.errors > (calm if calm is not None else 0)

    @property
    def is_meant_to_be_written(self) -> bool:
        return self.mount.intent is Intent.WRITABLE or self.past.was_written


def is_about(line: KernelLine, device: str) -> bool:
    """Its device, or the disk that the device is a partition of: vda for vda1."""
    if not device or not line.device:
        return False
    rest = device.removeprefix(line.device)
    return rest == "" or (rest != device and re.fullmatch(r"p?[0-9]+", rest) is not None)


def judge_mount(look: MountLook, *, read_only: frozenset[str]) -> Sign | None:
    """A sign of a crash, or None where it is well, meant so, or nothing can be told."""
    mount = look.mount
    if mount.intent is Intent.READ_ONLY or mount.path in read_only:
        return None
    if not _is_stopped(look):
        return None
    witnesses = (*_word_of_write(look), *_words_of_kernel(look), *_word_from_outside(look))
    return Sign(
        state=HostState.CRASHED,
        cause=name_cause(look),
        before=f"{look.name} cannot be written",
        after=_say_why(look),
        subject=mount.path,
        testimonies=witnesses,
    )


def _is_stopped(look: MountLook) -> bool:
    mount = look.mount
    if mount.write in {WriteOutcome.IO_ERROR, WriteOutcome.HUNG}:
        return True
    if mount.write is WriteOutcome.READ_ONLY:
        return not _is_read_only_by_design(look)
    if mount.write in MUTE:  # then only the kernel can tell
        return mount.emergency or (mount.read_only_filesystem and mount.intent is Intent.WRITABLE)
    return False


def _is_read_only_by_design(look: MountLook) -> bool:
    """A read-only view, or one that nothing says was ever to be written."""
    mount = look.mount
    if look.is_meant_to_be_written:
        return False
    is_view = mount.read_only_view and not mount.read_only_filesystem
    return is_view or not (mount.emergency or mount.errors > 0)


def name_cause(look: MountLook) -> Cause:
    if look.mount.write is WriteOutcome.HUNG:
        return Cause.DISK_HUNG
    if any(_BLOCK_LAYER.search(line.text) for line in look.kernel):
        return Cause.DISK_FAILING
    if look.has_risen or look.mount.emergency or look.kernel:
        return Cause.FILESYSTEM_ERROR
    return Cause.DISK_FAILING if look.mount.write is WriteOutcome.IO_ERROR else Cause.REMOUNTED


def _word_of_write(look: MountLook) -> Iterator[Testimony]:
    mount = look.mount
    if mount.write is WriteOutcome.HUNG:
        text = f"a write to {look.name} has not ended in {mount.write_seconds:.0f} s"
        yield testify(Witness.WRITE, text)
    elif mount.write in STOPPED:
        yield testify(Witness.WRITE, f"a write to {look.name} ends with {_name_error(mount)}")


def _words_of_kernel(look: MountLook) -> Iterator[Testimony]:
    for words in _list_kernel_words(look):
        yield testify(Witness.KERNEL, f"the kernel {words}")


def _list_kernel_words(look: MountLook) -> Iterator[str]:
    mount = look.mount
    if look.has_risen:
        last = f" at {show_server_text(mount.last_error)}" if mount.last_error else ""
        yield f"counts {count(mount.errors, f'{_name_filesystem(mount)} error')}{last}"
    if mount.emergency:
        yield "has stopped all writes to it after an error"
    if look.kernel and not look.has_risen:
        yield f"logs: {show_server_text(look.kernel[-1].text, limit=300)}"
    if mount.read_only_filesystem and look.is_meant_to_be_written:
        yield f"has it mounted read-only, {_say_intent(look)}"
    elif mount.read_only_view and mount.intent is Intent.WRITABLE:
        yield "has this mount read-only, though fstab says rw"


def _word_from_outside(look: MountLook) -> Iterator[Testimony]:
    if look.outside:
        yield testify(Witness.OUTSIDE, look.outside)


def _say_why(look: MountLook) -> str:
    """In brackets how the write ended, then the kernel's best word."""
    mount = look.mount
    if mount.write is WriteOutcome.HUNG:
        ended = f"(a write has not ended in {mount.write_seconds:.0f} s)"
    else:
        ended = f"({_name_error(mount)})"
    words = next(_list_kernel_words(look), "")
    if words:
        return f"{ended} and the kernel {words}"
    if look.outside:
        return f"{ended} and {look.outside}"
    return ended if look.kernel_log_readable else f"{ended}; its kernel log cannot be read"


def _name_error(mount: MountReading) -> str:
    if mount.write in MUTE:
        return "read-only by the kernel's word"
    number = mount.error_number or _NUMBERS.get(mount.write, 0)
    return errno.errorcode.get(number, f"error {number}")


def _name_filesystem(mount: MountReading) -> str:
    return show_server_text(mount.filesystem, limit=20) or "file system"


def _say_intent(look: MountLook) -> str:
    if look.mount.intent is Intent.WRITABLE:
        return "though fstab says rw"
    return "though it was written before"
