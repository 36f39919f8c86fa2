"""Reads what ARM answered: JSON bodies, error bodies, headers. Pure; every judgement of an answer is here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from reconciler.azure.error_bodies import error_info
from reconciler.errors import (
    ArmError,
    AuthError,
    ConflictError,
    ErrorCode,
    ErrorInfo,
    ForeignOriginError,
    RejectedError,
    TransientError,
    UnusableAnswerError,
)
from reconciler.json.size import require_few_values
from reconciler.kinds.spelling import is_deeper_than
from reconciler.secret.text import scrub, scrub_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.secret.text import Secret
    from reconciler.values import JsonObject

RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
_IN_THE_WAY: Final = frozenset({"Conflict", "AnotherOperationInProgress"})
_BOM: Final = b"\xef\xbb\xbf"
_DEEPEST: Final = 100
"""What walks a body calls itself a few times for each level; ARM nests no more than a dozen."""
_READ_OF_A_WORD: Final = 4096
_SHOWN_OF_A_WORD: Final = 200
_SIGN_IN_FIX: Final = "sign in again, for this cloud and tenant, and run again (docs/sign-in.md)"


@dataclass(frozen=True, slots=True)
class Service:
    """
    Who answers at the other end of the HTTP seam.

    Attributes:
        name: For errors.
        words: Returns what an answer of the service that is no success means; each service words its own.
    """

    name: str
    words: Callable[[Answer], ErrorInfo]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One HTTP answer, read to its end.

    Attributes:
        headers: By lower-case name.
        token: The one that the request carried.
        service: Whose answer it is; Azure Resource Manager's unless the transport says otherwise.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    token: Secret | None = None
    service: Service = field(default_factory=lambda: ARM, repr=False)

    @property
    def request_id(self) -> str | None:
        """Return ``x-ms-request-id``, else the correlation id."""
        found = self.headers.get("x-ms-request-id") or self.headers.get("x-ms-correlation-request-id")
        if not found:
            return None
        known = scrub_known(found[:_READ_OF_A_WORD], [self.token]) if self.token else found
        return scrub(known)[:_SHOWN_OF_A_WORD]

    def json(self) -> Any:
        """
        Return the body; a byte order mark is tolerated.

        Raises:
            ValueError: It is not JSON, or holds more values than anything that is asked for.
        """
        require_few_values(self.content)
        return orjson.loads(self.content.removeprefix(_BOM))

    def retry_after(self, now: datetime) -> float | None:
        """Return the seconds to wait that ARM asked for; None if it asked for nothing that makes sense."""
        milliseconds = self.headers.get("x-ms-retry-after-ms", self.headers.get("retry-after-ms"))
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


def json_object(answer: Answer) -> JsonObject:
    """
    Return the body as an object.

    Raises:
        UnusableAnswerError: It is HTML, a list, cut short, nested too deep to be walked, of two minds about a key, or
            anything else.
    """
    try:
        require_few_values(answer.content)
    except ValueError as error:
        raise unusable(answer, f"the answer is too large: {error}") from None
    try:
        body = orjson.loads(answer.content.removeprefix(_BOM))
    except ValueError:
        raise unusable(answer, "the answer is not JSON") from None
    if not isinstance(body, dict):
        raise unusable(answer, "the answer is not a JSON object")
    if is_deeper_than(body, _DEEPEST):
        raise unusable(answer, f"the answer is nested deeper than {_DEEPEST} levels")
    if _states_twice(answer.content, body):
        raise unusable(answer, "the answer states a key twice")
    return body


def _states_twice(content: bytes, body: JsonObject) -> bool:
    r"""
    Return whether any object of a body has one key twice, of which the parser would have kept the last.

    Each text of the body has as many quotes as when it is written anew, unless one is spelled ``\u0022``; what was
    dropped takes its own with it. Only where the numbers differ is the body parsed once more, slowly.
    """
    if b"\\u0022" not in content and content.count(b'"') == orjson.dumps(body).count(b'"'):
        return False

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return {}

    try:
        json.loads(content.removeprefix(_BOM), object_pairs_hook=unique)
    except ValueError:
        return True
    return False


def resource(answer: Answer, resource_id: str) -> JsonObject:
    """
    Return the body as the resource that was asked for.

    Raises:
        UnusableAnswerError: It is no resource, or another one.
    """
    body = json_object(answer)
    answered = body.get("id")
    if not isinstance(answered, str) or not isinstance(body.get("properties"), dict):
        raise unusable(answer, "the answer is not a resource")
    if answered.lower() != unquote(resource_id).lower():
        raise unusable(answer, "the answer is for another resource")
    return body


def unusable(answer: Answer, why: str) -> UnusableAnswerError:
    """Return the error for an answer that says nothing of the resource."""
    fix = "look at what stands between here and Azure: a proxy or a gateway may have answered"
    return UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, why, answer.status, answer.request_id, fix))


def foreign(url: str, status: int | None = None) -> ForeignOriginError:
    """Return the error for a link that leads away from ARM; only its host is named."""
    try:
        host = urlsplit(url).hostname or "an unreadable host"
    except ValueError:
        host = "an unreadable host"
    message = f"a link in ARM's answer leads to {host}; nothing was sent there"
    return ForeignOriginError(ErrorInfo(ErrorCode.FOREIGN_ORIGIN, message, status))


def error_of(answer: Answer, *, write: bool) -> ArmError:
    """
    Return the error that an answer other than 2xx stands for.

    Args:
        answer: As received.
        write: Whether the request may have changed something.
    """
    info = answer.service.words(answer)
    asked = answer.retry_after(_sent_at(answer))
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return TransientError(replace(info, fix=_when(answer) or info.fix), retry_after_s=asked)
    if 300 <= answer.status < 400:  # noqa: PLR2004
        return foreign(answer.headers.get("location", ""), answer.status)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return AuthError(replace(info, fix=info.fix or _SIGN_IN_FIX))
    if answer.status == HTTPStatus.CONFLICT and info.code in _IN_THE_WAY:
        return ConflictError(info, retry_after_s=asked)
    if answer.status in RETRYABLE:
        return TransientError(info, may_have_landed=write, retry_after_s=asked)
    return RejectedError(info)


def _sent_at(answer: Answer) -> datetime:
    """Return the moment that the answer itself tells; without one, no date to wait for lies ahead."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def operation_error(body: JsonObject, fallback: str, request_id: str | None = None) -> ErrorInfo:
    """Return what the body of an ended operation says of its failure, nested details included."""
    properties = body.get("properties")
    inner = properties.get("error") if isinstance(properties, dict) else None
    own = body.get("error")
    return error_info({"error": own if isinstance(own, dict) else inner}, fallback, request_id=request_id)


def _when(answer: Answer) -> str | None:
    value = answer.headers.get("retry-after", "")
    is_number = value.isdecimal() and len(value) < 10  # noqa: PLR2004
    return f"run again in {value} s: {answer.service.name} asks to wait that long" if is_number else None


def _arm_words(answer: Answer) -> ErrorInfo:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return error_info(body, f"HTTP {answer.status} without an ARM error", answer.status, answer.request_id)


ARM: Final[Service] = Service("Azure Resource Manager", _arm_words)
