"""
Stage 4: reads the live resources, each once. GET only; decides nothing.

Reads lists, which also show undeclared resources; parents first, so that no request goes below a missing parent. Each
read asks for the newest api-version that Azure knows, so that no live leaf is hidden.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode, ErrorInfo, RequestError
from reconciler.http.concurrency import run_all
from reconciler.kinds.kind import folded_id
from reconciler.kinds.live import Live
from reconciler.model.live import Absence, Absent, Observation, Observed, Unmanaged, Unreadable
from reconciler.model.packed import as_held
from reconciler.plan.reads import planned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from reconciler.azure.client import ArmReader
    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired
    from reconciler.plan.reads import Read
    from reconciler.values import JsonObject

_LOG: Final = logging.getLogger("reconciler.azure.observe")
# Only a 404 with one of these codes is about the resource; a gateway's, or one without a code, has no meaning for it
# ("Common deployment errors", learn.microsoft.com).
_ABSENT: Final[Mapping[str, Absence]] = {
    "ResourceNotFound": Absence.NOT_FOUND,
    "ParentResourceNotFound": Absence.PARENT_MISSING,
    "ResourceGroupNotFound": Absence.GROUP_MISSING,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """
    The resources to read.

    Attributes:
        stated: Folded ids of all declared resources, selected or not.
        singly: Read only the selected resources, one by one (``--target``); unmanaged resources stay unknown.
        health: Read the replication status too.
        concurrency: Reads in flight at a time.
        live: Returns the live resource in an answer; None for :meth:`~reconciler.kinds.kind.Kind.live` of its kind.
    """

    stated: AbstractSet[str]
    singly: bool = False
    health: bool = False
    concurrency: int = 16
    live: Callable[[Kind, JsonObject], Live] | None = None

    def live_of(self, kind: Kind, body: JsonObject) -> Live:
        """Return the live resource in an answer with *body*."""
        return kind.live(body) if self.live is None else self.live(kind, body)


_ALONE: Final = Scope(frozenset())


@dataclass(slots=True)
class _Found:
    observed: dict[str, Observed] = field(default_factory=dict)
    parents: set[str] = field(default_factory=set)
    unmanaged: list[Unmanaged] = field(default_factory=list)
    others: list[Unmanaged] = field(default_factory=list)
    lists: set[str] = field(default_factory=set)

    def is_known_absent(self, key: str | None) -> Absent | None:
        """Return the absence of a parent; None where it may exist."""
        found = self.observed.get(key) if key else None
        return found if isinstance(found, Absent) else None


async def observe(desired: Sequence[Desired], scope: Scope, kinds: Mapping[str, Kind], arm: ArmReader) -> Observation:
    """
    Read the live state of *desired*.

    A read that fails makes its own resources unreadable and stops no other.
    """
    found = _Found()
    for depth in sorted({item.depth for item in desired}):
        level = [item for item in desired if item.depth == depth]
        await _read_level(level, found, scope, arm)
        await _read_parents(level, found, scope, kinds, arm)
    if scope.health:
        await _read_health(desired, found, scope, arm)
    unmanaged = tuple(sorted(found.unmanaged, key=lambda item: item.id.lower()))
    return Observation(
        found.observed,
        frozenset(found.parents),
        unmanaged,
        frozenset(found.lists),
        arm.versions.answered(),
        tuple(found.others),
    )


async def with_siblings(observation: Observation, items: Sequence[Desired], arm: ArmReader, most: int) -> Observation:
    """
    Return an observation of single resources with all other live versions of the same applications.

    A list that cannot be read changes nothing: nothing is then known about the others.

    Args:
        observation: As read resource by resource.
        items: One version of each application.
        arm: Reads.
        most: Reads in flight at a time.
    """
    found = _Found(dict(observation.observed), set(observation.parents), lists=set(observation.lists))
    await run_all((_read_siblings(item, found, arm) for item in items), most)
    others = (*observation.others, *(each for each in found.others if folded_id(each.id) not in observation.observed))
    return replace(observation, lists=frozenset(found.lists), others=others, versions=arm.versions.answered())


async def with_replication(
    observation: Observation, items: Sequence[Desired], arm: ArmReader, most: int
) -> Observation:
    """
    Return an observation that has the state of the copies of some live versions too.

    Args:
        observation: As read without them.
        items: The versions.
        arm: Reads.
        most: Reads in flight at a time.
    """
    found = _Found(dict(observation.observed))
    await run_all((_read_health_of(item, found, _ALONE, arm) for item in items), most)
    return replace(observation, observed=found.observed, versions=arm.versions.answered())


async def _read_siblings(item: Desired, found: _Found, arm: ArmReader) -> None:
    path = item.kind.list_path(item.params)
    if path is None:
        return
    try:
        found.others += [_unmanaged(item.kind, body, _ALONE) for body in await arm.list_newest(item.kind, path)]
        found.lists.add(folded_id(path))
    except RequestError:
        return


async def read_one(item: Desired, arm: ArmReader, scope: Scope = _ALONE, *, replication: bool = False) -> Observed:
    """Read one resource by itself, with the state of its copies where that is asked for and its kind has some."""
    query = (item.kind.health,) if replication and item.kind.health else ()
    try:
        return as_held(item, scope.live_of(item.kind, await arm.get_newest(item.kind, item.id, *query)))
    except Exception as error:  # noqa: BLE001 - a bug in one read must not stop the others
        return _failure(error)


def _failure(error: Exception) -> Observed:
    if not isinstance(error, RequestError):
        return Unreadable(internal_error(error))
    if error.info.status == HTTPStatus.NOT_FOUND and error.info.code in _ABSENT and not error.info.is_bare:
        return Absent(_ABSENT[error.info.code])
    return Unreadable(error.info)


async def _read_level(level: Sequence[Desired], found: _Found, scope: Scope, arm: ArmReader) -> None:
    unsettled: list[Desired] = []
    for item in level:
        absent = found.is_known_absent(item.parent)
        if absent is not None:
            why = Absence.GROUP_MISSING if absent.why is Absence.GROUP_MISSING else Absence.PARENT_MISSING
            found.observed[item.key] = Absent(why)
        else:
            unsettled.append(item)
    reads = planned(unsettled, scope.stated, singly=scope.singly)
    await run_all((_read(each, found, scope, arm) for each in reads), scope.concurrency)


async def _read(read: Read, found: _Found, scope: Scope, arm: ArmReader) -> None:
    if read.is_list:
        await _read_list(read, found, scope, arm)
    else:
        (item,) = read.items
        found.observed[item.key] = await read_one(item, arm, scope)


async def _read_list(read: Read, found: _Found, scope: Scope, arm: ArmReader) -> None:
    path, items, kind = read.path, read.items, read.kind
    try:
        live = {folded_id(body["id"]): body for body in await arm.list_newest(kind, path)}
        observed = {item.key: as_held(item, _listed(kind, live.get(item.key), scope)) for item in items}
        unmanaged = [_unmanaged(kind, live[key], scope) for key in live if key not in scope.stated]
        unselected = (scope.stated & live.keys()) - observed.keys() if kind.latest is not None else ()
        others = [_unmanaged(kind, live[key], scope) for key in sorted(unselected)]
    except Exception as error:  # noqa: BLE001 - as above
        failure = _failure(error)
        if isinstance(failure, Absent) and failure.why is Absence.NOT_FOUND:
            failure = Absent(Absence.PARENT_MISSING)  # a list that is not found has no parent
        found.observed.update(dict.fromkeys((item.key for item in items), failure))
        return
    found.observed.update(observed)
    found.unmanaged += unmanaged if not scope.singly else []
    found.others += others if not scope.singly else [*unmanaged, *others]
    found.lists.add(folded_id(path))
    if items[0].parent is not None:
        found.parents.add(items[0].parent)


def _listed(kind: Kind, body: JsonObject | None, scope: Scope) -> Observed:
    if body is None:
        return Absent(Absence.NOT_FOUND)
    if not isinstance(body.get("properties"), dict):
        return Unreadable(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, "the list names the resource without its properties"))
    return scope.live_of(kind, body)


def _unmanaged(kind: Kind, body: JsonObject, scope: Scope) -> Unmanaged:
    resource_id, live = str(body["id"]), scope.live_of(kind, body)
    return Unmanaged(kind, str(body.get("name") or resource_id.rpartition("/")[2]), resource_id, live)


async def _read_parents(
    level: Iterable[Desired], found: _Found, scope: Scope, kinds: Mapping[str, Kind], arm: ArmReader
) -> None:
    """Read the parents of absent resources that no earlier read has shown to exist."""
    unclear: dict[str, Desired] = {}
    for item in level:
        is_clear = item.parent is None or item.parent in found.observed or item.parent in found.parents
        if item.parent is not None and not is_clear and isinstance(found.observed[item.key], Absent):
            unclear[item.parent] = item
    await run_all((_read_parent(key, item, found, kinds, arm) for key, item in unclear.items()), scope.concurrency)
    for item in level:
        parent = found.observed.get(item.parent) if item.parent in unclear else None
        if isinstance(parent, Unreadable) and isinstance(found.observed[item.key], Absent):
            found.observed[item.key] = parent
    for key in unclear:
        found.observed.pop(key, None)


async def _read_parent(key: str, child: Desired, found: _Found, kinds: Mapping[str, Kind], arm: ArmReader) -> None:
    parent_id = child.kind.parent_id(child.params)
    kind = kinds.get(child.kind.parent or "")
    if parent_id is None or kind is None:
        return
    try:
        await arm.get_newest(kind, parent_id)
        found.parents.add(key)
    except Exception as error:  # noqa: BLE001 - as above
        failure = _failure(error)
        if isinstance(failure, Unreadable):
            found.observed[key] = failure


async def _read_health(desired: Sequence[Desired], found: _Found, scope: Scope, arm: ArmReader) -> None:
    readable = [item for item in desired if item.kind.health and isinstance(found.observed[item.key], Live)]
    await run_all((_read_health_of(item, found, scope, arm) for item in readable), scope.concurrency)


async def _read_health_of(item: Desired, found: _Found, scope: Scope, arm: ArmReader) -> None:
    try:
        body = await arm.get_newest(item.kind, item.id, item.kind.health)
        found.observed[item.key] = as_held(item, scope.live_of(item.kind, body))
    except RequestError:
        return  # the resource itself was read; only its replication is unknown
    except Exception as error:  # noqa: BLE001 - as above
        found.observed[item.key] = _failure(error)


def internal_error(error: Exception) -> ErrorInfo:
    """Return the error for a bug: only the type of the exception, as its text may quote anything."""
    _LOG.debug("unexpected %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    message = f"an unexpected {type(error).__name__} in the reconciler"
    return ErrorInfo(ErrorCode.INTERNAL_ERROR, message, fix="please report it, with the output of --log-level debug")
