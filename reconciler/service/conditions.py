"""
States of a resource, or of the loop, that people hear of once: when they begin. Pure.

A state ends once it was missing for several rounds in a row, as an episode does. A round without news of a resource
changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.model.change import Action
from reconciler.model.outcome import Result
from reconciler.plan.states import error_of, items
from reconciler.problems import HISTORY_SET_ASIDE, HISTORY_UNUSABLE, LOCK_UNUSABLE, SOURCE_REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item


class Event(StrEnum):
    """The kinds of notices."""

    DRIFT_BEGAN = "drift-began"
    DRIFT_ENDED = "drift-ended"
    BLOCKED = "blocked"
    FAILED = "failed"
    APPLIED = "applied"
    ROLLOUT_WAITING = "rollout-waiting"
    ROLLOUT_FAILED = "rollout-failed"
    SOURCE_REJECTED = SOURCE_REJECTED
    STALLED = "stalled"


_BY_REASON: Final = {"rollout-waiting": Event.ROLLOUT_WAITING, "rollout-failed": Event.ROLLOUT_FAILED}
_OF_LOOP: Final = frozenset({LOCK_UNUSABLE, HISTORY_UNUSABLE, HISTORY_SET_ASIDE})
"""Warnings that a person must hear of: the loop cannot write, or cannot remember."""
Key = tuple[Event, str]
"""
An event, and the folded id of its resource; of a rejected commit, a digest of the message; of a loop that cannot write
or remember, the code of the warning; else empty.
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """
    A state that has begun.

    Attributes:
        missed: In how many rounds in a row it was missing.
    """

    since: datetime
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """
    A state that begins.

    Attributes:
        item: Of the resource; None for the loop as a whole.
        message: In words.
        fix: The next step; None where there is none.
    """

    event: Event
    item: Item | None
    message: str
    fix: str | None = None


def step(
    conditions: Mapping[Key, Condition], report: Report, now: datetime, after: int = 2
) -> tuple[dict[Key, Condition], tuple[Begun, ...]]:
    """
    Return the states after one round, and those that begin with it.

    Args:
        conditions: As the round before left them; that of ``stalled`` is no round's matter.
        report: Of the round.
        now: The time of the round.
        after: In how many rounds in a row a state is missing before it ends.
    """
    found = dict(_found(report))
    silent = frozenset(_silent(report))
    kept: dict[Key, Condition] = {}
    for key, condition in conditions.items():
        if key in found:
            kept[key] = replace(condition, missed=0)
        elif key[0] is Event.STALLED or _is_silent(key, silent, report):
            kept[key] = condition
        elif condition.missed + 1 < after:
            kept[key] = replace(condition, missed=condition.missed + 1)
    began = {key: begun for key, begun in found.items() if key not in conditions}
    return kept | {key: Condition(now) for key in began}, tuple(began.values())


def stalled(
    conditions: Mapping[Key, Condition], last_success: datetime, now: datetime, allowed: timedelta
) -> tuple[dict[Key, Condition], tuple[Begun, ...]]:
    """
    Return the states, and that the loop has stalled where it has since the last look.

    Args:
        conditions: As they are.
        last_success: When the last successful round ended, or the loop began.
        now: The time of the look.
        allowed: How long the loop may be without a successful round.
    """
    key = (Event.STALLED, "")
    others = {each: condition for each, condition in conditions.items() if each != key}
    if now - last_success < allowed:
        return others, ()
    if key in conditions:
        return dict(conditions), ()
    message = f"no successful round since {last_success:%Y-%m-%d %H:%M:%S} UTC"
    fix = "read the errors of the last rounds, in the log of the loop or with reconciler history"
    return others | {key: Condition(now)}, (Begun(Event.STALLED, None, message, fix),)


def _found(report: Report) -> Iterator[tuple[Key, Begun]]:
    """Yield each state that a report shows."""
    yield from _of_resources(report)
    yield from _of_round(report)


def _of_resources(report: Report) -> Iterator[tuple[Key, Begun]]:
    for item in items(report):
        change, key = item.change, item.change.desired.key
        error = error_of(item)
        message = error.message if error is not None else ""
        fix = (error.fix if error is not None else None) or change.fix
        event = _BY_REASON.get(change.reason.value)
        if event is None and change.action is Action.BLOCKED:
            event = Event.BLOCKED
        if event is not None:
            yield (event, key), Begun(event, item, message or str(change.reason), fix)
        if item.outcome is not None and item.outcome.result is Result.FAILED:
            yield (Event.FAILED, key), Begun(Event.FAILED, item, message, fix)


def _of_round(report: Report) -> Iterator[tuple[Key, Begun]]:
    others = []
    for problem in (*report.errors, *report.warnings):
        if problem.code == SOURCE_REJECTED:
            digest = hashlib.sha256(problem.message.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            yield (
                (Event.SOURCE_REJECTED, digest),
                Begun(Event.SOURCE_REJECTED, None, problem.message, problem.fix),
            )
        elif problem.code in _OF_LOOP:
            yield (Event.FAILED, problem.code), Begun(Event.FAILED, None, problem.message, problem.fix)
        elif problem in report.errors:
            others.append(problem)
    if others:
        more = f" (and {len(others) - 1} more errors)" if len(others) > 1 else ""
        yield (Event.FAILED, ""), Begun(Event.FAILED, None, f"{others[0].message}{more}", others[0].fix)
        return
    unread = sum(item.change.action is Action.UNKNOWN for item in items(report))
    if unread:
        resources = "1 resource" if unread == 1 else f"{unread} resources"
        yield (Event.FAILED, ""), Begun(Event.FAILED, None, f"{resources} could not be read")


def _silent(report: Report) -> Iterator[str]:
    """Yield the resources of which a report has no news: a failure lasts until the resource is in sync."""
    for item in items(report):
        change = item.change
        if change.action in {Action.UNKNOWN, Action.WAIT}:
            yield change.desired.key
        elif change.sync.is_drift and (item.outcome is None or item.outcome.result is Result.SKIPPED):
            yield f"{Event.FAILED} {change.desired.key}"


def _is_silent(key: Key, silent: frozenset[str], report: Report) -> bool:
    event, resource = key
    if not resource or resource in _OF_LOOP or event is Event.SOURCE_REJECTED:
        return False
    if resource in silent or f"{event} {resource}" in silent:
        return True
    return bool(report.errors or report.is_partial) and not _is_in(resource, report)


def _is_in(resource: str, report: Report) -> bool:
    return any(change.desired.key == resource for change in report.plan.changes)
