"""The machine as collectors see it: bounded reads, commands with a deadline, never a write."""

import re

_WORD = (
    r"(?:passw(?:or)?d|passphrase|\bpass|_pass|pwd|secret|token|api_?key|access_?key|credential)"
)
_LONGEST_TEXT = 65536
# each: what stays, what is hidden, what stays; every repetition is bounded, the text is not
_SECRETS = (
    re.compile(r"(://[^\s/:@'\"]{0,256}:)([^\s/@'\"]{1,1024})(@)"),
    re.compile(r"(?i)(" + _WORD + r"[\w.-]{0,64}\s{0,8}[=:]\s{0,8}[\"']?)([^\s\"'&;,]+)()"),
    re.compile(r"(?i)(\s--?[\w-]{0,64}" + _WORD + r"[\w-]{0,64}\s{1,8}[\"']?)([^\s\"'&;,]+)()"),
    re.compile(r"(?i)(\bauthorization:\s{0,8}\w{1,64}\s{1,8})([^\s\"']+)()"),
    re.compile(r"(\s(?:-u|--user)[\s=]{0,8}[\"']?[^\s:\"'/]{1,256}:)([^\s\"']+)()"),
    re.compile(r"(\b(?:mysql|mariadb)\w{0,32}\b[^|;&]{0,256}?\s-p)([^\s\"']+)()"),
)


class NotChecked(Exception):
    """What could not be read, for a NOT_CHECKED fact; never an abort of the scan."""


class System:
    """Offline the process has been put inside the dead root by chroot: paths are always plain."""

    offline = False

    def read(self, path, limit=4 << 20):
        """Bytes of a regular file, None where there is none; NotChecked where it fails.

        Links are followed, inside the root. A file over the limit is NotChecked.
        """
        raise NotImplementedError

    def announce(self, paths):
        """These files will be read soon: a disk that is slow to answer can be asked for all."""

    def names(self, directory):
        """Sorted names in a directory; none where it is missing."""
        raise NotImplementedError

    def directories(self, directory):
        """Sorted names of the directories in a directory: no links, nothing mounted there."""
        raise NotImplementedError

    def owner(self, path):
        """Number of the user who owns a path (a link: the link); None where it is missing."""
        raise NotImplementedError

    def target(self, path):
        """Where a symbolic link leads, as written; None for anything else."""
        raise NotImplementedError

    def run(self, argv, seconds=10, stdin=b""):
        """(exit code, stdout) of a command under LC_ALL=C; NotChecked offline and on a time-out.

        (127, b"") where there is no such program. Output over 16 MiB is NotChecked.
        """
        raise NotImplementedError

    def digest(self, content):
        """`sha256:HEX`."""
        raise NotImplementedError

    def keyed_digest(self, content):
        """`hmac:HEX` under the host's key, for whatever could be guessed."""
        raise NotImplementedError

    def mask(self, text):
        """The same text with what looks like a password or token replaced by its keyed digest."""
        if len(text) > _LONGEST_TEXT:
            return self.keyed_digest(text.encode("utf-8", "surrogateescape"))
        for pattern in _SECRETS:
            text = pattern.sub(self._hide, text)
        return text

    def _hide(self, found):
        before, secret, after = found.groups()
        if secret.startswith(("hmac:", "$", "/", "-")):  # a variable, a path or an option
            return found.group(0)
        digest = self.keyed_digest(secret.encode("utf-8", "surrogateescape"))
        return before + digest + after
