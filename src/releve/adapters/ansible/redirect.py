"""Where a host is now, told to ssh alone: the team's inventory and its variables stay untouched.

Three programs named ssh, sftp and scp are written for one run and named in a second inventory
source, for the target only. They put Relève's options first on the command line, where OpenSSH
lets the first value win: over the team's own options and over ~/.ssh/config. So a delegated
host keeps its own address even where both carry the same ansible_host.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from releve.ports.access import Door

_LETTERS = "1246AaB:b:CcD:E:e:F:fGgI:i:J:KkL:l:Mm:NnO:o:P:p:Q:qR:S:sTtVvW:w:XxYy"
_PROGRAMS = ("ssh", "sftp", "scp")
PROGRAM_VARIABLES = tuple(f"ansible_{name}_executable" for name in _PROGRAMS)


@dataclass(frozen=True)
class RealPrograms:
    """The programs of this machine, or of the team's configuration."""

    ssh: str
    sftp: str
    scp: str


@dataclass(frozen=True)
class Redirect:
    inventory: Path  # second inventory source
    programs: Mapping[str, str]  # the variables it sets on the target
    path_directory: Path  # to be put first in PATH, for modules that call ssh themselves


def write_redirect(
    directory: Path, door: Door, *, host: str, real: RealPrograms, sockets: Path
) -> Redirect:
    """Everything that leads this run's ssh for the host to the door, and nowhere else."""
    alias = _alias(door, host)
    known_hosts = directory / "known_hosts"
    known_hosts.write_text("".join(f"{key.line_for(alias)}\n" for key in door.host_keys))
    target = directory / "target"
    target.mkdir(mode=0o700)
    options = ssh_options(door, alias=alias, known_hosts=known_hosts, sockets=sockets)
    _write_program(target / "ssh", render_ssh(options, door=door, real=real.ssh))
    for name, program in (("sftp", real.sftp), ("scp", real.scp)):
        _write_program(target / name, render_copier(program, ssh=target / "ssh"))
    programs = {
        variable: str(target / name)
        for variable, name in zip(PROGRAM_VARIABLES, _PROGRAMS, strict=True)
    }
    inventory = directory / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {host: programs}}}))
    return Redirect(inventory, programs, directory / "path")


def write_path_program(
    redirect: Redirect, *, names: tuple[str, ...], port: int, real: RealPrograms
) -> None:
    """An ssh for PATH: rsync and git on the controller find the target by its old name and port."""
    redirect.path_directory.mkdir(mode=0o700)
    target = redirect.programs["ansible_ssh_executable"]
    _write_program(
        redirect.path_directory / "ssh",
        render_switch(names, port=port, target=target, real=real.ssh),
    )


def ssh_options(door: Door, *, alias: str, known_hosts: Path, sockets: Path) -> tuple[str, ...]:
    """Options that win over every other; the host key is proven or there is no connection."""
    options = (
        f"HostName={door.address}",
        f"Port={door.port}",
        f"HostKeyAlias={alias}",
        f'UserKnownHostsFile="{_percent(known_hosts)}"',
        "GlobalKnownHostsFile=/dev/null",
        "KnownHostsCommand=none",
        "StrictHostKeyChecking=yes",
        "VerifyHostKeyDNS=no",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        "BatchMode=yes",
        "ForwardX11=no",
        "Tunnel=no",
        "PermitLocalCommand=no",
        "ClearAllForwardings=yes",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        f'ControlPath="{_percent(sockets / "%C")}"',
    )
    identities = tuple(
        f'IdentityFile="{_percent(Path(name).expanduser())}"' for name in door.identity_files
    )
    return (*options, *identities, *(("IdentitiesOnly=yes",) if identities else ()))


def render_ssh(options: tuple[str, ...], *, door: Door, real: str) -> str:
    """The team's user and its agent forwarding hold where it names them on the command line."""
    flags = " ".join(f"-o {shlex.quote(option)}" for option in options)
    return f"""#!/bin/sh
# Written by Relève for one run: leads ssh for one host to its new instance.
user= agent= control=
while getopts :{_LETTERS} letter; do
  case $letter in
    l) user=given ;;
    A|a) agent=given ;;
    o) case $OPTARG in
         [Uu]ser[=\\ ]*) user=given ;;
         [Ff]orward[Aa]gent[=\\ ]*) agent=given ;;
         [Cc]ontrol[Mm]aster[=\\ ]*) control=given ;;
       esac ;;
    M) control=given ;;
  esac
done
eval "destination=\\${{$OPTIND}}"
case $destination in *@*) user=given ;; esac
[ -n "$user" ] || set -- -o {shlex.quote(f"User={door.user}")} "$@"
[ -n "$agent" ] || set -- -o ForwardAgent=no "$@"
[ -n "$control" ] || set -- -o ControlMaster=auto -o ControlPersist=60s "$@"
exec {shlex.quote(real)} {flags} "$@"
"""


def render_copier(real: str, *, ssh: Path) -> str:
    return f"""#!/bin/sh
exec {shlex.quote(real)} -S {shlex.quote(str(ssh))} "$@"
"""


def render_switch(names: tuple[str, ...], *, port: int, target: str, real: str) -> str:
    """The target by name and port, anything else to the real ssh unchanged."""
    patterns = "|".join(shlex.quote(name) for name in names)
    return f"""#!/bin/sh
# Written by Relève for one run: ssh to the host's old name goes to its new instance.
port=22
while getopts :{_LETTERS} letter; do
  case $letter in
    p) port=$OPTARG ;;
    o) case $OPTARG in [Pp]ort[=\\ ]*) port=${{OPTARG#?????}} ;; esac ;;
  esac
done
eval "destination=\\${{$OPTIND}}"
case ${{destination#*@}}:$port in
  {patterns.replace("|", f":{port}|")}:{port}) exec {shlex.quote(target)} "$@" ;;
esac
exec {shlex.quote(real)} "$@"
"""


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o700)


def _alias(door: Door, host: str) -> str:
    return "releve-" + re.sub(r"[^A-Za-z0-9._-]", "-", door.known_as or host)


def _percent(path: Path) -> str:
    """OpenSSH expands %-tokens in these values; %C, its hash of the connection, is meant."""
    return str(path).replace("%", "%%").replace("%%C", "%C")
