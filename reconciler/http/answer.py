"""One HTTP answer, read to its end, and the service that gave it. Pure; knows no service by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from reconciler.errors import (
    AuthError,
    ErrorCode,
    ErrorInfo,
    ForeignOriginError,
    RejectedError,
    RequestError,
    TransientError,
)
from reconciler.http.bounds import USUAL
from reconciler.http.throttle import no_limits
from reconciler.json.size import require_few_values
from reconciler.secret.text import HIDDEN, scrub, scrub_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.http.bounds import Bounds
    from reconciler.http.throttle import Lane, Remaining
    from reconciler.secret.text import Secret

RETRYABLE: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
BOM: Final = b"\xef\xbb\xbf"
_READ_OF_A_WORD: Final = 4096
_SHOWN_OF_A_WORD: Final = 200
_PIECE: Final = 12
"""Characters that an id and a body do not share by chance."""
_MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Service:
    """
    A service at the other end of the HTTP seam, as data.

    Attributes:
        name: As errors name it.
        words: Return the error that an answer other than 2xx means.
        setting: The options or variables that hold the service's address, as a fix names them.
        request_id: Names of the headers that may hold the id of a request, the preferred one first.
        retry_after_ms: Names of the headers that may hold the milliseconds to wait, the preferred one first;
            ``Retry-After`` is read where none of them is a number.
        bounds: Of each request to the service.
        remaining: Return the rest of the service's limits, from the headers of an answer in a lane.
        traced: Names of the headers of an answer that a trace keeps.
        has_secret_address: Whether its URL is a secret, so that no log and no error has any part of it.
    """

    name: str
    words: Callable[[Answer], ErrorInfo]
    setting: str
    request_id: tuple[str, ...] = ()
    retry_after_ms: tuple[str, ...] = ()
    bounds: Bounds = USUAL
    remaining: Callable[[Mapping[str, str], Lane], Remaining] = no_limits
    traced: tuple[str, ...] = ()
    has_secret_address: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One HTTP answer, read to its end.

    Attributes:
        headers: By lower-case name.
        service: The service that gave it.
        token: The token that the request carried.
        sent: The body of the request.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    service: Service = field(repr=False)
    token: Secret | None = None
    sent: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return is_success(self.status)

    @property
    def is_redirect(self) -> bool:
        """Whether the status is 3xx."""
        return HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST

    @property
    def request_id(self) -> str | None:
        """The service's id of the request, scrubbed and bounded; hidden where it repeats what was sent."""
        found = next((value for name in self.service.request_id if (value := self.headers.get(name))), None)
        if found is None:
            return None
        found = found[:_READ_OF_A_WORD]
        if any(found[at : at + _PIECE].encode() in self.sent for at in range(len(found) - _PIECE + 1)):
            return HIDDEN
        known = scrub_known(found, [self.token]) if self.token else found
        return scrub(known)[:_SHOWN_OF_A_WORD]

    def json(self) -> Any:
        """
        Return the body; a byte order mark is tolerated.

        Raises:
            ValueError: It is not JSON, or holds more values than any answer that is requested.
        """
        require_few_values(self.content)
        return orjson.loads(self.content.removeprefix(BOM))

    def retry_after(self, now: datetime) -> float | None:
        """Return the seconds to wait that the service asked for; None without a readable number or date."""
        names = self.service.retry_after_ms
        milliseconds = next((self.headers[name] for name in names if name in self.headers), None)
        if milliseconds is not None and milliseconds.isdecimal():
            return float(milliseconds) / 1000
        value = self.headers.get("retry-after", "").strip()
        if value.isdecimal():
            return float(value)
        return _until(value, now) if value else None


def _until(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def is_success(status: int) -> bool:
    """Return whether *status* is 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def error_of(answer: Answer, *, write: bool) -> RequestError:
    """
    Return the error that an answer other than 2xx stands for.

    Args:
        answer: As received.
        write: Whether the request may have changed something.
    """
    info = answer.service.words(answer)
    asked = answer.retry_after(sent_at(answer))
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return TransientError(replace(info, fix=_when(answer) or info.fix), retry_after_s=asked)
    if answer.is_redirect:
        return foreign(answer.headers.get("location", ""), answer.service, answer.status)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return AuthError(info)
    if answer.status in RETRYABLE:
        return TransientError(info, may_have_landed=write, retry_after_s=asked)
    return RejectedError(info)


def foreign(url: str, service: Service, status: int | None = None) -> ForeignOriginError:
    """Return the error for a link that leads away from *service*; only its host is named."""
    try:
        host = urlsplit(url).hostname or "an unreadable host"
    except ValueError:
        host = "an unreadable host"
    message = f"a link in an answer of {service.name} leads to {host}; nothing was sent there"
    return ForeignOriginError(ErrorInfo(ErrorCode.FOREIGN_ORIGIN, message, status))


def sent_at(answer: Answer) -> datetime:
    """Return the moment that the answer itself names; without one, the last there is, after any date to wait for."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def _when(answer: Answer) -> str | None:
    value = answer.headers.get("retry-after", "")
    is_number = value.isdecimal() and len(value) <= _MOST_DIGITS
    return f"run again in {value} s: {answer.service.name} asks to wait that long" if is_number else None
