"""
Asks Resource Graph which machines and scale sets name which application versions, or which resources there are.

A query is sent by POST, which changes nothing, page by page. This reader sends it to that one address and has no other
method.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.azure.answers import json_object, unusable
from reconciler.azure.client import exchange
from reconciler.errors import ErrorCode, ErrorInfo, UnusableAnswerError
from reconciler.http.throttle import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.http.answer import Answer
    from reconciler.http.retry import Retrier
    from reconciler.http.transport import Transport
    from reconciler.values import JsonObject

PATH: Final = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
QUERY: Final = (
    "resources | where type in~ ('microsoft.compute/virtualmachines', 'microsoft.compute/virtualmachinescalesets') "
    "| extend applications = coalesce(properties.applicationProfile.galleryApplications, "
    "properties.virtualMachineProfile.applicationProfile.galleryApplications) | where isnotempty(applications) "
    "| project id, type, location, applications | order by id asc"
)
FAILED_INSTALLS: Final = (
    "resources | where type =~ 'microsoft.compute/virtualmachines/extensions' | where name =~ 'VMAppExtension' "
    "| project location, state = tostring(properties.provisioningState)"
)
_RESOURCES: Final = (
    "resources | where type in~ ({}) | project id, name, type, location, tags, identity, properties | order by id asc"
)
_MOST_SUBSCRIPTIONS: Final = 100
"""Of one query."""
_TOP: Final = 1000
_MAX_PAGES: Final = 1000
_REMAINING: Final = "x-ms-user-quota-remaining"
_RESETS_AFTER: Final = "x-ms-user-quota-resets-after"
_DURATION: Final = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?", re.ASCII)
_LONGEST_WAIT_S: Final = 60.0


@dataclass(slots=True)
class GraphReader:
    """Reads rows. Raises a :class:`~reconciler.errors.RequestError` for every answer but a page of them."""

    transport: Transport
    retrier: Retrier

    async def rows(self, query: str | None = None) -> list[JsonObject]:
        """
        Return every row of a query: by default every machine and scale set with applications.

        It covers all subscriptions that the identity may read. A result that breaks off is an error, never a short one.
        """
        return await self._all(query or QUERY)

    async def resources(self, types: Iterable[str], subscriptions: Iterable[str]) -> list[JsonObject]:
        """
        Return the resources of some types in some subscriptions, as bodies.

        They may be as old as minutes, and the identity may not be allowed to see all of them: one that is missing may
        exist.
        """
        query = _RESOURCES.format(", ".join(f"'{name.lower()}'" for name in sorted(types)))
        named = sorted(subscriptions)
        chunks = [named[start : start + _MOST_SUBSCRIPTIONS] for start in range(0, len(named), _MOST_SUBSCRIPTIONS)]
        return [_without_nulls(row) for chunk in chunks for row in await self._all(query, chunk)]

    async def _all(self, query: str, subscriptions: Sequence[str] = ()) -> list[JsonObject]:
        found: list[JsonObject] = []
        seen: set[str | None] = set()
        token: str | None = None
        while token not in seen and len(seen) < _MAX_PAGES:
            seen.add(token)
            answer = await self._page(query, subscriptions, token)
            page = json_object(answer)
            found += _rows(page, answer)
            token = _next(page, answer)
            if token is None:
                return found
            await self._keep_quota(answer)
        raise UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, "the pages of Resource Graph form a circle"))

    async def _page(self, query: str, subscriptions: Sequence[str], token: str | None) -> Answer:
        options: dict[str, Any] = {"resultFormat": "objectArray", "$top": _TOP}
        if token is not None:
            options["$skipToken"] = token
        scope = {"subscriptions": [*subscriptions]} if subscriptions else {}
        content = orjson.dumps({**scope, "query": query, "options": options})
        link = self.transport.url(PATH)
        return await exchange(
            self.transport, self.retrier, "POST", link, Lane("", route="ResourceGraph"), content=content
        )

    async def _keep_quota(self, answer: Answer) -> None:
        """Wait for the next span of the quota where this one has no query left."""
        if answer.headers.get(_REMAINING, "").strip() == "0":
            await self.transport.clock.sleep(_resets_after(answer))


def _without_nulls(row: JsonObject) -> JsonObject:
    """Return a row as the body of a GET: a column that the resource does not have is null there."""
    return {name: value for name, value in row.items() if value is not None}


def _resets_after(answer: Answer) -> float:
    match = _DURATION.fullmatch(answer.headers.get(_RESETS_AFTER, "").strip())
    if match is None:
        return 0.0
    hours, minutes, seconds = map(int, match.groups())
    return min(3600.0 * hours + 60 * minutes + seconds, _LONGEST_WAIT_S)


def _rows(page: JsonObject, answer: Answer) -> list[JsonObject]:
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise unusable(answer, "the answer is no page of Resource Graph")
    return rows


def _next(page: JsonObject, answer: Answer) -> str | None:
    token = page.get("$skipToken")
    if token is None and str(page.get("resultTruncated", "")).casefold() == "true":
        raise unusable(answer, "Resource Graph left rows out and named no next page")
    if token is not None and not isinstance(token, str):
        raise unusable(answer, "the next page of Resource Graph has no usable token")
    return token or None
