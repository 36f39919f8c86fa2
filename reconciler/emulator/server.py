"""Serves the embedded ARM over HTTP or HTTPS, on loopback only."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import orjson
import uvicorn
from starlette.datastructures import Headers
from starlette.responses import Response

from reconciler.emulator.errors import foreign_host, foreign_origin
from reconciler.errors import EmulatorError
from reconciler.http.origin import folded_host, is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send

    from reconciler.emulator.errors import Refused

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_GRACE_S: Final = 5


class _Server(uvicorn.Server):
    """A server that reports when it listens, and does not raise the signal that stopped it again."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, without raising them again once stopped: that is the caller's choice."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self.stopped_by = number


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    *,
    ready: Callable[[int], None] | None = None,
) -> int | None:
    """
    Serve *app* until SIGINT or SIGTERM, and give the number of that signal.

    Args:
        app: An ASGI application.
        host: A loopback address, or ``localhost``.
        port: 0 lets the system choose.
        tls_cert: PEM file of the certificate; plain HTTP without it.
        tls_key: PEM file of its key, unless it is in the same file.
        ready: Called with the port once requests are answered.

    Raises:
        EmulatorError: The address is not loopback, or cannot be listened on; the certificate cannot be used.
    """
    with _listening(host, port) as listener:
        bound = listener.getsockname()[1]
        server = _server(app, tls_cert, tls_key, lambda: ready(bound) if ready else None)
        asyncio.run(server.serve(sockets=[listener]))
        return server.stopped_by


@contextmanager
def serve_in_thread(app: ASGIApp, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve *app* from another thread as long as the context lasts, and give its base URL."""
    listening = threading.Event()
    with _listening(host, 0) as listener:
        server = _server(app, None, None, listening.set)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        listening.wait()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    address = _loopback(host)
    family = socket.AF_INET6 if isinstance(address, ipaddress.IPv6Address) else socket.AF_INET
    try:
        listener = socket.create_server((str(address), port), family=family)
    except OSError as error:
        message = f"the emulator cannot listen on {host}:{port}: {error}; choose another --port"
        raise EmulatorError(message) from error
    with listener:
        yield listener


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if not is_loopback_host(host):
        message = f"the emulator listens on loopback only, not on {host}: it has no authentication"
        raise EmulatorError(message)
    folded = folded_host(host) or ""
    return ipaddress.ip_address("127.0.0.1" if folded == "localhost" else folded)


class _OnlyFromHere:
    """
    Answers for loopback names, and to no web page.

    A browser lets a page talk to loopback under a name of the page's choice, whose address changes meanwhile.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refused := _refusal(Headers(scope=scope))):
            response = Response(orjson.dumps(refused.body()), refused.status, media_type="application/json")
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(headers: Headers) -> Refused | None:
    if "origin" in headers:
        return foreign_origin()
    host = _PORT.sub("", headers.get("host", ""))
    return None if is_loopback_host(host) else foreign_host()


def _server(app: ASGIApp, tls_cert: Path | None, tls_key: Path | None, ready: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        _OnlyFromHere(app),
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_graceful_shutdown=_GRACE_S,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        message = f"the emulator cannot use the certificate {tls_cert}: {error}"
        raise EmulatorError(message) from error
    return _Server(config, ready)
