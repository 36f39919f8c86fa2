"""A thousand schedules: some the same in every run, some never seen before; and those that Hypothesis makes up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.simulation.crashes import SCENARIOS, crash_points
from tests.simulation.invariants import Violation
from tests.simulation.play import play
from tests.simulation.schedule import PROFILES, RUNGS, drawn
from tests.simulation.volume import Failure, batch, numbered

if TYPE_CHECKING:
    from random import Random

FIXED, FRESH, CLOUDS, CHUNK = 800, 200, 200, 50
TOLD: Final = 60


def told(failures: tuple[Failure, ...]) -> str:
    """Return what failed, and how to see it again."""
    return "\n".join(f"{each.profile} {each.seed}: {each.violation}\n  {each.command}" for each in failures)


@pytest.mark.parametrize("first", range(0, FIXED, CHUNK))
def test_the_same_schedules_as_ever(first: int) -> None:
    """Every one safe, truthful and right in the end; one in eight held against its script without faults."""
    numbers = list(numbered(CHUNK, first))
    whole = batch(numbers[::8]) + batch([each for place, each in enumerate(numbers) if place % 8], compared=False)
    assert not whole.failures, told(whole.failures)


@pytest.mark.parametrize("part", range(FRESH // CHUNK))
def test_schedules_that_nobody_has_seen(part: int) -> None:
    """Drawn anew in every run; what fails says how to see it again."""
    numbers = list(numbered(CHUNK, int.from_bytes(os.urandom(4))))
    whole = batch(numbers, compared=False)
    assert not whole.failures, told(whole.failures)


@pytest.mark.parametrize("first", range(0, CLOUDS, CHUNK))
def test_clouds_that_lag_lose_nothing(first: int) -> None:
    """They learn in the midst of runs, other clients set newer properties, and an older PUT may drop them."""
    numbers = list(numbered(CHUNK, first, RUNGS))
    whole = batch(numbers, compared=False)
    assert not whole.failures, told(whole.failures)


@pytest.mark.properties
@given(st.randoms(use_true_random=False), st.sampled_from(PROFILES))
def test_no_schedule_can_be_made_up_that_fails(chance: Random, profile: str) -> None:
    """Of one that fails, Hypothesis shows the simplest."""
    schedule = drawn(chance, profile)
    try:
        play(schedule)
    except Violation as violation:
        note("\n".join([str(schedule), *violation.story[-TOLD:]]))
        raise


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_any_request_is_made_whole(name: str) -> None:
    """Before and after each; and ARM acts on no more PUTs than without it."""
    assert crash_points(name).points >= 10
