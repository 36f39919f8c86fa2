"""One resource against the pure next step: schedules that are always the same, and those that Hypothesis makes up."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.simulation.__main__ import main
from tests.simulation.attempts import play_attempt, play_attempts, remembered
from tests.simulation.bugs import planted, read_bugs
from tests.simulation.invariants import Violation

if TYPE_CHECKING:
    import pytest

SAME = 5000


def test_the_same_schedules_as_ever() -> None:
    """Every one safe, truthful and in time."""
    played = play_attempts(SAME, 0)
    assert played.failure is None, f"{played.failure}: python -m tests.simulation --resources {SAME} --seed 0"
    assert played.steps > 5 * SAME


def test_what_is_remembered_changes_nothing() -> None:
    """The decisions that a schedule makes once are those that it would make each time."""
    with remembered():
        quick = [play_attempt(Random(seed)) for seed in range(50)]
    assert quick == [play_attempt(Random(seed)) for seed in range(50)]


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_no_schedule_can_be_made_up_that_fails(chance: Random) -> None:
    """Of one that fails, Hypothesis shows the simplest."""
    try:
        play_attempt(chance)
    except Violation as violation:
        note("\n".join(violation.story))
        raise


def test_the_command_tells_what_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """With its story, and the command that plays it again."""
    assert main(["--resources", "100", "--seed", "0"]) == 0
    assert main(["--replay", "3", "--profile", "resource"]) == 0
    bug = next(each for each in read_bugs() if each.name == "failure-is-success")
    capsys.readouterr()
    with planted(bug):
        assert main(["--resources", "100", "--seed", "0"]) == 1
        said = capsys.readouterr().out
        command = next(line for line in said.splitlines() if "--replay" in line).split()
        assert main(command[3:]) == 1
    assert "VIOLATION" in said
    assert "VIOLATION" in capsys.readouterr().out
