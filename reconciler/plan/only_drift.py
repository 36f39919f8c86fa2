"""``--only drift``: the part of a plan that repairs changes made outside git, and publishes no edit. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.kinds.kind import folded_id
from reconciler.model.change import Action, Cause, Sync
from reconciler.problems import Problem

if TYPE_CHECKING:
    from reconciler.model.change import Change, Plan


def only_drift(plan: Plan) -> tuple[Plan, Problem | None]:
    """
    Return a plan with causes without the changes that may publish an edit, and a warning that counts those.

    Resources below a parent that is therefore not created are left out with it.
    """
    kept: list[Change] = []
    missing: set[str] = set()
    for change in plan.changes:
        if change.desired.parent not in missing and not _may_publish(change):
            kept.append(change)
        elif change.sync is Sync.MISSING:
            missing.add(change.desired.key)
    left = len(plan.changes) - len(kept)
    left_out = {change.desired.key for change in plan.changes} - {change.desired.key for change in kept}
    unsure = {change.desired.parent for change in plan.changes if change.desired.key in left_out}
    latest = tuple(move for move in plan.latest if folded_id(move.parent) not in unsure)
    return replace(plan, changes=tuple(kept), latest=latest), _left_out(plan, left) if left else None


def _may_publish(change: Change) -> bool:
    """Return whether an apply may write an edit from git; a resource that waits is decided again, and then written."""
    waits_for_more = change.action is Action.WAIT and change.cause is not None
    return (change.action.writes or waits_for_more) and change.cause is not Cause.DRIFT


def _left_out(plan: Plan, left: int) -> Problem:
    message = f"{left} of {len(plan.changes)} resources were left out: they differ by more than drift, or may do so"
    fix = "apply without `--only drift` to write them"
    return Problem(plan.changes[0].desired.source.file, None, None, "", "not-drift", message, fix)
