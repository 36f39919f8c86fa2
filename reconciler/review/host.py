"""
Asks the host of a repository, through the one HTTP seam: bounded answers and retries, no redirects, one origin.

Knows what the refusals of such hosts mean, and nothing of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.azure.answers import Service
from reconciler.azure.auth import StaticToken
from reconciler.errors import ArmError, ErrorInfo, ForeignOriginError, ReviewError
from reconciler.http.retry import Retrier
from reconciler.http.throttle import Lane
from reconciler.http.transport import Bounds, Transport
from reconciler.report.escape import visible
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.azure.answers import Answer
    from reconciler.clock import Clock
    from reconciler.secret.text import Secret

_BOUNDS: Final = Bounds(connect_s=10, silence_s=30, whole_s=60, answer_bytes=16 * 1024 * 1024)
_GOOD: Final = frozenset({200, 201})
_SHOWN_CHARACTERS: Final = 500
_MOST_ERRORS: Final = 5


@dataclass(slots=True)
class Host:
    """
    One host, and the token for it.

    Attributes:
        name: For errors.
        fixes: The fix for a refusal, by its status.
        headers: Of every request.
    """

    name: str
    transport: Transport
    retrier: Retrier
    fixes: Mapping[int, str]
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, name: str, url: str, token: Secret, clock: Clock, fixes: Mapping[int, str]) -> Host:
        """Return a host whose API begins at *url*."""
        service = Service(name, lambda answer: _words(name, fixes, answer))
        transport = Transport.open(url, StaticToken(token), clock, bounds=_BOUNDS, service=service)
        return cls(name, transport, Retrier(clock), fixes)

    async def close(self) -> None:
        """Close every connection."""
        await self.transport.close()

    def json(self, answer: Answer) -> Any:
        """
        Return the body of an answer.

        Raises:
            ReviewError: It is not JSON.
        """
        try:
            return answer.json()
        except ValueError:
            raise self.unusable() from None

    async def read(self, path_or_link: str) -> Answer:
        """
        Return the answer to a GET.

        Raises:
            ReviewError: There is none that could be used.
        """
        return await self._send(Lane(""), "GET", path_or_link, None)

    async def ask(self, path_or_link: str, question: Any) -> Answer:
        """
        Return the answer to a POST that changes nothing.

        Raises:
            ReviewError: There is none that could be used.
        """
        return await self._send(Lane(""), "POST", path_or_link, question)

    async def write(self, method: str, path: str, content: Any) -> Answer:
        """
        Return the answer to what changes something; without one, it is not sent again.

        Raises:
            ReviewError: It was refused, or nobody knows what became of it.
        """
        return await self._send(Lane("", write=True), method, path, content)

    async def _send(self, lane: Lane, method: str, path_or_link: str, content: Any) -> Answer:
        packed = None if content is None else orjson.dumps(content)

        async def send() -> Answer:
            answer = await self.transport.send(method, path_or_link, packed, headers=self.headers)
            # GitHub words its secondary limits as 403 too ("Rate limits for the REST API", docs.github.com).
            is_limit = answer.status == HTTPStatus.FORBIDDEN and "retry-after" in answer.headers
            return replace(answer, status=HTTPStatus.TOO_MANY_REQUESTS) if is_limit else answer

        try:
            answer = await self.retrier.send(lane, send)
        except ForeignOriginError:
            message = f"{self.name}: a link in an answer leads to another host; nothing was sent there"
            raise ReviewError(message) from None
        except ArmError as error:
            raise ReviewError(error.info.message) from None
        if answer.status not in _GOOD:
            raise ReviewError(answer.service.words(answer).message)
        return answer

    def unusable(self) -> ReviewError:
        """Return the error for an answer that is not what was asked for."""
        return ReviewError(f"{self.name} gave an answer that is not what was asked for")


def text_in(value: Any) -> str:
    """
    Return a text of an answer, which may be left out.

    Raises:
        TypeError: It is something else.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value or ""


def _words(name: str, fixes: Mapping[int, str], answer: Answer) -> ErrorInfo:
    """Return what a host says of a refusal, in its own words, and what to do about it."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    words = ": ".join(_said(said)) if isinstance(said, dict) else ""
    detail = f" ({visible(scrub(words)[:_SHOWN_CHARACTERS])})" if words else ""
    fix = fixes.get(answer.status) or _fix_of(name, answer.status)
    message = f"{name} answered {answer.status}{detail}{f'; {fix}' if fix else ''}"
    return ErrorInfo(f"Http{answer.status}", message, answer.status, fix=fix)


def _said(body: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the message of a refusal, then what its ``errors`` say.

    GitHub writes those as texts, or as objects with a message, else a field and a code ("Troubleshooting the REST API",
    docs.github.com).
    """
    errors = body.get("errors")
    for each in (body.get("message"), *(errors[:_MOST_ERRORS] if isinstance(errors, list) else ())):
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            parts = (each.get("message"),) if each.get("message") else (each.get("field"), each.get("code"))
            text = " ".join(part for part in parts if isinstance(part, str))
            if text:
                yield text


def _fix_of(name: str, status: int) -> str | None:
    """Return what to do about a status that means the same at every host."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"run again later: {name} limits how often it is asked"
    return f"run again when {name} is back" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
