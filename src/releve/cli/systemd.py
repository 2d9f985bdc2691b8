"""What systemd is told by a unit of Type=notify; nothing where no systemd listens."""

import os
import socket
from contextlib import suppress


class Systemd:
    def __init__(self) -> None:
        """Takes the variables out of the environment: no child speaks for this process."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        deadline = os.environ.pop("WATCHDOG_USEC", "")
        of = os.environ.pop("WATCHDOG_PID", "")
        is_ours = deadline.isdigit() and of in {"", str(os.getpid())}
        self.ping_seconds = int(deadline) / 2e6 if is_ours else 0.0  # 0: no ping is wanted

    def tell(self, message: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.settimeout(0.0)
            door.sendto(message.encode(), self._address)
