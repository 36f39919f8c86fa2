"""Limits on the writes of one run: a plan over a limit writes nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.manifests.project import FILE_NAME
from reconciler.model.change import Action, Sync
from reconciler.problems import Problem

if TYPE_CHECKING:
    from reconciler.manifests.project import Limits
    from reconciler.model.change import Plan


def over_limit(plan: Plan, limits: Limits, max_puts: int | None) -> Problem | None:
    """
    Return which limit *plan* is over; None if it is within all of them.

    Args:
        plan: The actions of an apply.
        limits: The project's.
        max_puts: The user's; it takes the place of the project's limits.
    """
    most, where = (max_puts, "--max-puts") if max_puts is not None else (limits.max_puts, FILE_NAME)
    if most is not None and _possible(plan) > most:
        puts = "1 PUT" if _possible(plan) == 1 else f"{_possible(plan)} PUTs"
        return _over(f"the plan has {puts}{_waiting(plan)}, and at most {most} are allowed", plan, where)
    if max_puts is not None or limits.max_puts_percent is None:
        return None
    return _over_share(plan, limits.max_puts_percent)


def _over_share(plan: Plan, most: float) -> Problem | None:
    existing = [
        change for change in plan.changes if change.sync is not Sync.MISSING and change.action is not Action.CREATE
    ]
    updates = sum(change.may_write for change in existing)
    if not existing or 100 * updates <= most * len(existing):
        return None
    share = 100 * updates / len(existing)
    message = f"the plan writes {updates} of {len(existing)} existing resources ({share:.0f} %){_waiting(plan)}"
    return _over(f"{message}, and at most {most:g} % are allowed", plan, FILE_NAME)


def _possible(plan: Plan) -> int:
    return sum(change.may_write for change in plan.changes)


def _waiting(plan: Plan) -> str:
    count = _possible(plan) - plan.puts
    return f", counting {count} that may follow a wait" if count else ""


def _over(message: str, plan: Plan, where: str) -> Problem:
    fix = f"review the plan; if it is right, pass --max-puts {_possible(plan)}"
    path = "spec.limits" if where == FILE_NAME else ""
    return Problem(where, None, None, path, "limit-exceeded", message, fix)
