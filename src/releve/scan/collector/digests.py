"""What stands for the content of a file: never the content itself."""

import hashlib
import hmac
import os
import re
import stat

from releve.scan.collector.machine import open_quietly

SAMPLED_OVER = 64 << 20
_SAMPLES = 17
_SAMPLE = 64 << 10
_PIECE = 1 << 20
_GUESSABLE = 4096  # below this a secret could be found by trying
_SECRET_NAME = re.compile(
    rb"(?i)(\.key$|\.pem$|\.p12$|\.pfx$|\.jks$|\.env$|\.env\.|^env$|shadow|secret|passw|passphrase"
    rb"|credential|token|htpasswd|^id_(rsa|dsa|ecdsa|ed25519)|netrc|pgpass|\.my\.cnf$|vault|apikey)"
)
_SECRET_WORDS = (b"passw", b"secret", b"token", b"api_key", b"apikey")
_SECRET_INSIDE = re.compile(rb"(passw|secret|token|api_?key)[\w.-]{0,40}['\"]?\s{0,9}[=:]")


class Changed(Exception):
    """The path is not what it was a moment ago."""


def new_md5():
    """The choice of dpkg; it proves that nothing happened by accident, ctime does the rest."""
    try:
        return hashlib.md5()  # noqa: S324 - dpkg's digests are md5
    except ValueError:  # a machine in FIPS mode
        return hashlib.md5(usedforsecurity=False)


class Task:
    """A file to be read; `shipped` is the md5 of its package's own content, or None."""

    __slots__ = ("descriptor", "digest", "failure", "found", "is_ready", "name", "shipped")

    def __init__(self, descriptor, name, found):
        self.descriptor = descriptor
        self.name = name
        self.found = found
        self.shipped = None
        self.is_ready = False
        self.digest = ""
        self.failure = None


class Digester:
    def __init__(self, secret):
        self._secret = secret

    def digest(self, task):
        descriptor, found = task.descriptor, task.found
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode) or opened.st_ino != found.st_ino:
            raise Changed
        if found.st_size <= _PIECE:
            return self._digest_small(task)
        if task.shipped and _hash(descriptor, new_md5()) == task.shipped:
            return "="
        if found.st_size > SAMPLED_OVER:
            return _sample(descriptor, found.st_size)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return "sha256:" + _hash(descriptor, hashlib.sha256())

    def _digest_small(self, task):
        content = os.read(task.descriptor, task.found.st_size + 1)
        if task.shipped:
            digest = new_md5()
            digest.update(content)
            if digest.hexdigest() == task.shipped:
                return "="
        if len(content) < _GUESSABLE and _looks_secret(task.name, task.found.st_mode, content):
            return "hmac:" + hmac.new(self._secret, content, hashlib.sha256).hexdigest()
        return "sha256:" + hashlib.sha256(content).hexdigest()


def open_regular(name):
    """For a path that was a regular file a moment ago; a link or FIFO by now is not followed."""
    return open_quietly(name)


def _looks_secret(name, mode, content):
    return bool(not mode & 0o044 or _SECRET_NAME.search(name) or _holds_secret(content.lower()))


def _holds_secret(content):
    """The words first: the pattern alone takes longer than the digest."""
    if b"private key-----" in content:
        return True
    return any(word in content for word in _SECRET_WORDS) and _SECRET_INSIDE.search(content)


def _hash(descriptor, digest):
    while True:
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return digest.hexdigest()
        digest.update(piece)


def _sample(descriptor, size):
    digest = hashlib.sha256(b"%d" % size)
    for number in range(_SAMPLES):
        os.lseek(descriptor, (size - _SAMPLE) * number // (_SAMPLES - 1), os.SEEK_SET)
        digest.update(os.read(descriptor, _SAMPLE))
    return "sampled:%s:%d" % (digest.hexdigest(), size)
