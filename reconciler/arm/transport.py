"""
The one HTTP seam: sends one request to the ARM endpoint and to nowhere else, and reads one bounded answer.

Adds the token, and only here. Knows nothing of retries, pages or resources.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import httpx

from reconciler import __version__
from reconciler.arm.answers import Answer, foreign
from reconciler.errors import ErrorInfo, TransientError, UnusableAnswerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from reconciler.arm.auth import TokenSource
    from reconciler.clock import Clock

_LOG: Final = logging.getLogger("reconciler.arm")
_MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_CONNECTIONS: Final = 20
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(slots=True)
class Transport:
    """
    Sends single requests to one ARM endpoint.

    Attributes:
        endpoint: Scheme, host and port, without a path.
        requests: How many requests of each method were sent.
    """

    endpoint: str
    tokens: TokenSource
    clock: Clock
    http: httpx.AsyncClient
    requests: Counter[str] = field(default_factory=Counter)

    @classmethod
    def open(
        cls, endpoint: str, tokens: TokenSource, clock: Clock, app: Callable[..., Awaitable[Any]] | None = None
    ) -> Self:
        """
        Give a transport to *endpoint*.

        Args:
            endpoint: Scheme, host and port.
            tokens: Where bearer tokens come from.
            clock: For the log.
            app: An ASGI application that answers instead of the network.
        """
        _tame_loggers()
        options: dict[str, Any] = {"transport": httpx.ASGITransport(app)} if app else {"http2": True}
        http = httpx.AsyncClient(
            follow_redirects=False,
            timeout=httpx.Timeout(120.0, connect=20.0),  # a definition's PUT takes 10-20 s within one request
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            headers={"accept": "application/json", "user-agent": f"reconciler/{__version__}"},
            trust_env=not endpoint.startswith("http://"),  # a proxy would carry a loopback's token off in clear
            **options,
        )
        return cls(endpoint.rstrip("/"), tokens, clock, http)

    async def close(self) -> None:
        """Close every connection."""
        await self.http.aclose()

    def url(self, path_or_link: str) -> str:
        """
        Give the absolute URL of a path, or of a link that ARM gave.

        Raises:
            ForeignOriginError: The link leads to another origin.
        """
        if path_or_link.startswith("/") and not path_or_link.startswith("//"):
            return self.endpoint + path_or_link
        if _origin(path_or_link) != _origin(self.endpoint):
            raise foreign(path_or_link)
        return path_or_link

    async def send(
        self, method: str, path_or_link: str, content: bytes | None = None, *, refresh: bool = False
    ) -> Answer:
        """
        Send one request and read its answer to the end.

        Args:
            method: HTTP's.
            path_or_link: A path with its query, or an absolute link to the same origin.
            content: A JSON body.
            refresh: Whether a new token must be had first.

        Raises:
            AuthError: No token could be had.
            ForeignOriginError: The link leads to another origin; nothing was sent.
            TransientError: No complete answer was had.
        """
        url = self.url(path_or_link)
        headers = await self._headers(content, refresh=refresh)
        self.requests[method] += 1
        started = self.clock.monotonic()
        try:
            async with self.http.stream(method, url, content=content, headers=headers) as response:
                answer = Answer(response.status_code, _lower(response.headers), await _read(response))
        except httpx.InvalidURL:
            raise foreign(url) from None
        except httpx.HTTPError as error:
            raise _unreachable(error, write=method != "GET") from None  # the cause may quote a URL or a header
        elapsed = self.clock.monotonic() - started
        path = url.partition("?")[0]
        _LOG.debug("%s %s %d %s %.3fs", method, path, answer.status, answer.request_id or "-", elapsed)
        return answer

    async def _headers(self, content: bytes | None, *, refresh: bool) -> dict[str, str]:
        headers = {"content-type": "application/json"} if content is not None else {}
        token = await self.tokens.token(refresh=refresh)
        if token is not None:
            headers["authorization"] = f"Bearer {token.reveal()}"
        return headers


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Give what must be the same for a token to be sent; None for a URL that no token may ever follow."""
    if "\\" in url or any(character <= " " for character in url):
        return None
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None or not parts.hostname:
            return None
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def _lower(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _read(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            info = ErrorInfo(
                "UnusableAnswer", f"the answer is larger than {_MAX_ANSWER_BYTES} bytes", response.status_code
            )
            raise UnusableAnswerError(info)
        chunks.append(chunk)
    return b"".join(chunks)


_CAUSES: Final = (
    (httpx.ConnectTimeout, "no connection within the time limit"),
    (httpx.ConnectError, "no connection could be made"),
    (httpx.TimeoutException, "no answer within the time limit"),
    (httpx.RemoteProtocolError, "the answer was cut short"),
    (httpx.DecodingError, "the answer could not be decompressed"),
    (httpx.ProxyError, "the proxy refused"),
)


_ROOTS: Final = (
    (
        ssl.SSLError,
        "the TLS handshake failed",
        "if a proxy of yours signs for Azure, name its CA file in SSL_CERT_FILE",
    ),
    (socket.gaierror, "the host name cannot be resolved", "check --endpoint, --cloud and the name server"),
    (ConnectionRefusedError, "the connection was refused", "check --endpoint, and that something listens there"),
)


def _unreachable(error: httpx.HTTPError, *, write: bool) -> TransientError:
    cause = next((text for kind, text in _CAUSES if isinstance(error, kind)), "the connection broke")
    fix = "check the network, then run again"
    if isinstance(error, httpx.ConnectError):
        chain = tuple(_chain(error))
        roots = ((text, out) for kind, text, out in _ROOTS if any(isinstance(link, kind) for link in chain))
        cause, fix = next(roots, (cause, fix))
    before = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    detail = f" ({type(error.__cause__ or error).__name__})"
    info = ErrorInfo("Unreachable", f"Azure Resource Manager: {cause}{detail}", fix=fix)
    return TransientError(info, may_have_landed=write and not before)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an exception and all that led to it, those of a group included."""
    while error is not None:
        yield error
        for inner in getattr(error, "exceptions", ()):
            yield from _chain(inner)
        error = error.__cause__ or error.__context__


def _tame_loggers() -> None:
    """Keep the libraries from logging whole URLs: polling links carry signatures, package links carry SAS."""
    for name in ("httpx", "httpcore", "hpack", "azure", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
