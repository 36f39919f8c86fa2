"""
The sign-in service, ARM and others behind a proxy on loopback that signs for all of them, as a company's may.

The real client and the real azure-identity reach them by their real names: HTTPS_PROXY leads here, and SSL_CERT_FILE
names the authority that is trusted. Nothing goes beyond this machine.
"""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Reply: TypeAlias = "tuple[int, Any, Mapping[str, str]]"
Service: TypeAlias = "Callable[[Asked], Reply]"

PEM: Final = serialization.Encoding.PEM
HOSTS: Final = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "management.azure.com",
    "management.usgovcloudapi.net",
    "management.chinacloudapi.cn",
    "arm.example",
    "oidc.example",
    "login.example",
    "acme.blob.core.example",
)
TENANT: Final = "11111111-2222-3333-4444-555555555555"
CORRELATION: Final = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@dataclass(frozen=True)
class Asked:
    """
    One request as it came.

    Attributes:
        target: Path and query as sent.
    """

    host: str
    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    target: str = ""
    content: str = ""


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(PEM, form, serialization.NoEncryption()))


def _signed(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str, names: tuple[str, ...], *, is_authority: bool
) -> bytes:
    """Return a certificate that signs itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=2))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def make_trust(folder: Path) -> ssl.SSLContext:
    """Return what the proxy shows; ``trusted.pem`` in *folder* is what a client must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "trusted.pem").write_bytes(_signed(key, "proxy", HOSTS, is_authority=True))
    _write_key(folder / "key.pem", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "trusted.pem", folder / "key.pem")
    context.set_alpn_protocols(["http/1.1"])
    return context


def make_client_certificate(path: Path) -> None:
    """Write key and certificate of a service principal into one file."""
    key = rsa.generate_private_key(65537, 2048)
    _write_key(path, key)
    path.write_bytes(path.read_bytes() + _signed(key, "service principal", (), is_authority=False))


class Internet:
    """
    Everything that is reached, by host.

    Attributes:
        services: What answers for a host; without one it does not exist.
        asked: Every request, in order.
        hanging: Hosts that take requests and do not answer.
        reached: Set when one of them was asked.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        """Listen, and show *context* for every host."""
        self.services: dict[str, Service] = {}
        self.asked: list[Asked] = []
        self.hanging: set[str] = set()
        self.released = threading.Event()
        self.reached = threading.Event()
        internet = self

        class Handler(_Handler):
            world, trust = internet, context

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Return where it is reached, as a proxy or by itself (its host is then 127.0.0.1)."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        """End."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def to(self, host: str) -> list[Asked]:
        """Return what a host was asked."""
        return [asked for asked in self.asked if asked.host == host]

    def answer(self, asked: Asked) -> Reply:
        """Answer, in time."""
        self.asked.append(asked)
        if asked.host in self.hanging:
            self.reached.set()
            self.released.wait()
        return self.services[asked.host](asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: Internet
    trust: ssl.SSLContext
    host = "127.0.0.1"

    def do_CONNECT(self) -> None:
        self.host = self.path.partition(":")[0]
        if self.host not in self.world.services:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        try:
            self.connection = self.trust.wrap_socket(self.connection, server_side=True)
        except OSError:  # nothing that the client trusts
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 (the library's names)

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        query, form = dict(parse_qsl(parts.query)), dict(parse_qsl(body))
        asked = Asked(self.host, self.command, parts.path, query, form, headers, self.path, body)
        status, answer, more = self.world.answer(asked)
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client is gone
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Entra:
    """
    The sign-in service of a cloud.

    Attributes:
        refuses: The error code and the words of its refusals; None while it gives tokens.
        tokens: Requests for a token.
        lifetime_s: Of its tokens.
    """

    refuses: tuple[str, str] | None = None
    status: int = 200
    lifetime_s: int = 3600
    tokens: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        """Answer as MSAL, which looks for its endpoints and for other names of the host, wants it."""
        base = f"https://{asked.host}/{asked.path.split('/')[1]}"
        if asked.path.endswith("/.well-known/openid-configuration"):
            endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            found = {name: f"{base}/oauth2/v2.0/{path}" for name, path in endpoints.items()}
            return 200, {**found, "issuer": f"{base}/v2.0"}, {}
        if asked.path.endswith("/discovery/instance"):
            found = {"tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration"}
            return 200, {**found, "metadata": []}, {}
        self.tokens.append(asked)
        if self.refuses is not None:
            code, words = self.refuses
            text = f"{words} Trace ID: 1 Correlation ID: {CORRELATION} Timestamp: 2026-11-21 20:25:00Z"
            return 401, {"error": code, "error_description": text, "correlation_id": CORRELATION}, {}
        if self.status != 200:
            return self.status, {}, {}
        return 200, given(asked.path.split("/")[1], len(self.tokens), self.lifetime_s), {}

    @property
    def last(self) -> Asked:
        """Return the only request for a token."""
        (asked,) = self.tokens
        return asked


def given(tenant: str, number: int, lifetime_s: int = 3600) -> Mapping[str, Any]:
    """Return a token, as the sign-in service does."""
    return {"token_type": "Bearer", "expires_in": lifetime_s, "access_token": f"CANARY-{number}-of-{tenant}"}


@dataclass
class Arm:
    """
    An ARM in which there is nothing.

    Attributes:
        refuses: Gives the answer to a request that it refuses; None for one that it does not.
    """

    refuses: Callable[[Asked], Reply | None] = lambda _: None

    def __call__(self, asked: Asked) -> Reply:
        """Answer."""
        if (refused := self.refuses(asked)) is not None:
            return refused
        if asked.path.lower().endswith(("/galleries", "/applications", "/versions", "/applicationdefinitions")):
            return 200, {"value": []}, {}
        return 404, {"error": {"code": "ResourceNotFound", "message": "not there"}}, {}
