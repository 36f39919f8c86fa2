"""Which resources may be taken up now, by a schedule that is asked directly."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.apply.schedule import Schedule
from reconciler.errors import ErrorInfo
from reconciler.model.change import Action, Plan, Sync
from reconciler.model.live import Absence, Absent
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.decide import Policy, decide
from tests.kit.service import application, definition, desired_of, gallery, version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.change import Change
    from reconciler.model.desired import Desired

NUMBERS: Final = ("1.0.0", "1.1.0", "2.0.0")
RESULTS: Final = (*Result, None)


@lru_cache(maxsize=1)
def estate() -> tuple[Desired, ...]:
    """Return a tree of galleries, applications and versions, and definitions beside it."""
    below = (version(number, application=name) for name in ("agent", "other") for number in NUMBERS)
    return desired_of(gallery(), application(), application("other"), *below, definition("one"), definition("two"))


def planned(waves: Mapping[str, int], left_out: frozenset[str] = frozenset()) -> Plan:
    """Return a plan that creates everything, in waves; a child's is never lower than its parent's."""
    known: dict[str, int] = {}
    changes = []
    for item in sorted(estate(), key=lambda each: each.depth):
        wave = max(waves.get(item.name, 0), known.get(item.parent or "", 0))
        known[item.key] = wave
        if item.name not in left_out:
            changes.append(decide(replace(item, wave=wave), Absent(Absence.NOT_FOUND), Policy()).change)
    return Plan(tuple(sorted(changes, key=lambda each: (each.desired.wave, each.desired.depth, each.desired.key))))


def ended(change: Change, result: Result | None) -> Outcome:
    """Return the outcome of a change."""
    error = ErrorInfo("Boom", "no") if result not in {Result.SUCCEEDED, Result.UNCHANGED} else None
    return Outcome(change, result, error)


def played(plan: Plan, choose: st.DataObject, results: Sequence[Result | None]) -> list[tuple[str, Change]]:
    """Take up what is ready, end it in any order, and return what began, ended and was skipped, as it came."""
    schedule = Schedule.of(plan)
    story: list[tuple[str, Change]] = []
    running: list[Change] = []
    while True:
        while ready := schedule.ready():
            for change in ready:
                skipped = schedule.skipped(change)
                story.append(("begins" if skipped is None else "skipped", change))
                if skipped is None:
                    running.append(change)
                else:
                    schedule.end(skipped)
        if not running:
            break
        change = running.pop(choose.draw(st.integers(0, len(running) - 1)))
        result = choose.draw(st.sampled_from(results))
        schedule.end(ended(change, result))
        story.append((f"ends {result}", change))
    assert schedule.is_over
    assert schedule.left() == ()
    assert set(schedule.outcomes) == {change.desired.key for change in plan.changes}
    return story


WAVES = st.dictionaries(st.sampled_from([item.name for item in estate()]), st.integers(-1, 2))
LEFT_OUT = st.frozensets(st.sampled_from([item.name for item in estate()]), max_size=4)


@pytest.mark.properties
@settings(max_examples=50)
@given(WAVES, LEFT_OUT, st.data())
def test_order(waves: Mapping[str, int], left_out: frozenset[str], data: st.DataObject) -> None:
    """Waves come one after the other, parents before children, one resource of a slot at a time, in any order."""
    running: dict[str, Change] = {}
    done: set[str] = set()
    plan = planned(waves, left_out)
    for what, change in played(plan, data, [Result.SUCCEEDED, Result.UNCHANGED]):
        desired = change.desired
        if what != "begins":
            done.add(desired.key)
            del running[desired.key]
            continue
        assert {each.desired.wave for each in running.values()} <= {desired.wave}
        assert desired.slot not in {each.desired.slot for each in running.values()}
        earlier = {each.desired.key for each in plan.changes if each.desired.wave < desired.wave}
        assert earlier <= done
        assert desired.parent in {None, *done} or desired.parent not in {each.desired.key for each in plan.changes}
        running[desired.key] = change


@settings(max_examples=50)
@given(WAVES, LEFT_OUT, st.data())
def test_what_is_skipped(waves: Mapping[str, int], left_out: frozenset[str], data: st.DataObject) -> None:
    """The descendants of a missing resource and the waves after a failure are skipped, and no other resources."""
    plan = planned(waves, left_out)
    lost: set[str] = set()
    failed: list[int] = []
    for what, change in played(plan, data, RESULTS):
        desired = change.desired
        is_due = desired.parent not in lost and not any(wave < desired.wave for wave in failed)
        if what in {"begins", "skipped"}:
            assert (what == "begins") is is_due
        if what not in {"begins", "ends succeeded", "ends unchanged"}:
            lost.add(desired.key)
        if what == "ends failed":
            failed.append(desired.wave)


@pytest.mark.parametrize(
    ("action", "is_skipped"), [(Action.UNKNOWN, True), (Action.PAUSED, False), (Action.BLOCKED, False)]
)
def test_a_parent_that_is_not_taken_up(action: Action, is_skipped: bool) -> None:  # noqa: FBT001
    """Below one that could not be read nothing is written; one that is there and waits for a human is enough."""
    changes = tuple(
        replace(each, action=action) if each.desired.name == "tools" else each for each in planned({}).changes
    )
    schedule = Schedule.of(Plan(changes))
    ready = {change.desired.name: schedule.skipped(change) for change in schedule.ready()}
    assert "tools" not in ready
    assert (ready["agent"] is not None) is is_skipped


def test_a_parent_that_stays_as_it_is() -> None:
    """One that turned out to be blocked, and is there, is enough for what is below it."""
    plan = planned({})
    schedule = Schedule.of(plan)
    (tools,) = (change for change in schedule.ready() if change.desired.name == "tools")
    schedule.end(Outcome(replace(tools, action=Action.BLOCKED, sync=Sync.OUT_OF_SYNC), None))
    assert all(schedule.skipped(change) is None for change in schedule.ready())
