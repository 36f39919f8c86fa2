"""
A server on loopback that says exactly what a test tells it to, byte by byte, and remembers who came.

A talk is what it does with one connection. The last talk of a server is for all further connections.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

Talk: TypeAlias = Callable[[socket.socket], None]

_PATIENCE_S: Final = 10.0  # a connection that neither side ends outlasts its test by no more


@dataclass
class Raw:
    """
    A server of talks.

    Attributes:
        talks: One for each connection, in their order.
        tls: Speaks TLS if given.
        scheme: Of its URL.
        host: Of its URL.
        connections: How many there were, also such as broke off before a byte.
        heard: What each connection sent first.
    """

    talks: Sequence[Talk]
    tls: ssl.SSLContext | None = None
    scheme: str = "http"
    host: str = "127.0.0.1"
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from now on."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_PATIENCE_S)
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(_PATIENCE_S)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else self.scheme}://{self.host}:{self.port}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                talk = self.talks[min(self.connections, len(self.talks) - 1)]
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection, talk), daemon=True).start()

    def _talk(self, connection: socket.socket, talk: Talk) -> None:
        connection.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError), connection:  # the client has gone
            self._open.append(connection)
            if self.tls is None:
                talk(_Heard(connection, self.heard))  # type: ignore[arg-type]
                return
            with self.tls.wrap_socket(connection, server_side=True) as secure:
                self._open.append(secure)
                talk(_Heard(secure, self.heard))  # type: ignore[arg-type]


class _Heard:
    """A connection whose first words are kept."""

    def __init__(self, connection: socket.socket, heard: list[bytes]) -> None:
        self._connection = connection
        self._heard: list[bytes] | None = heard

    def recv(self, size: int) -> bytes:
        words = self._connection.recv(size)
        if self._heard is not None:
            self._heard.append(words)
            self._heard = None
        return words

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def asked(connection: socket.socket) -> bytes:
    """Read the head of a request."""
    head = b""
    while b"\r\n\r\n" not in head:
        words = connection.recv(65536)
        if not words:
            raise ConnectionResetError
        head += words
    return head


def says(*words: bytes) -> Talk:
    """Return the talk that answers a request with these bytes, and closes."""

    def talk(connection: socket.socket) -> None:
        asked(connection)
        for word in words:
            connection.sendall(word)

    return talk


def http(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    """Return a whole answer; underscores in header names stand for hyphens."""
    named = {"content_type": "application/json", "content_length": len(body), "connection": "close", **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def resets(*words: bytes) -> Talk:
    """Return the talk that says these bytes and then breaks off without a word."""

    def talk(connection: socket.socket) -> None:
        says(*words)(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return talk


def silent(connection: socket.socket) -> None:
    """Read a request, and send nothing until the client has gone."""
    asked(connection)
    connection.recv(1)


def drips(word: bytes, pause_s: float) -> Talk:
    """Return the talk that says one byte at a time."""

    def talk(connection: socket.socket) -> None:
        asked(connection)
        waiting = threading.Event()
        for byte in word:
            connection.sendall(bytes([byte]))
            waiting.wait(pause_s)

    return talk


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Authority:
    """An authority for certificates, of this test alone."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def file(self) -> Path:
        """What SSL_CERT_FILE is to name."""
        path = self.folder / "authority.pem"
        if not path.exists():
            path.write_bytes(self._signed("test authority", self.key, days=1, authority=True))
        return path

    def server(self, *, host: str = "", days: float = 1, alpn: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
        """
        Return what a server needs to speak TLS.

        Args:
            host: A name that its certificate is for; without one it is for 127.0.0.1.
            days: How long it is valid; of a negative number, how long it has not been.
            alpn: The protocols that it speaks.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self.folder / "server.pem"
        file.write_bytes(secret + self._signed(host, key, days=days))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        context.set_alpn_protocols(list(alpn))
        return context

    def _signed(self, host: str, key: ec.EllipticCurvePrivateKey, *, days: float, authority: bool = False) -> bytes:
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        subject = issuer if authority else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        now = datetime.now(UTC)
        start = now - timedelta(days=2)
        named: x509.GeneralName = x509.DNSName(host) if host else x509.IPAddress(IPv4Address("127.0.0.1"))
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(now + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        # Python 3.13 verifies strictly: keys have identifiers, and an authority may sign certificates.
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(signer, critical=False)
        if authority:
            builder = builder.add_extension(_SIGNS, critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([named]), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
