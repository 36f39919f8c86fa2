"""
The requests that the stages send to ARM: read one, read a list, write one, follow an operation.

:class:`ArmReader` cannot write; ``drift`` and ``plan`` are given nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from reconciler.azure.answers import error_of, json_object, resource, unusable
from reconciler.azure.versions import Versions, is_version_unknown
from reconciler.errors import ErrorCode, ErrorInfo, RejectedError, TransientError, UnusableAnswerError
from reconciler.http.throttle import Lane
from reconciler.json.size import values_in
from reconciler.kinds.kind import subscription_in
from reconciler.secret.text import reveal

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.http.answer import Answer
    from reconciler.http.bounds import Bounds
    from reconciler.http.retry import Retrier
    from reconciler.http.transport import Transport
    from reconciler.kinds.kind import Kind
    from reconciler.values import JsonObject

_MAX_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    A PUT that ARM accepted.

    Attributes:
        operation: Link to the operation; None where the PUT is done, or the resource itself shows when it is.
        retry_after_s: Seconds that ARM asks to wait before the first look.
    """

    operation: str | None = field(default=None, repr=False)  # its query is signed
    request_id: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """The state of an operation, and the seconds that ARM asks to wait before the next look."""

    status: str | None
    body: JsonObject = field(repr=False)
    retry_after_s: float | None
    request_id: str | None = None


@dataclass(slots=True)
class ArmReader:
    """
    Reads. Raises a :class:`~reconciler.errors.RequestError` for every answer but the requested one.

    Attributes:
        versions: The newest api-versions that Azure knows, as far as it was asked.
    """

    transport: Transport
    retrier: Retrier
    versions: Versions = field(default_factory=Versions)

    async def get_newest(self, kind: Kind, resource_id: str, query: str | None = None) -> JsonObject:
        """Return one resource as sent, at the newest version of its kind that Azure knows."""

        async def send(version: str) -> JsonObject:
            return await self.get(resource_id, version, query)

        return await self.versions.read((kind.name, subscription_in(resource_id)), kind.api_versions, self.now, send)

    async def list_newest(self, kind: Kind, path: str) -> list[JsonObject]:
        """Return every element of a list, at the newest version of its kind that Azure knows."""

        async def send(version: str) -> list[JsonObject]:
            return await self.list(path, version)

        return await self.versions.read((kind.name, subscription_in(path)), kind.api_versions, self.now, send)

    @property
    def now(self) -> float:
        """Monotonic seconds, by which versions are remembered."""
        return self.transport.clock.monotonic()

    async def get(self, resource_id: str, api_version: str, query: str | None = None) -> JsonObject:
        """
        Return one resource as sent.

        Args:
            resource_id: Percent-encoded.
            api_version: The kind's.
            query: Further parameters, such as ``$expand=ReplicationStatus``.
        """
        answer = await self._request("GET", _with_version(resource_id, api_version, query))
        return resource(answer, resource_id)

    async def list(self, path: str, api_version: str) -> list[JsonObject]:
        """
        Return every element of a list, all of its pages; a list that breaks off is an error, never a short list.

        Only a 404 of the first page can mean that the list or its parent does not exist.
        """
        link: str | None = self.transport.url(_with_version(path, api_version))
        seen: set[str] = set()
        found: list[JsonObject] = []
        size = _Size()
        while link is not None:
            if link in seen or len(seen) >= _MAX_PAGES:
                raise UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, "the pages of a list form a circle"))
            seen.add(link)
            answer = await self._page(link, is_first=len(seen) == 1)
            page = json_object(answer)
            found += _elements(page, answer)
            size.add(answer, len(found), self.transport.service.bounds)
            following = _next_link(page, answer)
            link = self.transport.url(following) if following is not None else None
            if link is not None and subscription_in(link) not in {"", subscription_in(path)}:
                raise unusable(answer, "the link to the next page leads to another subscription")
        return found

    async def _page(self, link: str, *, is_first: bool) -> Answer:
        try:
            return await self._request("GET", link)
        except RejectedError as error:
            if is_first or error.info.status != HTTPStatus.NOT_FOUND:
                raise
            info = replace(error.info, code=ErrorCode.UNUSABLE_ANSWER, message="a further page of a list is missing")
            raise UnusableAnswerError(info) from None

    async def _request(
        self, method: str, link: str, content: bytes | None = None, check: Callable[[], None] | None = None
    ) -> Answer:
        """Send with retries, and again with another token where ARM refused the first one."""
        lane = Lane(subscription_in(link), method != "GET", _route(link))
        return await exchange(self.transport, self.retrier, method, link, lane, content=content, check=check)


async def exchange(  # noqa: PLR0913 (the parts of a request)
    transport: Transport,
    retrier: Retrier,
    method: str,
    link: str,
    lane: Lane,
    *,
    content: bytes | None = None,
    check: Callable[[], None] | None = None,
) -> Answer:
    """
    Send with retries, and again with another token where ARM refused the first one.

    Raises:
        RequestError: For every answer but a success.
    """

    async def send() -> Answer:
        return await transport.send(method, link, content, lane.realm, check=check)

    answer = await retrier.send(lane, send)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        await transport.tokens.renew(lane.realm, answer)
        answer = await retrier.send(lane, send)
    if not answer.is_success:
        raise error_of(answer, write=lane.write)
    return answer


@dataclass(slots=True)
class ArmWriter(ArmReader):
    """Reads, writes, and follows operations. PUT is the only method that writes."""

    def newest_to_put(self, kind: Kind, resource_id: str) -> str:
        """Return the newest api-version that Azure did not refuse to a PUT of a kind in a subscription."""
        return self.versions.writable((kind.name, subscription_in(resource_id)), kind.api_versions, self.now)

    def refused_to_put(self, kind: Kind, resource_id: str, version: str, error: ErrorInfo) -> str | None:
        """Return the newest version that is left after a PUT was refused for its version; None for other errors."""
        if not is_version_unknown(error):
            return None
        key = kind.name, subscription_in(resource_id)
        return self.versions.refuse_write(key, kind.api_versions, version, self.now)

    async def put(
        self, resource_id: str, api_version: str, body: JsonObject, check: Callable[[], None] | None = None
    ) -> Accepted:
        """
        Write one resource. The answer means that ARM accepted the PUT, not that it is done.

        Args:
            resource_id: Percent-encoded.
            api_version: The kind's.
            body: Its secrets are hidden until it is sent.
            check: Called each time before the PUT is sent; an exception that it raises keeps it from being sent.

        Raises:
            TransientError: With ``may_have_landed`` if ARM may have acted on it.
        """
        content = orjson.dumps(reveal(body))
        try:
            answer = await self._request("PUT", _with_version(resource_id, api_version), content, check)
        except UnusableAnswerError as error:  # too large to be read, for instance; ARM may have acted on the PUT
            raise TransientError(error.info, may_have_landed=True) from None
        operation = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
        return Accepted(operation, answer.request_id, answer.retry_after(self.transport.clock.now()))

    async def poll(self, operation: str) -> Polled:
        """Request the state of an operation. Without a status word in its body, its HTTP status counts."""
        answer = await self._request("GET", operation)
        retry_after = answer.retry_after(self.transport.clock.now())
        try:
            body = answer.json()
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        status = body.get("status")
        if not isinstance(status, str):
            status = "InProgress" if answer.status == HTTPStatus.ACCEPTED else None
        return Polled(status, body, retry_after, answer.request_id)


@dataclass(slots=True)
class _Size:
    """The size of one list, all its pages together."""

    content: int = 0
    values: int = 0

    def add(self, answer: Answer, items: int, bounds: Bounds) -> None:
        """
        Count one more page.

        Raises:
            UnusableAnswerError: The list is larger than the bounds.
        """
        self.content += len(answer.content)
        self.values += values_in(answer.content)
        for number, most, what in (
            (items, bounds.list_items, "items"),
            (self.content, bounds.list_bytes, "bytes"),
            (self.values, bounds.list_values, "values"),
        ):
            if number > most:
                raise unusable(answer, f"a list has more than {most:,} {what}")


def _with_version(path: str, api_version: str, query: str | None = None) -> str:
    more = f"{query}&" if query else ""
    return f"{path}?{more}{urlencode({'api-version': api_version}, quote_via=quote)}"


def _elements(page: JsonObject, answer: Answer) -> list[JsonObject]:
    elements = page.get("value")
    if not isinstance(elements, list) or not all(map(_is_resource, elements)):
        raise unusable(answer, "the answer is not a list of resources")
    return elements


def _is_resource(element: Any) -> bool:
    """Whether an element names its resource; otherwise the list cannot prove that a resource is missing."""
    return isinstance(element, dict) and isinstance(element.get("id"), str)


def _next_link(page: JsonObject, answer: Answer) -> str | None:
    link = page.get("nextLink")
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise unusable(answer, "the link to the next page is not a link")
    return link


def _route(link: str) -> str:
    """Return the types of a path, with stars for names: a provider counts such requests together."""
    _, _, path = link.partition("?")[0].lower().rpartition("/providers/")
    namespace, *rest = path.split("/")
    return "/".join([namespace, *("*" if place % 2 else word for place, word in enumerate(rest))])
