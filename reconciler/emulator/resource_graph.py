"""
Resource Graph, for two queries: the machines and scale sets with gallery applications, and the installs on machines.

The file is a JSON list of ``{"id", "location", "applications": [{"packageReferenceId", "enableAutomaticUpgrade"}]}``.
An entry of a machine may have ``state``: that of its last install, such as ``Failed``.
An entry may have ``since``, an instant: it counts from then on, and takes the place of earlier ones of the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler import filesystem
from reconciler.emulator.calls import Call, Reply, json_reply
from reconciler.emulator.checks import parse
from reconciler.emulator.errors import Refused
from reconciler.emulator.routes import Route, route
from reconciler.errors import EmulatorError, PathError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
_VERSIONS: Final = ("2021-03-01", "2022-10-01", "2024-04-01")
_MOST: Final = 1000
_MOST_BYTES: Final = 256 * 1024 * 1024
_TYPES: Final = ("microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets")
_QUOTA: Final = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}


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


def graph_routes(settings: EmulatorSettings) -> tuple[Route, ...]:
    """
    Return the route of Resource Graph.

    Raises:
        EmulatorError: The seed file cannot be used.
    """
    entries = _entries(settings.seed) if settings.seed is not None else ()
    answer = partial(_answer, entries, settings.staleness_seconds)
    return (route("/providers/Microsoft.ResourceGraph/resources", POST=answer),)


def _answer(entries: Sequence[Entry], staleness_s: float, call: Call) -> Reply:
    body = parse(call.content)
    options = body.get("options") or {}
    top, start = options.get("$top", 100), str(options.get("$skipToken") or "0")
    fault = _fault(call.api_version, body.get("query"), options, start)
    if fault:
        raise Refused(HTTPStatus.BAD_REQUEST, "BadRequest", fault)
    found = _visible(entries, call.now - staleness_s, body.get("subscriptions"))
    is_about_installs = body.get("query") == _INSTALLS
    rows = [*map(_install, filter(_has_install, found))] if is_about_installs else [each.row for each in found]
    page, end = rows[int(start) : int(start) + top], int(start) + top
    made = {"totalRecords": len(rows), "count": len(page), "data": page, "facets": [], "resultTruncated": "false"}
    return json_reply(HTTPStatus.OK, made | ({"$skipToken": str(end)} if end < len(rows) else {}), _QUOTA)


def _visible(entries: Sequence[Entry], until: float, subscriptions: Any) -> list[Entry]:
    """Return what was so at a moment, by id; of all subscriptions, or of some."""
    rows = {entry.row["id"].lower(): entry for entry in entries if entry.since <= until}
    chosen = {str(each).lower() for each in subscriptions} if isinstance(subscriptions, list) else None
    named = (entry for _, entry in sorted(rows.items()) if entry.row["applications"])
    return [each for each in named if chosen is None or each.row["id"].lower().split("/")[2] in chosen]


def _has_install(entry: Entry) -> bool:
    return entry.state is not None


def _install(entry: Entry) -> dict[str, Any]:
    return {"location": entry.row["location"], "state": entry.state}


def _fault(version: str, query: Any, options: dict[str, Any], start: str) -> str:
    """Return why a request is refused; empty where it is not."""
    top = options.get("$top", 100)
    if version not in _VERSIONS:
        return f"The api-version '{version}' is invalid."
    if query not in {_QUERY, _INSTALLS}:
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
