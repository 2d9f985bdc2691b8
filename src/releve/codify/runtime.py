"""What is only in memory, or in no package: replayed where a module can, said otherwise."""

import re
from typing import Final

from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_line,
    require_path,
)
from releve.codify.sections import section
from releve.model.finding import Deviation
from releve.model.observed import FactKind

_REVISION: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REMOTE: Final = re.compile(r"(?:https|ssh|git)://[^\s]+|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s]+")


def write_checkout(deviation: Deviation, work: Work) -> Outcome:
    ours = deviation.ours
    if ours is None:
        return leave_out(deviation, "the checkout is gone from the host")
    remote, revision = (ours.attributes.get(name, "") for name in ("remote", "revision"))
    if not _REMOTE.fullmatch(remote) or not _REVISION.fullmatch(revision):
        return leave_out(
            deviation,
            "nothing says where the checkout can be fetched again",
            remedy="push it to a repository, and check it out with ansible.builtin.git",
        )
    if ours.attributes.get("dirty"):
        return leave_out(
            deviation,
            "files in it were changed and not committed, so its revision is not what runs",
            remedy="commit and push the changes, scan and codify again",
        )
    fields = {"path": require_path(deviation.key), "remote": remote, "revision": revision}
    work.catch_up.add(section("checkouts"), fields)
    return Written("the catch-up role checks out the same revision")


def write_pip(deviation: Deviation, work: Work) -> Outcome:
    _, _, name = deviation.key.rpartition(" ")
    ours = deviation.ours
    if ours is None or not _DISTRIBUTION.fullmatch(name):
        return leave_out(deviation, "there is no distribution of this name to install")
    if ours.evidence.get("source") or "/venv" in deviation.key:
        return leave_out(
            deviation, "it was installed from files, or into an environment of its own"
        )
    fields = {"name": name, "version": require_line(ours.attributes.get("version", ""))}
    work.catch_up.add(section("pip"), fields)
    return Written("the catch-up role installs the same version with pip")


def say_runtime(deviation: Deviation, work: Work) -> Outcome:
    """Nothing to write: it follows from something else, or nothing on disk makes it."""
    leading = work.finding.deviations[0]
    if leading is not deviation:
        return Derived("it follows from the finding's cause")
    reason, remedy = _SAID.get(deviation.kind, ("no module writes it", ""))
    return leave_out(deviation, reason, remedy=remedy)


_SAID: Final = {
    FactKind.FIREWALL: (
        "the rule is only in the kernel, and no file was changed to make it",
        "add it to the firewall's file by hand",
    ),
    FactKind.LISTENER: ("a program listens there; no playbook sets that by itself", ""),
    FactKind.PROCESS: ("it was started by hand", "make a unit of it"),
    FactKind.ADDRESS: ("the address is only in the kernel", "add it to the network's file"),
    FactKind.ROUTE: ("the route is only in the kernel", "add it to the network's file"),
    FactKind.MOUNT: ("it is mounted now; fstab and the plan's volumes say what is at start", ""),
    FactKind.SWAP: ("it is in use now; fstab says what is at start", ""),
    FactKind.CONTAINER: (
        "containers are replayed from their compose file, which is a file like others",
        "keep the compose file in the repository",
    ),
    FactKind.NPM: ("no module of ansible.builtin installs it", "install it in a role of yours"),
    FactKind.GEM: ("no module of ansible.builtin installs it", "install it in a role of yours"),
    FactKind.DATABASE_VARIABLE: (
        "it was set at run time only",
        "write it into a file under /etc/mysql, and codify that file",
    ),
    FactKind.AT_JOB: ("it runs once", "make a timer of it where it should run again"),
    FactKind.HOST_KEY: ("host keys are identity", "ssh.host_key_files in the plan carries them"),
    FactKind.REPOSITORY: ("nothing says which file holds it", ""),
    FactKind.NOT_CHECKED: ("nobody could read it", "scan with the rights to read it"),
    FactKind.EXCLUSION: ("it was deliberately not read", ""),
}

KINDS = {
    FactKind.CHECKOUT: write_checkout,
    FactKind.PIP: write_pip,
}
