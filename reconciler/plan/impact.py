"""Counts the machines and scale sets that a plan affects, from who names what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.change import Action
from reconciler.model.impact import Followers, Impact, Pinned
from reconciler.plan.latest import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.model.change import Change, LatestMove, Plan
    from reconciler.plan.usage import References

_DATE: Final = "endOfLifeDate"


def is_asked(plan: Plan) -> bool:
    """Return whether a plan moves ``latest`` or takes a version out of use: nothing else has an impact."""
    return bool(plan.latest) or any(_retired(plan))


def impact_of(plan: Plan, known: References | None) -> Impact:
    """Return the impact of a plan; *known* is None where Resource Graph did not tell."""
    return Impact(
        {move: _followers(move, known) if known is not None else None for move in plan.latest},
        {change.desired.key: _pinned(change, known) if known is not None else None for change in _retired(plan)},
    )


def _retired(plan: Plan) -> Iterator[Change]:
    """Yield the versions that lose their last region of ``latest``, or get a date for the end of their life."""
    for change in plan.changes:
        if change.desired.kind.latest is None:
            continue
        if change.desired.key in plan.retired or (change.action is Action.UPDATE and _is_dated(change)):
            yield change


def _is_dated(change: Change) -> bool:
    return any(each.steps and each.steps[-1] == _DATE and each.desired is not None for each in change.fields)


def _followers(move: LatestMove, known: References) -> Followers:
    users = known.following(move.parent, [move.region])
    pinned = known.pinned(move.parent, move.before, [move.region]) if move.before is not None else None
    return Followers(
        users.machines, users.scale_sets, users.automatic, pinned.machines + pinned.scale_sets if pinned else 0
    )


def _pinned(change: Change, known: References) -> Pinned:
    users = known.pinned(change.desired.parent or "", number_of(change.desired, None) or "")
    return Pinned(users.machines, users.scale_sets)
