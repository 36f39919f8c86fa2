"""
The one HTTP seam: sends one request to one endpoint and to nowhere else, and reads one bounded answer.

The only module that adds a token. Knows no service, and nothing of retries, pages or resources.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from reconciler import __version__
from reconciler.errors import ErrorCode, ErrorInfo, UnusableAnswerError, UsageError
from reconciler.http.answer import Answer, foreign
from reconciler.http.failures import unreachable
from reconciler.http.network import trusted, unusable_proxies
from reconciler.http.origin import is_loopback, is_same_origin, origin_of
from reconciler.http.spans import span
from reconciler.secret.text import HIDDEN, scrub_known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from reconciler.clock import Clock
    from reconciler.http.answer import Service
    from reconciler.http.tokens import TokenSource
    from reconciler.secret.text import Secret

_LOG: Final = logging.getLogger("reconciler.http")
_CONNECTIONS: Final = 20
_TRACED_CHARACTERS: Final = 200
_SIP_BYTES: Final = 4096  # gzip grows a thousandfold: at most 4 MB are decompressed at once


@dataclass(slots=True)
class Transport:
    """
    Sends single requests to one endpoint.

    Attributes:
        endpoint: Scheme, host and port, and the path that all others begin with.
        service: The service at the endpoint.
        requests: How many requests of each method were sent.
        answers: How many of them had an answer of each status; ``none`` where there was none.
    """

    endpoint: str
    service: Service
    tokens: TokenSource
    clock: Clock
    http: httpx.AsyncClient
    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    _dated: tuple[str, datetime] | None = None

    @classmethod
    def open(
        cls,
        endpoint: str,
        service: Service,
        tokens: TokenSource,
        clock: Clock,
        *,
        environ: Mapping[str, str],
        app: Callable[..., Awaitable[Any]] | None = None,
    ) -> Self:
        """
        Return a transport to *endpoint*.

        Args:
            endpoint: Scheme, host and port, and the path that all others begin with.
            service: The service at the endpoint.
            tokens: Source of the bearer tokens.
            clock: For the log.
            environ: The environment, which names proxies and certificates.
            app: An ASGI application that answers instead of the network.

        Raises:
            UsageError: A proxy or the certificates that the environment names cannot be used.
        """
        _tame_loggers()
        try:
            http = httpx.AsyncClient(
                http2=app is None,
                transport=httpx.ASGITransport(app) if app else None,
                verify=trusted(environ) if app is None and endpoint.startswith("https://") else True,
                follow_redirects=False,
                timeout=httpx.Timeout(service.bounds.silence_s, connect=service.bounds.connect_s),
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
                headers={
                    "accept": "application/json",
                    "accept-encoding": "gzip",
                    "user-agent": f"reconciler/{__version__}",
                },
                trust_env=not is_loopback(endpoint),  # a proxy would see the token of a loopback endpoint
            )
        except (ValueError, ImportError, httpx.InvalidURL):  # their texts quote the proxy, password and all
            message = f"a proxy in {unusable_proxies(environ)} is not an http or https URL"
            raise UsageError(message) from None
        return cls(endpoint.rstrip("/"), service, tokens, clock, http)

    async def close(self) -> None:
        """Close every connection."""
        self.tokens.close()
        await self.http.aclose()

    def url(self, path_or_link: str) -> str:
        """
        Return the absolute URL of a path, or of a link in an answer.

        Raises:
            ForeignOriginError: The link leads to another origin.
        """
        if path_or_link.startswith("/") and not path_or_link.startswith("//"):
            return self.endpoint + path_or_link
        if not is_same_origin(path_or_link, self.endpoint):
            raise foreign(path_or_link, self.service)
        return path_or_link

    async def send(
        self,
        method: str,
        path_or_link: str,
        content: bytes | None = None,
        realm: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Answer:
        """
        Send one request and read its answer to the end.

        Args:
            method: The HTTP method.
            path_or_link: A path with its query, or an absolute link to the same origin.
            content: The body; JSON unless *headers* say otherwise.
            realm: The part of the service whose token it carries; empty for the whole.
            headers: Further headers, or other values of those that are always sent.
            check: Called right before the request is sent; an exception that it raises keeps it from being sent.

        Raises:
            AuthError: There is no token.
            ForeignOriginError: The link leads to another origin; nothing was sent there.
            TransientError: No complete answer came.
        """
        url = self.url(path_or_link)
        token = await self.tokens.token(realm)
        if check is not None:
            check()
        sent = {**_headers(content, token), **(headers or {})}
        self.requests[method] += 1
        with span(method, self._traced(method, url), is_request=True) as traced:
            answer = await self._exchange(method, url, content, sent, token)
            traced.note("http.response.status_code", answer.status)
            for name in self.service.traced:
                if value := answer.headers.get(name):
                    traced.note(name, value[:_TRACED_CHARACTERS])
        return answer

    def _traced(self, method: str, url: str) -> Mapping[str, str | None]:
        """Return what a trace knows of a request: never a query, which may hold a signature."""
        if self.service.has_secret_address:
            return {"http.request.method": method}
        path = url.partition("?")[0].removeprefix(self.endpoint)
        return {"http.request.method": method, "server.address": _host(url), "url.path": path}

    async def _exchange(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str], token: Secret | None
    ) -> Answer:
        started = self.clock.monotonic()
        try:
            async with (
                asyncio.timeout(self.service.bounds.whole_s),
                self.http.stream(method, url, content=content, headers=headers) as response,
            ):
                answer = await self._answer(response, token, content)
        except httpx.InvalidURL:
            raise foreign(url, self.service) from None
        except (httpx.HTTPError, OSError) as error:  # a TLS record that is broken comes as the bare ssl.SSLError
            self.answers[method, "none"] += 1
            host = HIDDEN if self.service.has_secret_address else _host(url)
            failed = unreachable(error, self.service, host, write=method != "GET")
            raise failed from None  # the cause may quote a URL or a header
        self._note(method, url, answer, self.clock.monotonic() - started)
        return answer

    def ahead(self) -> timedelta:
        """Return how far this machine's clock is ahead of the service's, by its last answer that names a time."""
        try:
            return self._dated[1] - parsedate_to_datetime(self._dated[0]) if self._dated is not None else timedelta()
        except (ValueError, TypeError, OverflowError):
            return timedelta()

    def _note(self, method: str, url: str, answer: Answer, elapsed: float) -> None:
        """Count an answer, and log it."""
        self.answers[method, str(answer.status)] += 1
        if (date := answer.headers.get("date")) is not None:
            self._dated = date, self.clock.now()
        path = HIDDEN if self.service.has_secret_address else url.partition("?")[0]
        _LOG.debug("%s %s %d %s %.3fs", method, path, answer.status, answer.request_id or "-", elapsed)

    async def _answer(self, response: httpx.Response, token: Secret | None, sent: bytes | None) -> Answer:
        """Return a response, read to its end."""
        body = await _read(response, self.service.bounds.answer_bytes)
        if not response.is_success:
            body = _without_token(body, token)
        status = int(response.status_code)  # an application in this process may give a member of HTTPStatus
        return Answer(status, _lower(response.headers), body, self.service, token, sent or b"")


def _host(url: str) -> str:
    origin = origin_of(url)
    return origin.host if origin else "an unreadable host"


_SMALL: Final = 64 * 1024


def _without_token(body: bytes, token: Secret | None) -> bytes:
    """Return the body of a refusal without the token that was sent: an opaque one has no shape to recognize."""
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
    """A body in small pieces, so that little of it is decompressed before its size is checked."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            for start in range(0, len(piece), _SIP_BYTES):
                yield piece[start : start + _SIP_BYTES]

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _read(response: httpx.Response, most: int) -> bytes:
    if response.request.method == "HEAD":  # its headers describe a body that does not come
        return await response.aread()
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:  # one layer grows a thousandfold, two a millionfold
        raise _unusable(response, "the answer is compressed in a way that was not requested")
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


def _tame_loggers() -> None:
    """Keep the libraries from logging whole URLs: polling links carry signatures, package links carry SAS."""
    for name in ("httpx", "httpcore", "hpack", "azure", "msal"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
