"""
The live state by the rows of Resource Graph, which are minutes old, and by reads of ARM where they do not suffice.

A row can show that a resource is in sync, and that a resource is unmanaged. It cannot show that one is absent, and no
PUT follows from it: each resource that a plan would write is read from ARM before the plan is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.kinds.kind import folded_id, subscription_in
from reconciler.model.live import Observation, Unmanaged, Unreadable
from reconciler.plan.reads import list_of
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reconciler.azure.observe import Scope
    from reconciler.azure.resource_graph import GraphReader
    from reconciler.errors import RequestError
    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.values import JsonObject

Rows = dict[str, "JsonObject"]
"""Bodies, by folded id."""
_NO_ROW: Final = Unreadable(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, "Resource Graph has no row of it"))


async def rows_of(desired: Sequence[Desired], graph: GraphReader) -> Rows:
    """
    Return the rows of all resources of the kinds and in the subscriptions of *desired*.

    Raises:
        RequestError: Resource Graph refused, or did not answer.
    """
    types = {item.kind.resource_type for item in desired}
    subscriptions = {subscription_in(item.key) for item in desired}
    found = await graph.resources(types, subscriptions) if desired else []
    return {folded_id(row["id"]): row for row in found if isinstance(row.get("id"), str)}


def by_rows(desired: Sequence[Desired], rows: Rows) -> Observation:
    """Return what rows alone show of *desired*: a resource without a usable one is unknown."""
    return Observation({item.key: _observed(item.kind, rows.get(item.key)) for item in desired})


def without_rows(error: RequestError, file: str) -> Problem:
    """Return the warning that Resource Graph did not answer, so that everything was read from ARM."""
    message = f"Resource Graph did not answer, and all resources were read by list: {error.info.message}"
    fix = "run again, or leave out `--reader graph`"
    return Problem(file, None, None, "", "graph-unavailable", message, fix)


def _observed(kind: Kind, row: JsonObject | None) -> Observed:
    return kind.live(row) if row is not None and isinstance(row.get("properties"), dict) else _NO_ROW


def completed(
    by_row: Observation, read: Observation, desired: Sequence[Desired], rows: Rows, scope: Scope
) -> Observation:
    """
    Return what ARM answered, and what rows show of all other resources.

    Args:
        by_row: The state of *desired* by rows alone.
        read: The answers of ARM.
        desired: The selected resources.
        rows: Of all resources.
        scope: Of the run.
    """
    rest = [item for item in desired if item.key not in read.observed]
    kinds = {item.kind.resource_type.lower(): item.kind for item in rest}
    unmanaged = () if scope.singly else _unmanaged(rows, scope.stated, {list_of(item) for item in rest}, kinds)
    every = sorted((*read.unmanaged, *unmanaged), key=lambda each: each.id.lower())
    return replace(read, observed={**by_row.observed, **read.observed}, unmanaged=tuple(every))


def _unmanaged(
    rows: Rows, stated: Collection[str], lists: Collection[str], kinds: Mapping[str, Kind]
) -> Iterator[Unmanaged]:
    """Yield the resources of the lists that no manifest declares."""
    for key, row in rows.items():
        kind = kinds.get(str(row.get("type")).lower())
        if key in stated or kind is None:
            continue
        params = kind.parse_id(row["id"])
        path = kind.list_path(params) if params else None
        if path is not None and folded_id(path) in lists:
            yield Unmanaged(kind, str(row.get("name") or key.rpartition("/")[2]), row["id"], kind.live(row))
