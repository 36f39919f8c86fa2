"""The exit codes of the commands. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.change import Cause
from reconciler.plan.states import Level, items, level_of
from reconciler.plan.summary import summarize

if TYPE_CHECKING:
    from reconciler.model.outcome import Report


def exit_code(report: Report, *, detailed: bool) -> int:
    """
    Return the exit code of the command that made *report*.

    Args:
        report: Of one pass.
        detailed: Whether ``--detailed-exitcode`` was given; it changes ``plan`` and ``drift`` only.
    """
    if report.errors:
        return 1
    if report.command == "validate":
        return 0
    if report.checked is not None:
        return 1 if summarize(report).refused else 0
    levels = {level_of(item, report) for item in items(report)}
    if Level.ERROR in levels:
        return 1
    if report.command == "plan":
        return 2 if detailed and report.puts else 0
    if Level.WARNING not in levels:
        return 0
    causes = {item.change.cause for item in items(report) if item.change.sync.is_drift}
    return 3 if detailed and report.command == "drift" and causes == {Cause.PENDING} else 2
