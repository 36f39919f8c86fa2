"""
The one HTTP seam: sends one request to one endpoint, ARM's or another, and to nowhere else; reads one bounded answer.

Adds the token, and only here. Knows nothing of retries, pages or resources.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from reconciler import __version__
from reconciler.azure.answers import ARM, Answer, foreign
from reconciler.errors import ErrorCode, ErrorInfo, UnusableAnswerError, UsageError
from reconciler.http.failures import unreachable
from reconciler.http.origin import is_loopback, is_same_origin, origin_of
from reconciler.secret.text import HIDDEN, scrub_known
from reconciler.settings import process_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from reconciler.azure.answers import Service
    from reconciler.azure.auth import TokenSource
    from reconciler.clock import Clock
    from reconciler.secret.text import Secret

_LOG: Final = logging.getLogger("reconciler.azure")
_CONNECTIONS: Final = 20
_SIP_BYTES: Final = 4096  # gzip swells a thousandfold: what is unpacked at once stays at 4 MB


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    Upper bounds of one request, and of its answer.

    Attributes:
        connect_s: Until there is a connection.
        silence_s: Without a byte; a definition's PUT takes 10-20 s within one request.
        whole_s: From the first byte sent to the last one read, however steadily they drip.
        answer_bytes: Of a body, unpacked; while it is parsed it takes up to twelve times as much.
        list_items: Of all pages of a list together.
        list_bytes: Of them, unpacked.
        list_values: In them; each takes a hundred bytes or so, once it is parsed.
    """

    connect_s: float = 20.0
    silence_s: float = 120.0
    whole_s: float = 300.0
    answer_bytes: int = 32 * 1024 * 1024
    list_items: int = 100_000
    list_bytes: int = 256 * 1024 * 1024
    list_values: int = 10_000_000


@dataclass(slots=True)
class Transport:
    """
    Sends single requests to one endpoint.

    Attributes:
        endpoint: Scheme, host and port; a path for what follows paths alone.
        requests: How many requests of each method were sent.
        service: Who answers there, and how its errors are worded.
    """

    endpoint: str
    tokens: TokenSource
    clock: Clock
    http: httpx.AsyncClient
    requests: Counter[str] = field(default_factory=Counter)
    bounds: Bounds = field(default_factory=Bounds)
    service: Service = ARM

    @classmethod
    def open(
        cls,
        endpoint: str,
        tokens: TokenSource,
        clock: Clock,
        app: Callable[..., Awaitable[Any]] | None = None,
        bounds: Bounds | None = None,
        service: Service = ARM,
    ) -> Self:
        """
        Return a transport to *endpoint*.

        Args:
            endpoint: Scheme, host and port.
            tokens: Where bearer tokens come from.
            clock: For the log.
            app: An ASGI application that answers instead of the network.
            bounds: Of each request.
            service: Who answers there.

        Raises:
            UsageError: A proxy that the environment names cannot be used.
        """
        _tame_loggers()
        bounds = bounds or Bounds()
        try:
            http = httpx.AsyncClient(
                http2=app is None,
                transport=httpx.ASGITransport(app) if app else None,
                verify=_trust() if app is None and endpoint.startswith("https://") else True,
                follow_redirects=False,
                timeout=httpx.Timeout(bounds.silence_s, connect=bounds.connect_s),
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
                headers={
                    "accept": "application/json",
                    "accept-encoding": "gzip",
                    "user-agent": f"reconciler/{__version__}",
                },
                trust_env=not is_loopback(endpoint),  # a proxy would carry a loopback's token off
            )
        except (ValueError, ImportError, httpx.InvalidURL):  # whose texts quote the proxy, password and all
            message = f"a proxy in {_faulty_proxies()} is no http or https URL"
            raise UsageError(message) from None
        return cls(endpoint.rstrip("/"), tokens, clock, http, bounds=bounds, service=service)

    async def close(self) -> None:
        """Close every connection."""
        self.tokens.close()
        await self.http.aclose()

    def url(self, path_or_link: str) -> str:
        """
        Return the absolute URL of a path, or of a link that ARM gave.

        Raises:
            ForeignOriginError: The link leads to another origin.
        """
        if path_or_link.startswith("/") and not path_or_link.startswith("//"):
            return self.endpoint + path_or_link
        if not is_same_origin(path_or_link, self.endpoint):
            raise foreign(path_or_link)
        return path_or_link

    async def send(
        self,
        method: str,
        path_or_link: str,
        content: bytes | None = None,
        subscription: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Answer:
        """
        Send one request and read its answer to the end.

        Args:
            method: HTTP's.
            path_or_link: A path with its query, or an absolute link to the same origin.
            content: A JSON body.
            subscription: Whose token it carries; empty for requests of the tenant.
            headers: More of them, or others than those of ARM.
            check: Called when all that is left is to send; what it raises keeps it from being sent.

        Raises:
            AuthError: No token could be had.
            ForeignOriginError: The link leads to another origin; nothing was sent.
            TransientError: No complete answer was had.
        """
        url = self.url(path_or_link)
        token = await self.tokens.token(subscription)
        if check is not None:
            check()
        sent = {**_headers(content, token), **(headers or {})}
        self.requests[method] += 1
        started = self.clock.monotonic()
        try:
            async with (
                asyncio.timeout(self.bounds.whole_s),
                self.http.stream(method, url, content=content, headers=sent) as response,
            ):
                body = await _read(response, self.bounds.answer_bytes)
                if not response.is_success:
                    body = _without_token(body, token)
                answer = Answer(response.status_code, _lower(response.headers), body, token, self.service)
        except httpx.InvalidURL:
            raise foreign(url) from None
        except (httpx.HTTPError, OSError) as error:  # a TLS record that is broken comes as the bare ssl.SSLError
            failed = unreachable(error, self.service.name, _host(url), write=method != "GET")
            raise failed from None  # the cause may quote a URL or a header
        elapsed = self.clock.monotonic() - started
        path = url.partition("?")[0]
        _LOG.debug("%s %s %d %s %.3fs", method, path, answer.status, answer.request_id or "-", elapsed)
        return answer


def _host(url: str) -> str:
    origin = origin_of(url)
    return origin.host if origin else "an unreadable host"


_SMALL: Final = 64 * 1024


def _without_token(body: bytes, token: Secret | None) -> bytes:
    """Return the body of a refusal without the token that was sent: no shape tells an opaque one that is repeated."""
    if token is None or len(body) > _SMALL:
        return body if token is None else body.replace(token.reveal().encode(), HIDDEN.encode())
    try:
        return scrub_known(body.decode(), [token]).encode()
    except UnicodeError:
        return body.replace(token.reveal().encode(), HIDDEN.encode())


def _headers(content: bytes | None, token: Secret | None) -> dict[str, str]:
    headers = {"content-type": "application/json"} if content is not None else {}
    if token is not None:
        headers["authorization"] = f"Bearer {token.reveal()}"
    return headers


def _lower(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _Sips(httpx.AsyncByteStream):
    """A body in small pieces, so that little of it is unpacked before its size is looked at."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            for start in range(0, len(piece), _SIP_BYTES):
                yield piece[start : start + _SIP_BYTES]

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _read(response: httpx.Response, most: int) -> bytes:
    if response.request.method == "HEAD":  # its headers speak of a body that does not come
        return await response.aread()
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:  # one layer swells a thousandfold, two a million
        raise _unusable(response, "the answer is packed in a way that was not asked for")
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _unusable(response, f"the answer is larger than {most} bytes")
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Sips(response.stream)
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise _unusable(response, f"the answer is larger than {most} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _unusable(response: httpx.Response, why: str) -> UnusableAnswerError:
    return UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, why, response.status_code))


_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def _faulty_proxies() -> str:
    """Return the variables that name no proxy, in either spelling; NO_PROXY where none of them is at fault."""
    values = process_environment().values
    named = (spelled for name in _PROXIES for spelled in (name, name.lower()) if values.get(spelled))
    faulty = [name for name in named if origin_of(values[name]) is None]
    return " and ".join(faulty) or "NO_PROXY or ALL_PROXY"


def _require_certificates(context: ssl.SSLContext) -> None:
    """
    Refuse a variable that names no certificates: every connection would fail, and none would say why.

    Raises:
        UsageError: It names no file, or one without a certificate.
    """
    path = process_environment().values.get("SSL_CERT_FILE")
    if path and not context.cert_store_stats()["x509"]:
        message = f"SSL_CERT_FILE ({path}) names no file with certificates in PEM: correct it, or unset it"
        raise UsageError(message)


def _trust() -> ssl.SSLContext:
    """Return what certificates are held against: the system's, or what SSL_CERT_FILE names; else Mozilla's."""
    context = ssl.create_default_context()
    _require_certificates(context)
    paths = ssl.get_default_verify_paths()
    if not (context.cert_store_stats()["x509_ca"] or paths.cafile or paths.capath):
        import certifi  # noqa: PLC0415 (a Python that knows no store of its system, such as python.org's on macOS)

        context.load_verify_locations(certifi.where())
    return context


def _tame_loggers() -> None:
    """Keep the libraries from logging whole URLs: polling links carry signatures, package links carry SAS."""
    for name in ("httpx", "httpcore", "hpack", "azure", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
