"""Which certificates a check accepts."""

import ssl
import threading


class SystemTrust:
    """The system's store, read once for all the checks of one call, from whichever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def load(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context()
            return self._context


def accept_any() -> ssl.SSLContext:
    """For checks with verify_tls: false; the certificate is read, not verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
