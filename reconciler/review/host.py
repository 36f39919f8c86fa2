"""
Sends requests to the host of a repository, through the one HTTP seam: bounded answers, retries, one origin.

Knows what the refusals of such hosts mean, and nothing of the requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.errors import ErrorInfo, ForeignOriginError, RequestError, ReviewError
from reconciler.http.answer import Service
from reconciler.http.bounds import Bounds
from reconciler.http.retry import Retrier
from reconciler.http.throttle import Lane
from reconciler.http.tokens import StaticToken
from reconciler.http.transport import Transport
from reconciler.report.escape import visible
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.secret.text import Secret

_BOUNDS: Final = Bounds(connect_s=10, silence_s=30, whole_s=60, answer_bytes=16 * 1024 * 1024)
_GOOD: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_SHOWN_CHARACTERS: Final = 500
_MOST_ERRORS: Final = 5


@dataclass(frozen=True, slots=True)
class Api:
    """
    The API of a host, as the variables of a CI job name it.

    Attributes:
        url: Where all of its paths begin.
        environ: The environment, which names proxies and certificates.
    """

    url: str
    token: Secret
    clock: Clock
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The names, headers and fixes of one make of host.

    Attributes:
        name: For errors.
        setting: The variable that holds the URL of the API.
        fixes: The fix for a refusal, by its status.
        request_id: Headers that may hold the id of a request.
        headers: Of every request.
    """

    name: str
    setting: str
    fixes: Mapping[int, str]
    request_id: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def service(self) -> Service:
        """Return the service that such a host is to the HTTP seam."""
        return Service(self.name, self._words, self.setting, self.request_id, bounds=_BOUNDS)

    def _words(self, answer: Answer) -> ErrorInfo:
        """Return the error for a refusal, with the words of the host."""
        try:
            said = answer.json()
        except ValueError:
            said = None
        words = ": ".join(_said(said)) if isinstance(said, dict) else ""
        detail = f" ({visible(scrub(words)[:_SHOWN_CHARACTERS])})" if words else ""
        fix = self.fixes.get(answer.status) or _fix_of(self.name, answer.status)
        message = f"{self.name} answered {answer.status}{detail}"
        return ErrorInfo(f"Http{answer.status}", message, answer.status, answer.request_id, fix)


@dataclass(frozen=True, slots=True)
class Host:
    """One host, and the token for it."""

    facts: Facts
    transport: Transport
    retrier: Retrier

    @classmethod
    def open(cls, facts: Facts, api: Api) -> Host:
        """Return the host behind *api*."""
        transport = Transport.open(api.url, facts.service(), StaticToken(api.token), api.clock, environ=api.environ)
        return cls(facts, transport, Retrier(api.clock))

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
            ReviewError: There is no usable answer.
        """
        return await self._send(Lane(""), "GET", path_or_link, None)

    async def ask(self, path_or_link: str, question: Any) -> Answer:
        """
        Return the answer to a POST that changes nothing.

        Raises:
            ReviewError: There is no usable answer.
        """
        return await self._send(Lane(""), "POST", path_or_link, question)

    async def write(self, method: str, path: str, content: Any) -> Answer:
        """
        Return the answer to a request that changes something; without an answer it is not sent again.

        Raises:
            ReviewError: It was refused, or there was no answer.
        """
        return await self._send(Lane("", write=True), method, path, content)

    async def _send(self, lane: Lane, method: str, path_or_link: str, content: Any) -> Answer:
        packed = None if content is None else orjson.dumps(content)

        async def send() -> Answer:
            answer = await self.transport.send(method, path_or_link, packed, headers=self.facts.headers)
            # GitHub words its secondary limits as 403 too ("Rate limits for the REST API", docs.github.com).
            is_limit = answer.status == HTTPStatus.FORBIDDEN and "retry-after" in answer.headers
            return replace(answer, status=HTTPStatus.TOO_MANY_REQUESTS) if is_limit else answer

        try:
            answer = await self.retrier.send(lane, send)
        except ForeignOriginError:
            message = f"{self.facts.name}: a link in an answer leads to another host; nothing was sent there"
            raise ReviewError(message) from None
        except RequestError as error:
            raise _failure(error.info) from None
        if answer.status not in _GOOD:
            raise _failure(answer.service.words(answer))
        return answer

    def unusable(self) -> ReviewError:
        """Return the error for an answer that lacks the requested content."""
        return ReviewError(f"{self.facts.name} sent an unexpected answer")


def _failure(info: ErrorInfo) -> ReviewError:
    return ReviewError(f"{info.message}; {info.fix}" if info.fix else info.message)


def text_in(value: Any) -> str:
    """
    Return a text of an answer, which may be left out.

    Raises:
        TypeError: It is something else.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value or ""


def _said(body: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the message of a refusal, then the messages of its ``errors``.

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
    """Return the fix for a status that means the same at every host."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"run again later: {name} limits the rate of requests"
    return f"run again when {name} is back" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
