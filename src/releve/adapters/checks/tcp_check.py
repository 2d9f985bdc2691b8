"""A TCP check: the port takes a connection."""

import socket

from releve.errors import CheckFailed
from releve.plan.types import TcpCheck


def check_tcp(check: TcpCheck, *, address: str) -> str:
    seconds = check.timeout.total_seconds()
    try:
        with socket.create_connection((address, check.tcp), timeout=seconds):
            return f"port {check.tcp} takes connections, as expected"
    except TimeoutError as error:
        raise CheckFailed(
            f"expected port {check.tcp} to take a connection within {seconds:g} s, "
            "but nothing answered",
            remedy="see whether a firewall drops the connection",
        ) from error
    except OSError as error:
        raise CheckFailed(
            f"expected port {check.tcp} to take a connection, but it did not",
            why=error.strerror or str(error),
            remedy="see whether the service runs and listens on this port",
        ) from error
