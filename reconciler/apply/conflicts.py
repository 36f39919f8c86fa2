"""
Names the operation that keeps a PUT from being sent: what runs in the same writer slot. Reads; decides nothing.

Azure answers ``Conflict`` to a write while another one runs in the same application, without a word about which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ConflictError, ErrorCode, RequestError
from reconciler.kinds.kind import folded_id
from reconciler.model.change import Action
from reconciler.model.outcome import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.azure.client import ArmReader
    from reconciler.kinds.kind import Kind
    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome

_MOST: Final = 5
_TIMEOUT: Final = ErrorCode.TIMEOUT


@dataclass(frozen=True, slots=True)
class Running:
    """A resource with an operation that has not ended."""

    name: str
    state: str

    def __str__(self) -> str:
        return f"{self.name} is {self.state}"


async def in_the_way(
    desired: Desired, plan: Plan, outcomes: Mapping[str, Outcome], arm: ArmReader
) -> tuple[Running, ...]:
    """
    Return what runs in the writer slot of *desired*: as the run has read or begun it, else as its siblings are now.

    Nothing where Azure shows none, or where the siblings cannot be read.
    """
    known = tuple(dict.fromkeys((*_begun(desired, outcomes), *_planned(desired, plan, outcomes))))
    return (known or await _siblings(desired, arm))[:_MOST]


def named(error: ConflictError, running: Iterable[Running]) -> ConflictError:
    """Return *error* with the operations in the way in its message and its fix."""
    found = tuple(running)
    if not found:
        return error
    names = " and ".join(dict.fromkeys(each.name for each in found))
    message = "\n".join((error.info.message, *(f"in the way: {each}" for each in found)))
    fix = f"wait until the operation on {names} has ended, then run again"
    return ConflictError(replace(error.info, message=message, fix=fix), retry_after_s=error.retry_after_s)


def _begun(desired: Desired, outcomes: Mapping[str, Outcome]) -> Iterator[Running]:
    """Yield what this run has begun in the slot and no longer waits for."""
    for outcome in outcomes.values():
        other, error = outcome.change.desired, outcome.error
        is_running = outcome.result is Result.FAILED and error is not None and error.code == _TIMEOUT
        if is_running and other.slot == desired.slot:
            yield Running(f"{other.kind.name} {other.name}", "still running")


def _planned(desired: Desired, plan: Plan, outcomes: Mapping[str, Outcome]) -> Iterator[Running]:
    """Yield what was read as running in the slot, declared or not, and has not ended meanwhile."""
    for change in plan.changes:
        other = change.desired
        is_other = other.slot == desired.slot and other.key != desired.key and other.key not in outcomes
        if is_other and change.action is Action.WAIT:
            yield Running(f"{other.kind.name} {other.name}", "being written")
    for found in plan.unmanaged:
        if not found.live.is_settled and _slot(found.kind, found.id) == desired.slot:
            yield Running(f"{found.kind.name} {found.name}", found.live.provisioning_state)


async def _siblings(desired: Desired, arm: ArmReader) -> tuple[Running, ...]:
    """Return the siblings of *desired* that are being written now."""
    kind = desired.kind
    path = kind.list_path(desired.params)
    if path is None or kind.parameters[-1] in kind.writer:  # the slot is its own
        return ()
    try:
        bodies = await arm.list(path, kind.api_version)
    except RequestError:
        return ()
    others = {folded_id(body["id"]): kind.live(body) for body in bodies}
    return tuple(
        Running(f"{kind.name} {key.rpartition('/')[2]}", live.provisioning_state)
        for key, live in others.items()
        if key != desired.key and not live.is_settled
    )


def _slot(kind: Kind, resource_id: str) -> str:
    params = kind.parse_id(resource_id)
    return kind.writer_slot(params) if params else ""
