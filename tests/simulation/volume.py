"""Many schedules: played by all cores, and what fails made small and told with the command that shows it again."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.simulation.invariants import Violation
from tests.simulation.oracle import judged
from tests.simulation.play import Cost, play
from tests.simulation.schedule import PROFILES, draw
from tests.simulation.shrink import shrunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation.schedule import Schedule

_CHUNK: Final = 25
_SHARES: Final = ("mixed", "stale", "mixed", "unobserved", "mixed")
assert set(_SHARES) == set(PROFILES)


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule in which something did not hold."""

    profile: str
    seed: int
    violation: str

    @property
    def command(self) -> str:
        """What shows it again, step by step."""
        return f"python -m tests.simulation --replay {self.seed} --profile {self.profile}"


@dataclass(frozen=True, slots=True)
class Batch:
    """
    What came of some schedules.

    Attributes:
        cpu_s: Seconds of the processor.
    """

    cost: Cost = field(default_factory=Cost)
    cpu_s: float = 0.0
    failures: tuple[Failure, ...] = ()

    def __add__(self, other: Batch) -> Batch:
        """Return both together."""
        return Batch(self.cost + other.cost, self.cpu_s + other.cpu_s, self.failures + other.failures)

    def __str__(self) -> str:
        cost, outcome = self.cost, f"{len(self.failures)} violations" if self.failures else "no violation"
        return (
            f"{cost.schedules:,} plays, {cost.processes:,} processes, {cost.requests:,} requests, "
            f"{cost.faults:,} faults, {cost.seconds / 3600:,.0f} h virtual, {self.cpu_s:,.0f} s of CPU: {outcome}"
        )


def numbered(count: int, first: int, profile: str | None = None) -> Iterator[tuple[str, int]]:
    """Yield profiles and seeds: of one profile, or mixed ones for three fifths and each other one for a fifth."""
    for number in range(count):
        yield profile or _SHARES[number % len(_SHARES)], first + number


def batch(numbers: Sequence[tuple[str, int]], *, compared: bool = True) -> Batch:
    """
    Play schedules.

    Args:
        numbers: Profiles and seeds.
        compared: Whether each is held against its script without faults too.
    """
    started, cost, failures = time.process_time(), Cost(), []
    for profile, seed in numbers:
        schedule = draw(seed, profile)
        try:
            cost += judged(schedule) if compared else play(schedule).cost
        except Violation as violation:
            failures.append(Failure(profile, seed, str(violation)))
    return Batch(cost, time.process_time() - started, tuple(failures))


def batches(numbers: Sequence[tuple[str, int]], jobs: int | None = None) -> Iterator[Batch]:
    """Play schedules on several cores; give what came of them, some at a time."""
    parts = [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        yield from pool.map(batch, parts)


def made_small(failure: Failure) -> tuple[Schedule, Violation]:
    """Return the smallest schedule that fails in the same way, and how it fails."""
    found: dict[Schedule, Violation] = {}

    def fails(schedule: Schedule) -> bool:
        try:
            judged(schedule)
        except Violation as violation:
            if _sort(str(violation)) == _sort(failure.violation):
                found[schedule] = violation
        return schedule in found

    schedule = draw(failure.seed, failure.profile)
    assert fails(schedule)
    smallest = shrunk(schedule, fails)
    return smallest, found[smallest]


def _sort(violation: str) -> str:
    """Return what sort of violation it is: without the numbers and names in it."""
    return re.sub(r"/subscriptions/\S+|[\d.]+|'[^']*'", "…", violation)
