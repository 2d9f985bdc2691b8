"""Sends the bodies of a few chosen files, each below a cap and all below another."""

import base64
import json
import os
import stat

from releve.scan.collector.machine import encode_path, explain, open_quietly
from releve.scan.collector.main import enter_root, settle_down
from releve.scan.collector.output import Output


def main(encoded, _):
    request = json.loads(base64.b64decode(encoded).decode("ascii"))
    settle_down()
    enter_root(request["root"])
    output = Output(1, request["nonce"])
    output.begin({})
    left = request["most"]
    for path in request["paths"]:
        content, why = read_body(encode_path(path), min(left, request["each"]))
        left -= len(content)
        body = base64.b64encode(content).decode("ascii")
        output.say(["c", path, body, why])
    output.end({})


def read_body(path, most):
    """(content, why not): no part of the way may be a link, so that the path is what it says."""
    try:
        descriptor = open_quietly(b"/", os.O_DIRECTORY)
        for part in path.strip(b"/").split(b"/")[:-1]:
            descriptor = _step(descriptor, part, os.O_DIRECTORY)
        descriptor = _step(descriptor, path.rpartition(b"/")[2], 0)
    except OSError as failure:
        return b"", explain("", failure)[2:]
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b"", "no regular file"
        content = b""
        piece = os.read(descriptor, most + 1)
        while piece and len(content) <= most:
            content += piece
            piece = os.read(descriptor, most + 1)
    except OSError as failure:
        return b"", explain("", failure)[2:]
    finally:
        os.close(descriptor)
    return (content, "") if len(content) <= most else (b"", "too large")


def _step(directory, name, flags):
    reading = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | flags
    try:
        return os.open(name, reading, dir_fd=directory)
    finally:
        os.close(directory)
