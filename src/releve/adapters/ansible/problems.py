"""What would keep a playbook from running, found without touching any host."""

from collections.abc import Mapping

from releve.ports.converger import ConvergeRequest


def find_problems(request: ConvergeRequest, environment: Mapping[str, str]) -> tuple[str, ...]:
    del request, environment
    return ()
