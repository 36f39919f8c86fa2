"""
The differential oracle: the same script on a good day.

Faults may cost time and failed runs; at the end there is the same, and no more was written than the faults explain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.simulation.invariants import Violation
from tests.simulation.play import Cost, Play, play
from tests.simulation.resources import FROZEN
from tests.simulation.schedule import Edit, Run

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

_KILLED: Final = 1
"""PUTs of one resource that a process more or less, or two at once, explain."""


def judged(schedule: Schedule) -> Cost:
    """
    Play a schedule, and its script without faults, and compare.

    Raises:
        Violation: Something did not hold, in either or between them.
    """
    faulty, calm = play(schedule), play(schedule.without_faults())
    _same_end(faulty, calm)
    _bounded(faulty, calm)
    return faulty.cost + calm.cost


def _same_end(faulty: Play, calm: Play) -> None:
    """
    Hold that both end alike, wherever git alone decides how.

    Where git changed what Azure freezes, the end tells whether the resource was there before or after that.
    """
    one, other = faulty.end, calm.end
    for item in faulty.schedule.items:
        frozen = FROZEN.get(item.kind, frozenset())
        edits = (step for step in faulty.schedule.steps if isinstance(step, Edit))
        is_open = any(faulty.schedule.items[step.item] is item and step.fact in frozen for step in edits)
        if not is_open and one[item.key] != other[item.key]:
            message = f"{item.name} ends as {one[item.key]}, and without faults as {other[item.key]}"
            raise Violation(message)


def _bounded(faulty: Play, calm: Play) -> None:
    """
    Hold how often ARM acted on a PUT of each resource.

    At most as often as on a good day, and once more for each fault that met a request, each act of
    another client, each process that was killed or told to stop, and each pair of processes at once.
    """
    runs = [step for step in faulty.schedule.steps if isinstance(step, Run)]
    spoilt = sum(_KILLED for step in runs if step.crash or step.stop_s is not None or step.how == "two")
    more = faulty.azure.met + faulty.azure.interfered + spoilt
    for key, count in faulty.azure.written.items():
        usual = calm.azure.written[key]
        if count > usual + more:
            message = f"{count} PUTs of {key}, {usual} without faults, and {more} things went wrong"
            raise Violation(message)
