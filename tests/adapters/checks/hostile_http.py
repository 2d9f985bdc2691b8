"""A TCP or TLS server that says what a test scripts, and counts who came."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[[socket.socket], None]


class ScriptedServer:
    def __init__(self, script: Script, *, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._script = script
        self._listener = socket.create_server((address, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._play, args=(client,), daemon=True).start()

    def _play(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(5)
            self._script(client)

    def close(self) -> None:
        # a close alone lets a waiting accept() take one more client
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def serving(script: Script, *, address: str = "127.0.0.1") -> Iterator[ScriptedServer]:
    server = ScriptedServer(script, address=address)
    try:
        yield server
    finally:
        server.close()


def read_request(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = client.recv(65536)
        if not chunk:
            break
        received += chunk
    return received


def answer(body: bytes = b"hello", *, status: str = "200 OK", headers: bytes = b"") -> Script:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + headers + b"\r\n"

    def script(client: socket.socket) -> None:
        read_request(client)
        client.sendall(head + body)

    return script


def say(*parts: bytes, every_seconds: float = 0.0) -> Script:
    """The parts, each after a pause; then nothing more, but the connection stays for a while."""

    def script(client: socket.socket) -> None:
        read_request(client)
        for part in parts:
            client.sendall(part)
            time.sleep(every_seconds)

    return script


def endlessly(head: bytes, part: bytes, *, every_seconds: float = 0.0) -> Script:
    def script(client: socket.socket) -> None:
        read_request(client)
        client.sendall(head)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            client.sendall(part)
            time.sleep(every_seconds)

    return script


def make_certificate(directory: Path, *, days: float, name: str = "blog.example") -> ssl.SSLContext:
    """A server's context with a self-signed certificate for `name`, also at directory/cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def over_tls(script: Script, context: ssl.SSLContext) -> Script:
    def encrypted(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as tls:
            script(tls)

    return encrypted
