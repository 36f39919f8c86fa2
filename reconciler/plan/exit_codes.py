"""
The exit code of every command: the only place that decides one. Pure.

A code of 64 or more follows sysexits.h; a command that a signal ended exits as shells do (``of_signal``).
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from reconciler.errors import ReconcilerError, UsageError
from reconciler.model.change import Action, Cause
from reconciler.plan.states import Level, items, level_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from reconciler.model.change import Change
    from reconciler.model.outcome import Report


class ExitCode(IntEnum):
    """The exit code of a command that no signal ended."""

    SUCCESS = 0
    FAILURE = 1
    """Wrong manifests, a failed request or operation, a blocked resource, a refused plan."""
    DIFFERS = 2
    """Azure differs from git (``drift``, ``run``), or an apply would send a PUT (``plan --detailed-exitcode``)."""
    PENDING = 3
    """Every difference is an edit that was not applied yet (``drift --detailed-exitcode``)."""
    USAGE = 64
    """A wrong command line, environment variable or setting."""
    BUG = 70
    """An error that the reconciler did not foresee."""


_SIGNAL: Final = 128


def of_report(report: Report, *, detailed: bool = False, may_write: bool = False) -> ExitCode:
    """
    Return the exit code of ``validate``, ``plan``, ``drift``, ``apply``, or one round of ``run``.

    Args:
        report: The report of the command.
        detailed: Whether ``--detailed-exitcode`` was given; it changes ``plan`` and ``drift`` only.
        may_write: Whether a round of ``run`` may write. It exits as ``apply`` does, even if it had nothing to write.
    """
    if report.errors:
        return ExitCode.FAILURE
    if report.command == "validate":
        return ExitCode.SUCCESS
    if may_write:
        report = replace(report, command="apply")
    parts = items(report)
    levels = {level_of(part, report) for part in parts}
    if Level.ERROR in levels:
        return ExitCode.FAILURE
    if report.checked is not None:
        return ExitCode.SUCCESS
    if report.command == "plan":
        return ExitCode.DIFFERS if detailed and report.puts else ExitCode.SUCCESS
    if Level.WARNING not in levels:
        return ExitCode.SUCCESS
    causes = {part.change.cause for part in parts if part.change.sync.is_drift}
    is_pending = detailed and report.command == "drift" and causes == {Cause.PENDING}
    return ExitCode.PENDING if is_pending else ExitCode.DIFFERS


def of_explanation(change: Change) -> ExitCode:
    """Return the exit code of ``explain``: FAILURE if the resource could not be read."""
    return ExitCode.FAILURE if change.action is Action.UNKNOWN else ExitCode.SUCCESS


def of_reads(unread: Collection[object]) -> ExitCode:
    """Return the exit code of ``list`` and ``snapshot``: FAILURE if a selected resource could not be read."""
    return ExitCode.FAILURE if unread else ExitCode.SUCCESS


def of_export(named: Collection[object], found: Collection[object]) -> ExitCode:
    """
    Return the exit code of ``export`` that could write its files.

    Args:
        named: The names of resources on the command line.
        found: The resources in Azure that the command line selects.
    """
    return ExitCode.FAILURE if named and not found else ExitCode.SUCCESS


def of_error(error: BaseException) -> ExitCode:
    """Return the exit code of a command that an exception ended; BUG for one that is not raised on purpose."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    return ExitCode.FAILURE if isinstance(error, (ReconcilerError, OSError)) else ExitCode.BUG


def of_signal(number: int) -> int:
    """Return the exit code of a command that a signal ended; it takes the place of every other one."""
    return _SIGNAL + number
