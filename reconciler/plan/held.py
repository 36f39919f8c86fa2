"""A plan that a round of the loop may not carry out. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.change import Reason

if TYPE_CHECKING:
    from reconciler.model.change import Change, Plan


def withheld(change: Change) -> Change:
    """Return a change that is not made now, with the action that an apply would take."""
    return replace(change, reason=Reason.HELD) if change.action.writes else change


def withheld_plan(plan: Plan) -> Plan:
    """Return a plan of which nothing is written now."""
    return replace(plan, changes=tuple(map(withheld, plan.changes)))
