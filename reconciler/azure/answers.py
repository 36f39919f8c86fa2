"""Azure Resource Manager as a service of the HTTP seam, and what its answers hold: bodies, resources, errors. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson

from reconciler.azure.error_bodies import error_info
from reconciler.azure.limits import remaining
from reconciler.errors import ConflictError, ErrorCode, ErrorInfo, UnusableAnswerError
from reconciler.http.answer import BOM, Service, sent_at
from reconciler.http.answer import error_of as http_error_of
from reconciler.json.size import require_few_values
from reconciler.kinds.normal_forms import is_deeper_than

if TYPE_CHECKING:
    from reconciler.errors import RequestError
    from reconciler.http.answer import Answer
    from reconciler.values import JsonObject

_IN_THE_WAY: Final = frozenset({"Conflict", "AnotherOperationInProgress"})
_DEEPEST: Final = 100
"""Functions that walk a body call themselves a few times for each level; ARM nests a dozen levels at most."""
_SIGN_IN_FIX: Final = "sign in again, for this cloud and tenant, and run again (docs/sign-in.md)"


def json_object(answer: Answer) -> JsonObject:
    """
    Return the body as an object.

    Raises:
        UnusableAnswerError: The body is no JSON object, has too many values or levels, or has a key twice.
    """
    try:
        require_few_values(answer.content)
    except ValueError as error:
        raise unusable(answer, f"the answer is too large: {error}") from None
    try:
        body = orjson.loads(answer.content.removeprefix(BOM))
    except ValueError:
        raise unusable(answer, "the answer is not JSON") from None
    if not isinstance(body, dict):
        raise unusable(answer, "the answer is not a JSON object")
    if is_deeper_than(body, _DEEPEST):
        raise unusable(answer, f"the answer is nested deeper than {_DEEPEST} levels")
    if _has_a_key_twice(answer.content, body):
        raise unusable(answer, "the answer has a key twice")
    return body


def _has_a_key_twice(content: bytes, body: JsonObject) -> bool:
    r"""
    Return whether an object of a body has one key twice; the parser keeps the last value.

    A body has as many quotes as its serialized value, unless one is spelled ``\u0022``; a dropped value takes its own
    with it. Only where the numbers differ is the body parsed once more, slowly.
    """
    if b"\\u0022" not in content and content.count(b'"') == orjson.dumps(body).count(b'"'):
        return False

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return {}

    try:
        json.loads(content.removeprefix(BOM), object_pairs_hook=unique)
    except ValueError:
        return True
    return False


def resource(answer: Answer, resource_id: str) -> JsonObject:
    """
    Return the body as the requested resource.

    Raises:
        UnusableAnswerError: The body is no resource, or another one.
    """
    body = json_object(answer)
    answered = body.get("id")
    if not isinstance(answered, str) or not isinstance(body.get("properties"), dict):
        raise unusable(answer, "the answer is not a resource")
    if answered.lower() != unquote(resource_id).lower():
        raise unusable(answer, "the answer is for another resource")
    return body


def unusable(answer: Answer, why: str) -> UnusableAnswerError:
    """Return the error for an answer without information about the resource."""
    fix = "check for a proxy or a gateway that answers in place of Azure"
    return UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, why, answer.status, answer.request_id, fix))


def error_of(answer: Answer, *, write: bool) -> RequestError:
    """
    Return the error that an answer of ARM other than 2xx stands for.

    Args:
        answer: As received.
        write: Whether the request may have changed something.
    """
    error = http_error_of(answer, write=write)
    if answer.status == HTTPStatus.CONFLICT and error.info.code in _IN_THE_WAY:
        return ConflictError(error.info, retry_after_s=answer.retry_after(sent_at(answer)))
    return error


def operation_error(body: JsonObject, fallback: str, request_id: str | None = None) -> ErrorInfo:
    """Return the error in the body of an operation that failed, nested details included."""
    properties = body.get("properties")
    inner = properties.get("error") if isinstance(properties, dict) else None
    own = body.get("error")
    return error_info({"error": own if isinstance(own, dict) else inner}, fallback, request_id=request_id)


def _words(answer: Answer) -> ErrorInfo:
    try:
        body = answer.json()
    except ValueError:
        body = None
    info = error_info(body, f"HTTP {answer.status} without an ARM error", answer.status, answer.request_id)
    is_sign_in = answer.status == HTTPStatus.UNAUTHORIZED
    return replace(info, fix=_SIGN_IN_FIX) if is_sign_in and not info.fix else info


ARM: Final = Service(
    "Azure Resource Manager",
    _words,
    setting="--endpoint and --cloud",
    request_id=("x-ms-request-id", "x-ms-correlation-request-id"),
    retry_after_ms=("x-ms-retry-after-ms", "retry-after-ms"),
    remaining=remaining,
    traced=("x-ms-correlation-request-id", "x-ms-request-id"),
)
