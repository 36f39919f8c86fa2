"""One round of the loop, as everything that follows it takes it: history, notices, metrics, the page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.model.change import Action
from reconciler.model.outcome import Result
from reconciler.problems import SOURCE_REJECTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.model.outcome import Held, Report


class RoundOutcome(StrEnum):
    """How a round ended; where several hold, the first of *failed*, *rejected*, *held*."""

    OK = "ok"
    FAILED = "failed"
    """The round has errors, or a resource failed or could not be read."""
    HELD = "held"
    """Writing was forbidden, by a window, the hold file or the lock."""
    REJECTED = "rejected"
    """The newest commit was rejected; the last good one stays in force."""


@dataclass(frozen=True, slots=True)
class Round:
    """
    A round that has ended.

    Attributes:
        report: Its report.
        seconds: Its length, by a clock that never jumps.
        outcome: How it ended.
    """

    report: Report
    seconds: float
    outcome: RoundOutcome

    @property
    def started_at(self) -> datetime:
        """The start, in UTC."""
        return self.report.started_at

    @property
    def commit(self) -> str | None:
        """The commit in force; None where it is unknown."""
        return self.report.about.commit

    @property
    def requests(self) -> Mapping[str, int]:
        """The requests to ARM, by method."""
        return self.report.requests

    @property
    def held(self) -> Held | None:
        """Why writing was forbidden; None where it was not."""
        return self.report.held


def round_of(report: Report, seconds: float) -> Round:
    """Return the round that a report is of."""
    return Round(report, seconds, outcome_of(report))


def outcome_of(report: Report) -> RoundOutcome:
    """Return how a round ended, by its report."""
    if any(error.code != SOURCE_REJECTED for error in report.errors) or _has_failed(report):
        return RoundOutcome.FAILED
    if any(each.code == SOURCE_REJECTED for each in (*report.errors, *report.warnings)):
        return RoundOutcome.REJECTED
    return RoundOutcome.OK if report.held is None else RoundOutcome.HELD


def _has_failed(report: Report) -> bool:
    """Return whether a resource failed, or could not be read."""
    if any(outcome.result is Result.FAILED for outcome in report.outcomes.values()):
        return True
    actions = {outcome.change.action for outcome in report.outcomes.values()}
    return Action.UNKNOWN in actions or any(change.action is Action.UNKNOWN for change in report.plan.changes)
