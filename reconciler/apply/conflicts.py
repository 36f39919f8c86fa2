"""
Names the operations that keep a PUT from being accepted: those in the same writer slot. Pure.

Azure answers ``Conflict`` to a write while another one runs in the same application, without a word about which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode
from reconciler.kinds.kind import folded_id
from reconciler.model.change import Action
from reconciler.model.outcome import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.errors import ErrorInfo
    from reconciler.kinds.kind import Kind
    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome
    from reconciler.values import JsonObject

_MOST: Final = 5
_TIMEOUT: Final = ErrorCode.TIMEOUT


@dataclass(frozen=True, slots=True)
class Running:
    """A resource with an operation that has not ended."""

    name: str
    state: str

    def __str__(self) -> str:
        return f"{self.name} is {self.state}"


def known(desired: Desired, plan: Plan, outcomes: Mapping[str, Outcome]) -> tuple[Running, ...]:
    """Return the operations in the writer slot of *desired* that the run has read, or has begun itself."""
    return tuple(dict.fromkeys((*_begun(desired, outcomes), *_planned(desired, plan, outcomes))))[:_MOST]


def siblings_path(desired: Desired) -> str | None:
    """Return the list of the resources that share the writer slot of *desired*; None where it has a slot of its own."""
    kind = desired.kind
    return None if kind.parameters[-1] in kind.writer else kind.list_path(desired.params)


def among(desired: Desired, bodies: Iterable[JsonObject]) -> tuple[Running, ...]:
    """Return the siblings of *desired* that are being written."""
    kind = desired.kind
    others = {folded_id(body["id"]): kind.live(body) for body in bodies}
    found = (
        Running(f"{kind.name} {key.rpartition('/')[2]}", live.provisioning_state)
        for key, live in others.items()
        if key != desired.key and not live.is_settled
    )
    return tuple(found)[:_MOST]


def named(error: ErrorInfo, running: Iterable[Running]) -> ErrorInfo:
    """Return *error* with the running operations in its message and its fix."""
    found = tuple(running)
    if not found:
        return error
    names = " and ".join(dict.fromkeys(each.name for each in found))
    message = "\n".join((error.message, *(f"in the way: {each}" for each in found)))
    return replace(error, message=message, fix=f"wait until the operation on {names} has ended, then run again")


def _begun(desired: Desired, outcomes: Mapping[str, Outcome]) -> Iterator[Running]:
    """Yield the operations that this run has begun in the slot and no longer waits for."""
    for outcome in outcomes.values():
        other, error = outcome.change.desired, outcome.error
        is_running = outcome.result is Result.FAILED and error is not None and error.code == _TIMEOUT
        if is_running and other.slot == desired.slot:
            yield Running(f"{other.kind.name} {other.name}", "still running")


def _planned(desired: Desired, plan: Plan, outcomes: Mapping[str, Outcome]) -> Iterator[Running]:
    """Yield the operations that the plan has read in the slot, declared or not, and that have not ended meanwhile."""
    for change in plan.changes:
        other = change.desired
        is_other = other.slot == desired.slot and other.key != desired.key and other.key not in outcomes
        if is_other and change.action is Action.WAIT:
            yield Running(f"{other.kind.name} {other.name}", "being written")
    for found in plan.unmanaged:
        if not found.live.is_settled and _slot(found.kind, found.id) == desired.slot:
            yield Running(f"{found.kind.name} {found.name}", found.live.provisioning_state)


def _slot(kind: Kind, resource_id: str) -> str:
    params = kind.parse_id(resource_id)
    return kind.writer_slot(params) if params else ""
