"""Where the copies of each resource are, for the reports of runs that read it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.plan.states import items
from reconciler.report.escape import visible
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.live import Replication
    from reconciler.model.change import Change
    from reconciler.model.outcome import Report

UNREAD = "unknown"
"""The word for a state that Azure does not state."""


def replicated(report: Report) -> Iterator[tuple[Change, Replication]]:
    """Yield each resource whose replication was read, in plan order."""
    for item in items(report):
        if item.change.replication is not None:
            yield item.change, item.change.replication


def title_of(change: Change, replication: Replication) -> str:
    """Return the line of one resource: its kind, its name and the state of all its copies."""
    named = f"{visible(change.desired.kind.name)} {visible(change.desired.name)}"
    return f"{named}: {state_of(replication.state)}"


def regions_of(replication: Replication) -> Iterator[str]:
    """Yield one line for each region: its name and state."""
    for name, state in replication.regions:
        yield f"{visible(scrub(name))}: {state_of(state)}"


def state_of(state: str) -> str:
    """Return a state as it is shown."""
    return visible(scrub(state)) or UNREAD


def as_json(replication: Replication | None) -> dict[str, Any] | None:
    """Return the ``replication`` of the JSON report; None where it was not read."""
    if replication is None:
        return None
    return {
        "state": scrub(replication.state),
        "regions": {scrub(name): scrub(state) for name, state in replication.regions},
    }
