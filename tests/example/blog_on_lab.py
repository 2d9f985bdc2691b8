"""The example's blog on an instance of a lab."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.example.repository import copy_repository, read_yaml, run_program
from tests.fixtures.lab import RunningLab


@dataclass
class Blog:
    lab: RunningLab
    repository: Path
    instance: str
    private_address: str
    first_converge: str = ""
    seeded: Any = None

    @property
    def address(self) -> str:
        return self.lab.host.address

    def converge(self) -> str:
        """As the team does, but for pipelining, which spares this suite a minute."""
        return run_program(
            "ansible-playbook",
            "site.yml",
            "--extra-vars",
            f"ansible_host={self.private_address}",
            repository=self.repository,
            environment={
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_PRIVATE_KEY_FILE": self.lab.report.ssh_key,
                "ANSIBLE_SSH_COMMON_ARGS": f"-o UserKnownHostsFile={self.known_hosts}",
            },
        )

    def execute(self, *command: str) -> str:
        ended = self.lab.client.execute(self.instance, command)
        assert ended.exit_code == 0, ended.complaint
        return ended.output

    def read_secret(self, name: str) -> str:
        variables = run_program("ansible-inventory", "--host", "blog", repository=self.repository)
        return str(read_yaml(variables)[name])

    def run_checks(self) -> str:
        """What the team's own testinfra file says, with Relève out of the way."""
        settings = self.repository.parent / f"ssh-{self.instance}"
        lines = {
            "HostName": self.private_address,
            "User": "root",
            "IdentityFile": self.lab.report.ssh_key,
            "UserKnownHostsFile": self.known_hosts,
        }
        settings.write_text("Host blog\n" + "".join(f"  {k} {v}\n" for k, v in lines.items()))
        return run_program(
            *("pytest", "-q", "-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider"),
            *("--hosts", "ssh://blog", "--ssh-config", str(settings), "checks/test_blog.py"),
            repository=self.repository,
        )

    @property
    def known_hosts(self) -> Path:
        """The instance's host key, read past the network."""
        path = self.repository.parent / f"known-{self.instance}"
        if not path.exists():
            key = self.lab.client.pull_file(self.instance, "/etc/ssh/ssh_host_ed25519_key.pub")
            path.write_text(f"{self.private_address} {' '.join(key.split()[:2])}\n")
        return path


def open_blog(lab: RunningLab, target: Path) -> Blog:
    repository = copy_repository(target, address=lab.host.address)
    blog = Blog(lab, repository, lab.host.instance, lab.host.private_address)
    blog.first_converge = blog.converge()
    url = f"https://{blog.address}"
    blog.seeded = read_yaml(
        run_program("python", "tools/seed.py", url, "--insecure", repository=repository)
    )
    return blog
