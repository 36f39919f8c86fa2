"""The simulation itself: its time, its chance, what it draws, and how it makes a failure small."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.kit.clock import START
from tests.simulation import resources
from tests.simulation.clock import EARLIER_S, VirtualClock, run
from tests.simulation.faults import BEHAVIORS
from tests.simulation.invariants import Try, Violation, Watch
from tests.simulation.oracle import judged
from tests.simulation.play import Play, play
from tests.simulation.resources import definition, gallery
from tests.simulation.schedule import PROFILES, Crash, Drift, Edit, Fault, Run, Schedule, Wait, draw
from tests.simulation.shrink import shrunk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ONE = Schedule((definition("suite"),), latency_s=1.0)


def on_loop(scenario: Callable[[VirtualClock], Coroutine[Any, Any, None]]) -> VirtualClock:
    """Run a scenario in virtual time."""
    clock = VirtualClock()
    run(clock, scenario(clock))
    return clock


def test_time_stands_still_while_anything_can_run() -> None:
    """And then it is the next sleeper's, to the second, however long that is; of asyncio's own timeouts too."""
    seen: list[tuple[str, float]] = []

    async def sleeper(clock: VirtualClock, name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.elapsed))

    async def scenario(clock: VirtualClock) -> None:
        for _ in range(1000):
            await asyncio.sleep(0)
        assert clock.elapsed == 0
        await asyncio.gather(sleeper(clock, "day", 86400), sleeper(clock, "second", 1), sleeper(clock, "none", 0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()

    clock = on_loop(scenario)
    assert seen == [("none", 0), ("second", 1), ("day", 86400)]
    assert clock.elapsed == 86700
    assert clock.monotonic() == EARLIER_S + 86700
    assert (clock.now() - START).total_seconds() == 86700


def test_a_timer_that_nobody_waits_for_moves_no_time() -> None:
    """Each request has a timeout, which is over long before its time."""

    async def scenario(clock: VirtualClock) -> None:
        for _ in range(300):  # asyncio clears cancelled timers away by itself only where there are many
            async with asyncio.timeout(300):
                await clock.sleep(1)

    assert on_loop(scenario).elapsed == 300


def test_the_same_number_is_the_same_story() -> None:
    """The story is the same word for word, after any other play."""
    for profile in PROFILES:
        first, second = play(draw(7, profile)), play(draw(7, profile))
        assert first.story == second.story
        assert first.cost == second.cost


@pytest.mark.slow
def test_every_fault_and_step_comes_up() -> None:
    """In a few hundred schedules; and each fault meets a request."""
    steps: set[str] = set()
    met: set[str] = set()
    for schedule in map(draw, range(250)):
        steps |= {step.how if isinstance(step, (Run, Drift)) else type(step).__name__ for step in schedule.steps}
        if {fault.kind for fault in schedule.faults} - met:
            story = play(schedule).story
            met |= {line.partition("fault: ")[2].partition(" ")[0] for line in story if "fault: " in line}
    assert met == set(BEHAVIORS)
    runs = {"apply", "plan", "rounds", "two", "saved"}
    assert steps == runs | {"Edit", "Wait", "fact", "owner", "digest", "put", "remove", "fail", "undo", "finish"}


def test_a_crash_before_a_request_and_after_it() -> None:
    """Before, ARM never receives it; after, ARM acts on it, and the answer reaches no process."""
    puts = {}
    for after in (False, True):
        killed = Play(replace(ONE, steps=(Run(crash=Crash(3, after=after)),)))
        run(killed.clock, killed._step(killed.schedule.steps[0]))
        puts[after] = killed.azure.written
        killed.azure.world.close()
    assert [list(each.values()) for each in puts.values()] == [[0], [1]]


@pytest.mark.parametrize(("age", "shown"), [(1, "1"), (2, "0"), (3, "0"), (0, None)])
def test_a_stale_read_is_of_one_of_the_last_writes(age: int, shown: str | None) -> None:
    """Or of the time before there was anything; and for five minutes only."""
    stage = Play(replace(ONE, items=(gallery(),), existing=frozenset({0})))

    async def scenario() -> bytes | None:
        for value in ("1", "2"):
            await stage.azure.drift(Drift(0, "fact", "description", value))
        found = stage.azure.earlier(gallery().key, age)
        await stage.clock.sleep(301)
        with pytest.raises(LookupError):
            stage.azure.earlier(gallery().key, age)
        return found

    found = run(stage.clock, scenario())
    stage.azure.world.close()
    assert (None if found is None else orjson.loads(found)["properties"]["description"]) == shown


def test_a_failure_is_made_small() -> None:
    """What has no part in it goes, in halves and then one by one; what has stays, in its order."""
    faults = tuple(Fault("reset", "get", skip=number) for number in range(20))
    schedule = replace(ONE, faults=faults, steps=(Wait(1), Run(), Edit(0, "team", "1"), Run("plan")))
    asked: list[Schedule] = []

    def fails(candidate: Schedule) -> bool:
        asked.append(candidate)
        return {3, 17} <= {fault.skip for fault in candidate.faults} and Run("plan") in candidate.steps

    smallest = shrunk(schedule, fails)
    assert [fault.skip for fault in smallest.faults] == [3, 17]
    assert smallest.steps == (Run("plan"),)
    assert len(asked) < 150


def test_the_oracle_sees_needless_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """More PUTs than a good day needs, where nothing went wrong, are a violation."""
    judged(ONE)
    calm = Schedule.without_faults
    monkeypatch.setattr(Schedule, "without_faults", lambda self: replace(calm(self), existing=frozenset({0}), steps=()))
    with pytest.raises(Violation, match=r"PUTs of|1 PUTs"):
        judged(replace(ONE, items=(gallery(),)))


def test_what_a_watch_finds_by_itself() -> None:
    """Repeats beyond the budget, and a secret in a text; the rest the planted bugs show."""
    watch = Watch(1, {}, {})
    for _ in range(40):
        attempt = Try()
        watch.tries(attempt, 0.0)
        attempt.status = 503
        watch.tries(attempt, 0.0)
    watch.sinks("a text", f"sig={resources.CANARY}")
    assert watch.found[0] == "process 1: 31 repeats in 62 requests"
    assert watch.found[-1] == "process 1: a text shows a secret: …sig="
