"""Makes a failing schedule smaller: whole parts are left out, then single faults and steps, as long as it fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.schedule import Schedule

T = TypeVar("T")


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """Return the smallest schedule that is found to fail."""
    while True:
        smaller = next((each for each in _smaller(schedule) if fails(each)), None)
        if smaller is None:
            return schedule
        schedule = smaller


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    for faults in _without_parts(schedule.faults):
        yield replace(schedule, faults=faults)
    for steps in _without_parts(schedule.steps):
        yield replace(schedule, steps=steps)


def _without_parts(whole: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Yield *whole* without one half, one quarter, and so on down to one element."""
    size = len(whole)
    while size:
        for start in range(0, len(whole), size):
            yield whole[:start] + whole[start + size :]
        size //= 2
