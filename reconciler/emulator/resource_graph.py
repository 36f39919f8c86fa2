"""
Resource Graph, for three queries: resources of this ARM, machines and scale sets with applications, and their installs.

The answers are as old as the settings say; a resource that is being deleted has a row until it is gone, and for that
time longer. The machines are from a seed file, a JSON list of
``{"id", "location", "applications": [{"packageReferenceId", "enableAutomaticUpgrade"}]}``.
An entry of a machine may have ``state``: that of its last install, such as ``Failed``.
An entry may have ``since``, an instant: it counts from then on, and takes the place of earlier ones of the same id.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler import filesystem
from reconciler.emulator.calls import Call, Reply, json_reply
from reconciler.emulator.checks import parse
from reconciler.emulator.errors import Refused
from reconciler.emulator.reads import dressed
from reconciler.emulator.routes import Route, route
from reconciler.errors import EmulatorError, PathError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reconciler.emulator.provider import Provider
    from reconciler.emulator.settings import EmulatorSettings

_QUERY: Final = (
    "resources | where type in~ ('microsoft.compute/virtualmachines', 'microsoft.compute/virtualmachinescalesets') "
    "| extend applications = coalesce(properties.applicationProfile.galleryApplications, "
    "properties.virtualMachineProfile.applicationProfile.galleryApplications) | where isnotempty(applications) "
    "| project id, type, location, applications | order by id asc"
)
_INSTALLS: Final = (
    "resources | where type =~ 'microsoft.compute/virtualmachines/extensions' | where name =~ 'VMAppExtension' "
    "| project location, state = tostring(properties.provisioningState)"
)
_RESOURCES: Final = re.compile(
    r"resources \| where type in~ \(('[a-z./]+'(?:, '[a-z./]+')*)\) "
    r"\| project id, name, type, location, tags, identity, properties \| order by id asc"
)
_COLUMNS: Final = ("id", "name", "type", "location", "tags", "identity", "properties")
_VERSIONS: Final = ("2021-03-01", "2022-10-01", "2024-04-01")
_MOST: Final = 1000
_MOST_BYTES: Final = 256 * 1024 * 1024
_TYPES: Final = ("microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets")
_QUERIES: Final = 15
"""Of one user, in each span of the quota."""
_SPAN_S: Final = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A machine or scale set as the query returns it.

    Attributes:
        since: When it came to be so, in seconds since the epoch.
        state: Of the last install on a machine; None without one.
    """

    row: dict[str, Any]
    since: float
    state: str | None = None


class _Quota:
    """The queries of a user in the current span; one more is refused where limits are."""

    def __init__(self, *, enforced: bool) -> None:
        self._enforced = enforced
        self._span = -1
        self._used = 0

    def take(self, ticks: float) -> dict[str, str]:
        """
        Count a query at *ticks*, monotonic seconds, and return the headers with the rest.

        Raises:
            Refused: 429.
        """
        span, passed = divmod(ticks, _SPAN_S)
        if span != self._span:
            self._span, self._used = int(span), 0
        self._used += self._enforced or not self._used
        wait = max(1, math.ceil(_SPAN_S - passed))
        headers = {"x-ms-user-quota-remaining": str(max(0, _QUERIES - self._used))}
        headers["x-ms-user-quota-resets-after"] = f"00:00:{wait:02}"
        if self._used > _QUERIES:
            refused = Refused(HTTPStatus.TOO_MANY_REQUESTS, "RateLimiting", "The quota of queries is used up.")
            refused.headers |= headers | {"Retry-After": str(wait)}
            raise refused
        return headers


@dataclass(frozen=True, slots=True)
class _Graph:
    """
    The data behind the answers.

    Attributes:
        providers: Of the resources, by the name of their kind.
        staleness_s: How old each answer is.
    """

    entries: tuple[Entry, ...]
    providers: Mapping[str, Provider]
    staleness_s: float
    quota: _Quota


def graph_routes(settings: EmulatorSettings, providers: Sequence[Provider]) -> tuple[Route, ...]:
    """
    Return the route of Resource Graph.

    Raises:
        EmulatorError: The seed file cannot be used.
    """
    entries = _entries(settings.seed) if settings.seed is not None else ()
    by_kind = {provider.kind.name: provider for provider in providers}
    graph = _Graph(entries, by_kind, settings.staleness_seconds, _Quota(enforced=settings.throttle))
    return (route("/providers/Microsoft.ResourceGraph/resources", POST=partial(_answer, graph)),)


def _answer(graph: _Graph, call: Call) -> Reply:
    body = parse(call.content)
    options = body.get("options") or {}
    top, start = options.get("$top", 100), str(options.get("$skipToken") or "0")
    query = str(body.get("query"))
    fault = _fault(call.api_version, query, options, start)
    if fault:
        raise Refused(HTTPStatus.BAD_REQUEST, "BadRequest", fault)
    headers = graph.quota.take(call.ticks)
    then, subscriptions = call.now - graph.staleness_s, body.get("subscriptions")
    wanted = _RESOURCES.fullmatch(query)
    if wanted is None:
        found = _visible(graph.entries, then, subscriptions)
        rows = [*map(_install, filter(_has_install, found))] if query == _INSTALLS else [each.row for each in found]
    else:
        rows = _resources(graph, {name.strip("' ") for name in wanted[1].split(",")}, then, subscriptions, call)
    page, end = rows[int(start) : int(start) + top], int(start) + top
    made = {"totalRecords": len(rows), "count": len(page), "data": page, "facets": [], "resultTruncated": "false"}
    return json_reply(HTTPStatus.OK, made | ({"$skipToken": str(end)} if end < len(rows) else {}), headers)


def _resources(graph: _Graph, types: set[str], then: float, subscriptions: Any, call: Call) -> list[dict[str, Any]]:
    """Return the resources of some types as they were at a moment; of all subscriptions, or of some."""
    rows = []
    for name, item in next(iter(graph.providers.values())).store.seen_at(then):
        provider = graph.providers[name]
        if provider.kind.resource_type.lower() in types and _is_in(item.key, subscriptions):
            newest = replace(call, method="GET", query={"api-version": provider.kind.api_versions[-1]})
            body = orjson.loads(dressed(provider, newest, item.answer, item))
            row = {column: body.get(column) for column in _COLUMNS}
            rows.append(row | {"type": provider.kind.resource_type.lower()})
    return rows


def _is_in(key: str, subscriptions: Any) -> bool:
    named = {str(each).lower() for each in subscriptions} if isinstance(subscriptions, list) else None
    return named is None or key.lower().split("/")[2] in named


def _visible(entries: Sequence[Entry], until: float, subscriptions: Any) -> list[Entry]:
    """Return what was so at a moment, by id; of all subscriptions, or of some."""
    rows = {entry.row["id"].lower(): entry for entry in entries if entry.since <= until}
    named = (entry for _, entry in sorted(rows.items()) if entry.row["applications"])
    return [each for each in named if _is_in(each.row["id"], subscriptions)]


def _has_install(entry: Entry) -> bool:
    return entry.state is not None


def _install(entry: Entry) -> dict[str, Any]:
    return {"location": entry.row["location"], "state": entry.state}


def _fault(version: str, query: str, options: dict[str, Any], start: str) -> str:
    """Return why a request is refused; empty where it is not."""
    top = options.get("$top", 100)
    if version not in _VERSIONS:
        return f"The api-version '{version}' is invalid."
    if query not in {_QUERY, _INSTALLS} and not _RESOURCES.fullmatch(query):
        return "The embedded Resource Graph answers the reconciler's own queries only."
    if options.get("resultFormat") != "objectArray" or not isinstance(top, int) or not 0 < top <= _MOST:
        return "resultFormat must be objectArray, and $top from 1 to 1000."
    return "" if start.isascii() and start.isdecimal() else "The $skipToken is invalid."


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        made = orjson.loads(filesystem.read(path, _MOST_BYTES))
        if not isinstance(made, list):
            raise _unusable(path, "it is no list")
        entries = [*map(_entry, made)]
    except (PathError, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise _unusable(path, str(error)) from error
    return tuple(sorted(entries, key=lambda entry: entry.since))


def _unusable(path: Path, why: str) -> EmulatorError:
    return EmulatorError(
        f"{path}: cannot seed Resource Graph: {why}; give a JSON list of objects with id, location and applications"
    )


def _entry(made: dict[str, Any]) -> Entry:
    kind = "/".join(made["id"].split("/")[6:8]).lower()
    if kind not in _TYPES:
        message = f"{made['id']} is neither a machine nor a scale set"
        raise ValueError(message)
    row = {"id": made["id"], "type": kind, "location": made["location"], "applications": list(made["applications"])}
    since = datetime.fromisoformat(made["since"]).timestamp() if "since" in made else 0.0
    return Entry(row, since, made.get("state"))
