"""Limits count every resource that a plan may write, not only those that it certainly writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.kinds.live import Health
from reconciler.manifests.project import Limits
from reconciler.model.change import Action, Change, Plan, Reason, Sync
from reconciler.plan.limits import over_limit
from tests.kit.synthetic import widget

if TYPE_CHECKING:
    from reconciler.problems import Problem


def plan(*actions: Action) -> Plan:
    """Return a plan of existing resources."""
    item = widget(text="a")
    return Plan(
        tuple(Change(item, action, Reason.FIELDS_DIFFER, Sync.OUT_OF_SYNC, Health.HEALTHY) for action in actions)
    )


def message(found: Problem | None) -> str | None:
    """Return what a problem says, and its way out."""
    return f"{found.message}; {found.fix}" if found else None


@pytest.mark.parametrize(
    ("actions", "most", "expected"),
    [
        ((Action.UPDATE, Action.NONE, Action.BLOCKED), 1, None),
        ((Action.WAIT,), 1, None),
        ((Action.UPDATE,), 0, "the plan has 1 PUT, and at most 0 are allowed"),
        ((Action.WAIT,), 0, "the plan has 1 PUT, counting 1 that may follow a wait, and at most 0 are allowed"),
        (
            (Action.UPDATE, Action.WAIT, Action.WAIT),
            2,
            "the plan has 3 PUTs, counting 2 that may follow a wait, and at most 2 are allowed",
        ),
    ],
)
def test_what_waits_counts(actions: tuple[Action, ...], most: int, expected: str | None) -> None:
    """It is decided again once it has settled, and then it may be a PUT."""
    fix = f"review the plan; if it is right, pass --max-puts {sum(a in {Action.UPDATE, Action.WAIT} for a in actions)}"
    wanted = f"{expected}; {fix}" if expected else None
    assert message(over_limit(plan(*actions), Limits(), most)) == wanted
    assert message(over_limit(plan(*actions), Limits(max_puts=most), None)) == wanted


def test_what_waits_counts_in_the_share() -> None:
    """As an update of what exists."""
    some = plan(Action.UPDATE, Action.WAIT, Action.NONE, Action.NONE)
    assert over_limit(some, Limits(max_puts_percent=50), None) is None
    text = "the plan writes 2 of 4 existing resources (50 %), counting 1 that may follow a wait, and at most 49 %"
    assert (message(over_limit(some, Limits(max_puts_percent=49), None)) or "").startswith(text)
