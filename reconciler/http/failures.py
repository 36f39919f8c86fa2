"""Failures below HTTP, each as a message and a fix. Pure; quotes nothing from the wire."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

import httpx

from reconciler.errors import ErrorCode, ErrorInfo, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.http.answer import Service

_CAUSES: Final = (
    (TimeoutError, "no whole answer within the time limit"),
    (httpx.ConnectTimeout, "no connection within the time limit"),
    (httpx.ConnectError, "no connection could be made"),
    (httpx.TimeoutException, "no answer within the time limit"),
    (httpx.DecodingError, "the answer could not be decompressed"),
    (httpx.ProxyError, "the proxy refused"),
)
_SAYS: Final = (
    ("Server disconnected", "the connection was closed before an answer came"),
    ("peer closed connection", "the answer was cut short"),
)
"""The beginnings of texts of httpcore and h11, where one type has several causes."""

_NETWORK: Final = "check the network, then run again"
_PROXY: Final = "check the proxy that HTTPS_PROXY or ALL_PROXY names, its user and password included"
_ROOTS: Final = (
    (
        ssl.SSLCertVerificationError,
        "the TLS handshake failed",
        "if a proxy signs for {service}, name its CA file in SSL_CERT_FILE",
    ),
    (ssl.SSLError, "the TLS connection failed", "check {setting}: that the port speaks TLS, and which version"),
    (socket.gaierror, "the host name cannot be resolved", "check {setting}, and the name server"),
    (
        ConnectionRefusedError,
        "the connection was refused",
        "check {setting}, and that a server listens there; if HTTPS_PROXY is set, check the proxy",
    ),
    (ConnectionResetError, "the connection was reset", _NETWORK),
)


def unreachable(error: Exception, service: Service, host: str = "", *, write: bool) -> TransientError:
    """
    Return the error for a request without a whole answer.

    Args:
        error: As httpx, or a library below it, raised it. Its text may quote a URL or a header and is not shown.
        service: The service that the request was sent to.
        host: Its host.
        write: Whether the request may have changed something.
    """
    cause, fix = _cause(error), _PROXY if isinstance(error, httpx.ProxyError) else _NETWORK
    chain = tuple(_chain(error))
    found = ((link, text, out) for kind, text, out in _ROOTS for link in chain if isinstance(link, kind))
    link, cause, fix = next(found, (error, cause, fix))
    before = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    why = getattr(link, "verify_message", None) or type(error.__cause__ or error).__name__
    message = f"{service.name}: {cause} ({why}){f', at {host}' if host else ''}"
    fix = fix.format(service=service.name, setting=service.setting)
    info = ErrorInfo(ErrorCode.UNREACHABLE, message, fix=fix)
    return TransientError(info, may_have_landed=write and not before)


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.RemoteProtocolError):
        told = (text for start, text in _SAYS if str(error).startswith(start))
        return next(told, "the answer is not HTTP")
    return next((text for kind, text in _CAUSES if isinstance(error, kind)), "the connection broke")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all of its causes, those of a group included."""
    while error is not None:
        yield error
        for inner in getattr(error, "exceptions", ()):
            yield from _chain(inner)
        error = error.__cause__ or error.__context__
