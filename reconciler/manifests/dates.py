"""
Dates in the past that a PUT would set. Pure.

A date that is live already is no mistake: every end of life passes some day, and nothing happens then ("VM Applications
overview", learn.microsoft.com).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.kinds.leaves import Leaf, Place, below
from reconciler.kinds.normal_forms import normalize, parse_instant
from reconciler.kinds.paths import format_steps, written_path
from reconciler.model.change import Action, Finding
from reconciler.problems import Problem
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from reconciler.kinds.paths import Steps
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired

CODE: Final = "past-date"


def past_dates(changes: Iterable[Change], now: datetime) -> Iterator[Problem]:
    """Yield a warning for each date in the past that a PUT of a plan would set."""
    for change in changes:
        if change.action.writes:
            for steps, value in _past(change.desired, now):
                if change.action is Action.CREATE or _is_set(change, steps):
                    yield _warning(change.desired, steps, value)


def past_edits(before: Mapping[str, Desired], desired: Iterable[Desired], now: datetime) -> Iterator[Problem]:
    """
    Yield a warning for each date in the past that is new or edited.

    Args:
        before: The resources declared earlier, by folded id.
        desired: The resources declared now.
        now: Dates before it are in the past.
    """
    for item in desired:
        earlier = before.get(item.key)
        if earlier is item:
            continue
        known = {} if earlier is None else {steps: _moment(value) for steps, value in _dates(earlier)}
        for steps, value in _past(item, now):
            if known.get(steps) != _moment(value):
                yield _warning(item, steps, value)


def _is_set(change: Change, steps: Steps) -> bool:
    """Whether a PUT changes the value at *steps*: by itself, or as part of what it is in."""
    return any(field.finding is Finding.CHANGE and steps[: len(field.steps)] == field.steps for field in change.fields)


def _past(desired: Desired, now: datetime) -> Iterator[tuple[Steps, str]]:
    for steps, value in _dates(desired):
        parsed = parse_instant(value)
        if parsed is not None and parsed[0] < now:
            yield steps, value


def _dates(desired: Desired) -> Iterator[tuple[Steps, str]]:
    """Yield every date that is declared, and where."""
    waiting = [Leaf(desired.kind.rules, desired.body, MISSING, Place())]
    while waiting:
        leaf = waiting.pop()
        if leaf.rule.normalize == "instant" and isinstance(leaf.want, str):
            yield leaf.place.steps, leaf.want
        else:
            waiting += (each for each in below(leaf) if each.rule.has_instant and each.want is not MISSING)


def _moment(value: str) -> object:
    return normalize("instant", value)


def _warning(desired: Desired, steps: Steps, value: str) -> Problem:
    rules, body = desired.kind.rules, desired.body
    origin = desired.origin(written_path(rules, body, steps))
    path = f"spec.{format_steps(rules, steps, body)}"
    message = f"{desired.address}: `{value}` is in the past"
    return Problem(origin.file, origin.line, origin.column, path, CODE, message, "declare a later date")
