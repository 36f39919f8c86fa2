"""
What the service and the wire do to a request when a fault of the schedule meets it.

A behavior takes the request and *forward*, which lets the embedded ARM answer it, and gives the answer, or breaks the
connection. It knows nothing of the reconciler, and decides nothing: that it happens, and to what, stands in the fault.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import httpx
import orjson

from tests.simulation.resources import CANARY, link

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.simulation.clock import VirtualClock
    from tests.simulation.schedule import Drift, Fault

ECHO: Final = f"The package {link('agent', 0)} cannot be read; Authorization: Bearer {CANARY}.token.of.the.request"
"""What ARM says in an error: it repeats what it was sent."""
_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request as it arrives.

    Attributes:
        number: Of the process that sent it.
        kind: ``get``, ``list``, ``put`` or ``poll``.
        key: The folded path: a resource id, or where a list or an operation is.
        at: Virtual seconds.
    """

    number: int
    method: str
    origin: str
    path: str
    query: str
    token: str
    content: bytes
    at: float

    @property
    def key(self) -> str:
        """The path, folded."""
        return self.path.lower()

    @property
    def kind(self) -> str:
        """What it is for."""
        if self.method != "GET":
            return self.method.lower()
        if "/capsoperations/" in self.key:
            return "poll"
        return "get" if self.path.rpartition("/providers/")[2].count("/") % 2 == 0 else "list"

    @property
    def scope(self) -> tuple[str, bool]:
        """What ARM throttles together: a subscription, and a direction."""
        parts = self.key.split("/")
        return parts[2] if parts[1:2] == ["subscriptions"] else "", self.method != "GET"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer; names of headers are lower case."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body; None if it is not JSON."""
        try:
            return orjson.loads(self.content.removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            return None


Forward: TypeAlias = "Callable[[], Awaitable[Reply]]"


@dataclass(slots=True)
class Meeting:
    """
    A fault that met a request.

    Attributes:
        earlier: Gives an earlier version of the answer to a read, or None where the resource was absent; raises
            LookupError where the last write is too long ago for that.
        happen: Lets another client do something.
    """

    fault: Fault
    request: Request
    forward: Forward
    clock: VirtualClock
    earlier: Callable[[str, int], bytes | None]
    happen: Callable[[Drift], Awaitable[None]]

    @property
    def value(self) -> Any:
        """More of what happens."""
        return self.fault.value


Behavior: TypeAlias = "Callable[[Meeting], Awaitable[Reply]]"

BEHAVIORS: Final[dict[str, Behavior]] = {}
"""Every fault by its name."""


def _named(behavior: Behavior) -> Behavior:
    """Enter a behavior under its own name."""
    BEHAVIORS[behavior.__name__.removeprefix("_").replace("_", "-")] = behavior
    return behavior


def error(status: int, code: str, **headers: str) -> Reply:
    """Return an answer with an ARM error, which repeats secrets."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, orjson.dumps({"error": {"code": code, "message": ECHO}}), named)


def _with_json(reply: Reply, change: Callable[[Any], Any]) -> Reply:
    body = reply.json()
    return replace(reply, content=orjson.dumps(change(body))) if isinstance(body, dict) else reply


def _resources(body: dict[str, Any]) -> list[dict[str, Any]]:
    return body["value"] if isinstance(body.get("value"), list) else [body]


# ------------------------------------------------------------------------------------------------------ status codes


@_named
async def _throttled(met: Meeting) -> Reply:
    return error(429, "TooManyRequests", retry_after=str(met.value))


@_named
async def _throttled_ms(met: Meeting) -> Reply:
    return error(429, "TooManyRequests", x_ms_retry_after_ms=str(met.value * 1000))


@_named
async def _throttled_date(met: Meeting) -> Reply:
    until = format_datetime(met.clock.now() + timedelta(seconds=met.value), usegmt=True)
    return error(429, "TooManyRequests", retry_after=until, date=format_datetime(met.clock.now(), usegmt=True))


@_named
async def _throttled_junk(met: Meeting) -> Reply:
    return error(429, "TooManyRequests", retry_after=met.value)


@_named
async def _unavailable(met: Meeting) -> Reply:
    return error(met.value, "ServerTimeout")


@_named
async def _unavailable_after(met: Meeting) -> Reply:
    await met.forward()
    return error(met.value, "InternalServerError")


@_named
async def _unavailable_for(met: Meeting) -> Reply:
    return error(503, "ServiceUnavailable", retry_after=str(met.value))


@_named
async def _refused(met: Meeting) -> Reply:
    return error(met.value, "InvalidParameter")


@_named
async def _refused_for(met: Meeting) -> Reply:
    return error(met.value, "InvalidParameter", retry_after="5")


@_named
async def _unauthorized(met: Meeting) -> Reply:
    challenge = 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"'
    return error(401, "ExpiredAuthenticationToken", www_authenticate=challenge)


@_named
async def _in_the_way(met: Meeting) -> Reply:
    asked = {"retry_after": str(met.value)} if met.value else {}
    return error(409, "Conflict", **asked)


# -------------------------------------------------------------------------------------------------------- connections


@_named
async def _reset(met: Meeting) -> Reply:
    raise httpx.ReadError(ECHO)


@_named
async def _reset_after(met: Meeting) -> Reply:
    await met.forward()
    raise httpx.ReadError(ECHO)


@_named
async def _cut_short(met: Meeting) -> Reply:
    await met.forward()
    raise httpx.RemoteProtocolError(ECHO)


@_named
async def _unreachable(met: Meeting) -> Reply:
    raise httpx.ConnectError(ECHO)


@_named
async def _timeout(met: Meeting) -> Reply:
    await met.clock.sleep(_TIMEOUT_S)
    raise httpx.ReadTimeout(ECHO)


@_named
async def _timeout_after(met: Meeting) -> Reply:
    await met.forward()
    await met.clock.sleep(_TIMEOUT_S)
    raise httpx.ReadTimeout(ECHO)


@_named
async def _slow(met: Meeting) -> Reply:
    await met.clock.sleep(met.value / 2)
    reply = await met.forward()
    await met.clock.sleep(met.value / 2)
    return reply


# -------------------------------------------------------------------------------------------------------------- bodies


@_named
async def _half(met: Meeting) -> Reply:
    reply = await met.forward()
    return replace(reply, content=reply.content[: len(reply.content) // 2])


@_named
async def _body(met: Meeting) -> Reply:
    return replace(await met.forward(), content=met.value.encode())


@_named
async def _byte_order_mark(met: Meeting) -> Reply:
    reply = await met.forward()
    return replace(reply, content=b"\xef\xbb\xbf" + reply.content)


@_named
async def _of_another(met: Meeting) -> Reply:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        if "id" in body and met.value == "name":
            body["id"] += "2"
        elif "id" in body:
            body["id"] = "/subscriptions/another/" + body["id"].split("/", 3)[3]
        return body

    return _with_json(await met.forward(), change)


@_named
async def _without_properties(met: Meeting) -> Reply:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        for resource in _resources(body):
            resource.pop("properties", None)
        return body

    return _with_json(await met.forward(), change)


@_named
async def _found_in_state(met: Meeting) -> Reply:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        for resource in _resources(body):
            if "properties" in resource:
                resource["properties"]["provisioningState"] = met.value
        return body

    return _with_json(await met.forward(), change)


@_named
async def _gateway_404(met: Meeting) -> Reply:
    return Reply(404, met.value.encode())


# --------------------------------------------------------------------------------------------------------------- links


def _led_away(link: str, pattern: str) -> str:
    """Return the link that *pattern* makes of one, with its path and query."""
    parts = urlsplit(link)
    return pattern.format(path=f"{parts.path.lstrip('/')}?{parts.query}")


@_named
async def _redirect(met: Meeting) -> Reply:
    here = f"{met.request.origin}{met.request.path}?{met.request.query}"
    return Reply(307, b"", {"location": _led_away(here, met.value)})


@_named
async def _foreign_next(met: Meeting) -> Reply:
    here = f"{met.request.origin}{met.request.path}?{met.request.query}&$skiptoken=x"
    return _with_json(await met.forward(), lambda body: {**body, "nextLink": _led_away(here, met.value)})


@_named
async def _loop(met: Meeting) -> Reply:
    here = f"{met.request.origin}{met.request.path}?{met.request.query}"
    return _with_json(await met.forward(), lambda body: {**body, "nextLink": here})


@_named
async def _foreign_operation(met: Meeting) -> Reply:
    return _with_link(await met.forward(), "azure-asyncoperation", met)


@_named
async def _foreign_location(met: Meeting) -> Reply:
    return _with_link(await met.forward(), "location", met)


def _with_link(reply: Reply, name: str, met: Meeting) -> Reply:
    kept = {key: value for key, value in reply.headers.items() if key not in {"azure-asyncoperation", "location"}}
    old = reply.headers.get("azure-asyncoperation", f"{met.request.origin}{met.request.path}?{met.request.query}")
    return replace(reply, headers={**kept, name: _led_away(old, met.value)})


@_named
async def _no_links(met: Meeting) -> Reply:
    reply = await met.forward()
    kept = {key: value for key, value in reply.headers.items() if key not in {"azure-asyncoperation", "location"}}
    return Reply(met.value, reply.content, kept) if reply.status < 300 else reply


# ---------------------------------------------------------------------------------------------------------- operations


@_named
async def _operation_not_found(met: Meeting) -> Reply:
    return error(404, "OperationNotFound")


@_named
async def _operation_word(met: Meeting) -> Reply:
    wrong = {"error": {"code": "GalleryImageNotFound", "message": ECHO}}
    return Reply(200, orjson.dumps({"status": met.value, **(wrong if met.value[:1] in {"F", "C"} else {})}))


@_named
async def _operation_endless(met: Meeting) -> Reply:
    return Reply(200, b'{"status": "InProgress"}')


# --------------------------------------------------------------------------------------------------------------- reads


@_named
async def _stale(met: Meeting) -> Reply:
    reply = await met.forward()
    age = met.value if isinstance(met.value, int) else 0
    try:
        if met.request.kind == "list":
            return _with_json(reply, lambda body: {**body, "value": _earlier_elements(met, body["value"], age)})
        content = met.earlier(met.request.key, age)
    except LookupError:
        return reply
    return error(404, "ResourceNotFound") if content is None else Reply(200, content, reply.headers)


def _earlier_elements(met: Meeting, elements: list[dict[str, Any]], age: int) -> list[dict[str, Any]]:
    found = []
    for element in elements:
        try:
            content = met.earlier(element["id"].lower(), age)
        except LookupError:
            found.append(element)
        else:
            found += [orjson.loads(content)] if content is not None else []
    return found


@_named
async def _meanwhile(met: Meeting) -> Reply:
    await met.happen(met.value)
    return await met.forward()
