#!/usr/bin/env python3
"""What cloud-init of a stand-in guest does at its first boot: its host keys on the console.

Started by the control plane's hypervisor as `spawn UUID DIRECTORY`.
"""

import base64
import hashlib
import sys
from pathlib import Path


def make_host_key(instance_id: str) -> str:
    secret = hashlib.sha256(instance_id.encode()).digest()
    wire = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + secret
    return base64.b64encode(wire).decode()


def main() -> None:
    instance_id, directory = sys.argv[1:]
    key = make_host_key(instance_id)
    with (Path(directory) / "console.log").open("a") as console:
        console.write(
            "ci-info: no authorized SSH keys fingerprints found for user root.\n"
            "-----BEGIN SSH HOST KEY KEYS-----\n"
            f"ssh-ed25519 {key} root@guest\n"
            "-----END SSH HOST KEY KEYS-----\n"
            "guest login: \n"
        )


if __name__ == "__main__":
    main()
