"""The state of each resource in a report, and the words for it. Pure; knows no format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode
from reconciler.kinds.live import Health
from reconciler.model.change import Action, Cause, Change, Reason, Sync
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.problems import SIGN_IN_FAILED

if TYPE_CHECKING:
    from reconciler.errors import ErrorInfo
    from reconciler.problems import Origin

_STATES: Final = {Action.CREATE: "to create", Action.UPDATE: "to update", Action.WAIT: "waiting"}
_INTERRUPTED: Final = ErrorCode.INTERRUPTED
_GOES_ON: Final = frozenset({ErrorCode.TIMEOUT, _INTERRUPTED})
BAD: Final = ("failed", "skipped", "refused", "blocked", "unknown", "still running", "not started")
"""Endings after which an apply is incomplete."""
_ENDINGS: Final = {Result.FAILED: "failed", Result.SKIPPED: "skipped", Result.REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Item:
    """
    One manifest's part of a report.

    Attributes:
        change: As decided just before the PUT if it came to that, else as planned.
        outcome: None unless something was applied.
    """

    change: Change
    outcome: Outcome | None = None


class Level(StrEnum):
    """The effect of a part of a report on the exit code of its command."""

    ERROR = "error"
    """The command exits 1."""
    WARNING = "warning"
    """A report of drift exits 2, or 3; a warning about a manifest changes nothing."""
    NOTE = "note"
    """It changes nothing."""


def level_of(item: Item, report: Report) -> Level:
    """Return the effect of *item* on the exit code of the command that made *report*."""
    change = item.change
    if report.checked is not None:
        is_refused = item.outcome is not None and item.outcome.result is Result.REFUSED
        return Level.ERROR if is_refused else Level.NOTE
    if is_applied(report):
        ending = ending_of(item)
        is_held_back = ending == "not started" and bool(report.errors)  # by an error that is reported on its own
        return Level.ERROR if ending in BAD and not is_held_back else Level.NOTE
    if change.action is Action.UNKNOWN or (change.action is Action.BLOCKED and report.command == "plan"):
        return Level.ERROR
    return Level.WARNING if change.sync.is_drift and report.command != "plan" else Level.NOTE


def items(report: Report) -> tuple[Item, ...]:
    """Return every manifest's part, in plan order."""
    parts = ((change, report.outcomes.get(change.desired.key)) for change in report.plan.changes)
    return tuple(Item(outcome.change if outcome else change, outcome) for change, outcome in parts)


def is_signed_out(report: Report) -> bool:
    """Return whether nothing was read because the sign-in failed."""
    return any(problem.code == SIGN_IN_FAILED for problem in report.errors)


def is_applied(report: Report) -> bool:
    """Return whether the report is about writing; a pass of the loop without any outcome is a drift report."""
    return report.command == "apply" or (report.command == "run" and bool(report.outcomes))


def is_known_drift(change: Change, command: str) -> bool:
    """
    Return whether a resource is known to have been changed outside git, as far as *command* can know.

    An edit that was not applied yet is none. Nor is a resource to create without a sign that it ever existed; only
    ``drift`` and ``run`` count that too, as it may have been deleted.
    """
    if not change.sync.is_drift or change.cause is Cause.PENDING:
        return False
    is_unexplained = change.cause in {None, Cause.UNKNOWN}
    return not (is_unexplained and change.sync is Sync.MISSING) or command in {"drift", "run"}


def state_of(change: Change) -> str:
    """Return the words for the state of a resource in a plan."""
    if change.action is Action.NONE:
        return {Sync.IN_SYNC: "in sync", Sync.UNKNOWN: "unverified"}.get(change.sync, "out of sync")
    if change.rests:
        return "rolling out"
    return _STATES.get(change.action, str(change.action))


def ending_of(item: Item) -> str:
    """Return the words for how an apply ended for a resource."""
    action, result = item.change.action, item.outcome.result if item.outcome else None
    if result is Result.SUCCEEDED:
        return "created" if action is Action.CREATE else "updated"
    if action in {Action.BLOCKED, Action.UNKNOWN}:
        return str(action)
    if item.change.reason is Reason.HELD:
        return "held"
    if item.change.rests and (result is None or result is Result.UNCHANGED):
        return state_of(item.change)
    if result is None:
        return {Action.WAIT: "still running"}.get(action, "not started" if action.writes else state_of(item.change))
    if result is Result.UNCHANGED:
        return "in sync" if action.writes else state_of(item.change)
    return "still running" if result is Result.FAILED and _goes_on(item) else _ENDINGS[result]


def _goes_on(item: Item) -> bool:
    """Return whether the run stopped waiting; ARM's own errors of the same code have a status."""
    error = item.outcome.error if item.outcome else None
    return error is not None and error.code in _GOES_ON and error.status is None


def is_interrupted(item: Item) -> bool:
    """Return whether a resource was not finished because the run was interrupted."""
    error = item.outcome.error if item.outcome else None
    return error is not None and error.code == _INTERRUPTED and error.status is None


def is_noteworthy(item: Item) -> bool:
    """Return whether a report shows a resource by itself."""
    change = item.change
    if item.outcome is not None and item.outcome.error is not None:
        return True
    if change.action is not Action.NONE or change.reason is not Reason.IN_SYNC or change.fields:
        return True
    return change.health in {Health.DEGRADED, Health.PROGRESSING}


def is_urgent(item: Item) -> bool:
    """Return whether a resource failed, is blocked or could not be read: a report shows it before all others."""
    return error_of(item) is not None or item.change.action is Action.BLOCKED


def error_of(item: Item) -> ErrorInfo | None:
    """Return the error of a resource: of its apply, else of its read."""
    if item.outcome is not None and item.outcome.error is not None:
        return item.outcome.error
    return item.change.error


def place_of(item: Item) -> tuple[str, Origin] | None:
    """Return the value that an error of ARM names: its path, and the place that declares it or would have to."""
    error = error_of(item)
    if error is None or error.path is None:
        return None
    return error.path, item.change.desired.origin(error.steps)
