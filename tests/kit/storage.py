"""Blob storage as tests see it: in process behind a transport, or on a socket of loopback; and who gives it tokens."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import httpx

from reconciler.azure.blobs import storage_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.clock import Clock
    from reconciler.http.tokens import TokenSource
    from reconciler.http.transport import Transport

OID: Final = "00000000-0000-4000-8000-00000000000a"
TID: Final = "00000000-0000-4000-8000-00000000000b"
GOOD: Final = {"x-ms-blob-type": "BlockBlob", "content-length": "7", "x-ms-request-id": "r-1"}
KEY: Final = (
    '\ufeff<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>'
    f"<SignedOid>{OID}</SignedOid><SignedTid>{TID}</SignedTid><SignedStart>{{}}</SignedStart>"
    "<SignedExpiry>{}</SignedExpiry><SignedService>b</SignedService><SignedVersion>2021-12-02</SignedVersion>"
    "<Value>Q0FOQVJZIGtleQ==</Value></UserDelegationKey>"
)
"""What "Get User Delegation Key" answers."""


@dataclass
class Storage:
    """
    Gives keys, and answers to HEAD.

    Attributes:
        blobs: Status and headers by path; every other blob is there, and every other account has a key.
        anonymous: The same, for requests without a token; where a path is missing, *blobs* holds its answer.
        keys: Answers in place of a key, one after the other; None is a key.
        requests: What came.
        url: Of the account, where it is served on a socket.
    """

    blobs: dict[str, tuple[int, Mapping[str, str]] | Exception] = field(default_factory=dict)
    keys: list[httpx.Response | Exception | None] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    url: str = ""
    anonymous: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.requests.append(request)
        step = self._step(request)
        if isinstance(step, Exception):
            raise step
        return step

    def _step(self, request: httpx.Request) -> httpx.Response | Exception:
        if request.method == "POST" and request.url.path not in self.blobs:
            planned = self.keys.pop(0) if self.keys else None
            return planned if planned is not None else httpx.Response(200, text=_key(request.content.decode()))
        found = self.blobs.get(request.url.path, (200, GOOD))
        if "authorization" not in request.headers:
            found = self.anonymous.get(request.url.path, found)
        return found if isinstance(found, Exception) else httpx.Response(found[0], headers=dict(found[1]))

    def sent(self, method: str) -> list[str]:
        """Return the URLs, without their queries, that requests of a method went to."""
        return [str(request.url.copy_with(query=None)) for request in self.requests if request.method == method]

    @contextmanager
    def on_socket(self) -> Iterator[str]:
        """Serve on this machine, with the endpoint of a managed identity beside it; give the URL."""
        with served(lambda request: _token() if request.method == "GET" else self(request)) as url:
            yield url

    def connect(self, endpoint: str, tokens: TokenSource, clock: Clock) -> Transport:
        """Return a transport as a run opens it, its connections replaced by this."""
        opened = storage_transport(endpoint, tokens, clock, {})
        opened.http = httpx.AsyncClient(transport=httpx.MockTransport(self), follow_redirects=False)
        return opened


def _token() -> httpx.Response:
    """Return what a managed identity's endpoint does ("How to use managed identities for App Service")."""
    known = {"resource": "https://storage.azure.com", "token_type": "Bearer"}
    return httpx.Response(200, json={"access_token": "CANARY-token", "expires_on": "4102444800", **known})


def _key(asked: str) -> str:
    start, expiry = (asked.partition(f"<{name}>")[2].partition("<")[0] for name in ("Start", "Expiry"))
    return KEY.format(start, expiry)


@contextmanager
def served(answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[str]:
    """Let *answer* answer on a socket; give its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = httpx.Request(self.command, f"http://h{self.path}", headers=dict(self.headers), content=content)
            given = answer(request)
            self.send_response(given.status_code)
            if self.command != "HEAD":
                given.headers["content-length"] = str(len(given.content))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.content)

        do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
