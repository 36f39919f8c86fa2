"""
Long operations: their URLs and states. Both follow from the stored row and the time of reading.

azure-sdk-for-net, session record ``GalleryApplicationVersion_CRUD_Tests``; the signed query, about 4 KB long, as in
azure-cli's recordings of 2025. A client is to use the address as it was given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from reconciler.emulator.calls import Reply, json_reply
from reconciler.emulator.errors import Refused
from reconciler.emulator.times import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.emulator.store import Operation

TEMPLATE: Final = (
    "/subscriptions/{subscriptionId}/providers/Microsoft.Compute/locations/{location}/capsOperations/{name}"
)
_KEY: Final = b"embedded ARM: guards against a rebuilt address, not against an attacker"
_CERTIFICATE_BYTES: Final = 2300


def links(
    base_url: str, subscription: str, operation: Operation, api_version: str, *, location: bool
) -> dict[str, str]:
    """
    Return the headers of an answer that starts an operation.

    Args:
        base_url: Of the request.
        subscription: Of the resource.
        operation: The one that was started.
        api_version: Of the request.
        location: Whether ``Location`` comes too, as it does for DELETE.
    """
    path = TEMPLATE.format(subscriptionId=subscription, location=operation.location, name=operation.guid)
    query = urlencode({"api-version": api_version, **_signature(operation)})
    headers = {"Azure-AsyncOperation": f"{base_url}{path}?{query}"}
    if location:
        monitored = urlencode({"monitor": "true", "api-version": api_version, **_signature(operation)})
        headers["Location"] = f"{base_url}{path}?{monitored}"
    return headers


def _signature(operation: Operation) -> dict[str, str]:
    ticks = str(int(operation.started * 10_000_000) + 621_355_968_000_000_000)
    certificate = _text(hashlib.shake_256(operation.guid.encode()).digest(_CERTIFICATE_BYTES))
    signed = f"{operation.guid}|{ticks}|{certificate}".encode()
    return {
        "t": ticks,
        "c": certificate,
        "s": _text(hmac.digest(_KEY, signed, "sha512") * 4),
        "h": _text(hmac.digest(_KEY, signed, "sha256")),
    }


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def status_reply(operation: Operation | None, name: str, query: Mapping[str, str], now: float) -> Reply:
    """
    Return the answer to a poll.

    Args:
        operation: The row; None if there is none of that name.
        name: As requested.
        query: Of the request.
        now: The time of reading.

    Raises:
        Refused: 404 for an operation that is not there, and for an address that was not used as it was given.
    """
    if operation is None or any(query.get(key) != value for key, value in _signature(operation).items()):
        raise Refused(HTTPStatus.NOT_FOUND, "OperationNotFound", f"The operation '{name}' was not found.")
    if query.get("monitor") == "true":
        return _monitored(operation, now)
    return json_reply(HTTPStatus.OK, _status(operation, now))


def _status(operation: Operation, now: float) -> dict[str, Any]:
    body: dict[str, Any] = {"startTime": stamp(operation.started)}
    if operation.ends > now:
        return {**body, "status": "InProgress", "name": operation.guid}
    body["endTime"] = stamp(operation.ends)
    if operation.code is None:
        return {**body, "status": "Succeeded", "name": operation.guid}
    error = {"code": operation.code, "message": operation.message}
    return {**body, "status": "Failed", "error": error, "name": operation.guid}


def _monitored(operation: Operation, now: float) -> Reply:
    """``Location``: 202 is running, 200 is done ("Track asynchronous Azure operations", learn.microsoft.com)."""
    if operation.ends > now:
        return Reply(HTTPStatus.ACCEPTED)
    if operation.code is not None:
        raise Refused(HTTPStatus.CONFLICT, operation.code, operation.message or "")
    return Reply(HTTPStatus.OK)
