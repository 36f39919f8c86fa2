"""
Report a failed sign-in once: it concerns the run, not each resource. Pure.

All reads fail alike then, and each resource is reported as not read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode
from reconciler.model.change import Action
from reconciler.problems import SIGN_IN_FAILED, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.errors import ErrorInfo
    from reconciler.model.change import Change
    from reconciler.model.outcome import Outcome, Report

_PREFIX: Final = "could not sign in"
_CHILD: Final = ErrorCode.DEPENDENCY_FAILED


def stated_once(report: Report, file: str) -> Report:
    """
    Return *report* with a failed sign-in reported once instead of for each resource.

    Where nothing could be read it is an error of the run, else a warning for each sign-in that failed.

    Args:
        report: The report of a plan or an apply.
        file: The file that the error is reported for: a path of the command line.
    """
    changes = report.plan.changes
    causes = list(dict.fromkeys(change.error for change in changes if change.error and _is_unread(change)))
    if not causes:
        return report
    plan = replace(report.plan, changes=tuple(_short(change) for change in changes))
    outcomes = {key: _short_outcome(each) for key, each in report.outcomes.items()}
    report = replace(report, plan=plan, outcomes=outcomes)
    if all(_is_unread(change) or _is_child(change) for change in changes):
        return replace(report, errors=(*report.errors, _problem(file, causes[0], "nothing was read")))
    numbers = ((cause, sum(change.error == cause for change in changes)) for cause in causes)
    told = (_problem(file, cause, f"{number} of {len(changes)} resources not read") for cause, number in numbers)
    return replace(report, warnings=(*report.warnings, *told))


def statement(errors: Sequence[ErrorInfo | None], file: str = "") -> Problem | None:
    """
    Return the error of a run whose reads all failed at the sign-in; None if one did not.

    Args:
        errors: The error of each resource; None for one that was read. Children count with their parents.
        file: The file that the error is reported for: a path of the command line.
    """
    failed = [error for error in errors if error is not None and error.is_sign_in]
    others = (error for error in errors if error is None or not error.is_sign_in)
    if not failed or not all(error is not None and error.code == _CHILD for error in others):
        return None
    return _problem(file, failed[0], "nothing was read")


def _problem(file: str, cause: ErrorInfo, result: str) -> Problem:
    first = cause.message.partition("\n")[0].removeprefix(_PREFIX).removeprefix(": ")
    message = f"{_PREFIX}, {result}{f': {first}' if first else ''}"
    return Problem(file, None, None, "", SIGN_IN_FAILED, message, cause.fix)


def _is_unread(change: Change) -> bool:
    return change.action is Action.UNKNOWN and change.error is not None and change.error.is_sign_in


def _is_child(change: Change) -> bool:
    return change.action is Action.UNKNOWN and change.error is not None and change.error.code == _CHILD


def _short(change: Change) -> Change:
    return replace(change, error=_not_read(change.error)) if change.error and _is_unread(change) else change


def _short_outcome(outcome: Outcome) -> Outcome:
    if not _is_unread(outcome.change):
        return outcome
    error = _not_read(outcome.error) if outcome.error and outcome.error.is_sign_in else outcome.error
    return replace(outcome, change=_short(outcome.change), error=error)


def _not_read(error: ErrorInfo) -> ErrorInfo:
    return replace(error, message="not read: not signed in", fix=None)
