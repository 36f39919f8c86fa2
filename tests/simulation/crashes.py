"""
Crash points: a process is killed before and after each of its requests, and the next one makes all whole.

No PUT is needless: ARM acts on as many as without the crash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tests.simulation.invariants import Violation
from tests.simulation.play import Cost, play
from tests.simulation.resources import application, definition, gallery, version
from tests.simulation.schedule import Crash, Edit, Fault, Run, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHAIN: Final = (gallery(), application(), version("1.0.0"))
_ALL: Final = (*_CHAIN, version("1.1.0"), definition("suite"))
SCENARIOS: Final[Mapping[str, Schedule]] = {
    "create all": Schedule(_ALL, operation_s=20.0, latency_s=0.25),
    "update several": Schedule(
        _ALL,
        existing=frozenset(range(len(_ALL))),
        operation_s=20.0,
        steps=(
            Edit(0, "description", "1"),
            Edit(2, "replicas", 2),
            Edit(3, "replicas", 2),
            Edit(4, "display", "1"),
            Run(),
        ),
    ),
    "record content that no answer shows": Schedule(
        (definition("suite"), definition("portal")), existing=frozenset({0, 1}), latency_s=0.25
    ),
    "an answer to a PUT is lost": Schedule(
        (*_CHAIN, definition("suite")),
        existing=frozenset({0, 1}),
        latency_s=0.25,
        faults=(Fault("reset-after", "put", 2), Fault("unavailable-after", "put", 3, value=503)),
    ),
    "a long operation": Schedule(_CHAIN, existing=frozenset({0, 1}), operation_s=200.0),
    "a chain of dependencies": Schedule(_CHAIN, operation_s=60.0, steps=(Run(concurrency=1),)),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    What became of one scenario.

    Attributes:
        points: How often a process was killed.
    """

    name: str
    points: int
    cost: Cost


def crash_points(name: str) -> Scenario:
    """
    Kill a process at every point of a scenario.

    Raises:
        Violation: Something did not hold, or a PUT was needless.
    """
    schedule = SCENARIOS[name]
    whole = play(schedule)
    cost, points = whole.cost, 0
    for crash in _crashes(whole.processes[0].requests):
        crashed = play(_with(schedule, crash))
        if crashed.azure.written != whole.azure.written:
            message = f"{name}, {crash}: {crashed.azure.written} PUTs, and {whole.azure.written} without the crash"
            raise Violation(message)
        cost, points = cost + crashed.cost, points + 1
    return Scenario(name, points, cost)


def _crashes(requests: int) -> Iterator[Crash]:
    for request in range(1, requests + 1):
        yield Crash(request, after=False)
        yield Crash(request, after=True)


def _with(schedule: Schedule, crash: Crash) -> Schedule:
    """Return the scenario with a process that dies, and one after it that finds what it left."""
    *before, last = schedule.steps
    assert isinstance(last, Run)
    return replace(schedule, steps=(*before, replace(last, crash=crash), last))
