"""How Ansible is started: its command line and its environment, from plain values."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from releve.adapters.ansible.accelerator import Acceleration
from releve.adapters.ansible.inventory import Query
from releve.adapters.ansible.programs import program_beside_python
from releve.adapters.ansible.redirect import RealPrograms
from releve.adapters.ansible.settings import TeamSettings
from releve.errors import PlanError
from releve.ports.converger import ConvergeRequest

_NOT_PASSED = {"JOB_ID", "ANSIBLE_STDOUT_CALLBACK"}  # ansible-runner's own


def playbook_command(
    request: ConvergeRequest, *, inventory: tuple[str, ...], flags: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Run in the repository; names that begin with a dash stay names."""
    command = [program_beside_python("ansible-playbook"), *flags]
    command += [f"--inventory={source}" for source in inventory]
    command.append(f"--limit={request.host}")
    if request.tags:
        command.append(f"--tags={','.join(request.tags)}")
    if request.skip_tags:
        command.append(f"--skip-tags={','.join(request.skip_tags)}")
    return (*command, "--", request.playbook)


def inventory_sources(request: ConvergeRequest, settings: TeamSettings) -> tuple[str, ...]:
    """Named here even where ansible.cfg would do: ours must come after them."""
    return request.inventory or settings.inventory


def playbook_directory(request: ConvergeRequest) -> str:
    """Where host_vars next to the playbook would be."""
    return str(PurePosixPath(request.repository, request.playbook).parent)


def inventory_query(
    request: ConvergeRequest, settings: TeamSettings, *, environment: Mapping[str, str]
) -> Query:
    return Query(
        inventory_sources(request, settings),
        request.repository,
        playbook_directory(request),
        environment,
    )


def ansible_environment(environment: Mapping[str, str], settings: TeamSettings) -> dict[str, str]:
    """The controller's environment; settings of the team that a tool would override, restated."""
    mine = {key: value for key, value in environment.items() if key not in _NOT_PASSED}
    if mine.get("LC_ALL") in {"C", "POSIX"} or not (mine.get("LC_ALL") or mine.get("LANG")):
        mine["LC_ALL"] = "C.UTF-8"  # Ansible refuses any other encoding
    if settings.config_file:
        mine["ANSIBLE_CONFIG"] = settings.config_file
    mine["ANSIBLE_HOST_KEY_CHECKING"] = str(settings.host_key_checking)
    mine["ANSIBLE_CALLBACK_PLUGINS"] = settings.callback_plugins
    mine["ANSIBLE_NOCOWS"] = "1"
    mine["PYTHONDONTWRITEBYTECODE"] = "1"  # no __pycache__ beside the team's own plug-ins
    return mine


def converge_environment(
    environment: Mapping[str, str], *, acceleration: Acceleration, path_directory: Path
) -> dict[str, str]:
    path = environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {**environment, **acceleration.environment, "PATH": f"{path_directory}:{path}"}


def find_real_programs(environment: Mapping[str, str], settings: TeamSettings) -> RealPrograms:
    """PlanError without ssh; sftp and scp are only needed where the team uses them."""
    path = environment.get("PATH")
    ssh = shutil.which(settings.ssh_executable or "ssh", path=path)
    if ssh is None:
        raise PlanError(
            "no ssh program is found",
            why="Ansible reaches hosts with it",
            remedy="install the package openssh-client",
        )
    return RealPrograms(
        ssh, shutil.which("sftp", path=path) or "sftp", shutil.which("scp", path=path) or "scp"
    )
