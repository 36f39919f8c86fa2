"""Windows of the loop against a reference that knows nothing but a clock: each minute is looked at by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests.durations import parse_duration
from reconciler.manifests.windows import Window, closed

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE: Final = timedelta(minutes=1)
# Summer time by an hour and by half an hour, at midnight, by two hours, the other way round, and none at all.
ZONES: Final = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
)


def _field(text: str, least: int, most: int) -> set[int]:
    """Return the numbers that one field of a cron line names."""
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        low = least if span == "*" else int(first)
        high = most if span == "*" or (step and not last) else int(last or first)
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def _names(cron: str, wall: datetime) -> bool:
    """Return whether a cron line names a local time."""
    minute, hour, day, month, weekday = cron.split()
    by_day = wall.day in _field(day, 1, 31)
    by_weekday = wall.isoweekday() % 7 in {each % 7 for each in _field(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")
    return (
        wall.minute in _field(minute, 0, 59)
        and wall.hour in _field(hour, 0, 23)
        and wall.month in _field(month, 1, 12)
        and ((by_day and by_weekday) if both else (by_day or by_weekday))
    )


def _fires(window: Window, moment: datetime) -> bool:
    """Return whether a window opens at a minute: what its clock shows then, and what it has just skipped."""
    zone = ZoneInfo(window.time_zone)
    wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    if any(field.startswith("*") for field in window.cron.split()[:2]):
        return _names(window.cron, wall)
    before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
    if wall.replace(tzinfo=zone, fold=0).astimezone(UTC) == moment and _names(window.cron, wall):
        return True  # the first time that the clock shows it
    skipped = before + MINUTE
    while skipped < wall:
        if _names(window.cron, skipped):
            return True
        skipped += MINUTE
    return False


def _open(window: Window, moment: datetime) -> bool:
    minutes = int(window.duration / MINUTE)
    return any(_fires(window, moment - back * MINUTE) for back in range(minutes))


def _allowed(windows: Sequence[Window], moment: datetime) -> bool:
    if any(_open(each, moment) for each in windows if not each.allows):
        return False
    allowing = [each for each in windows if each.allows]
    return not allowing or any(_open(each, moment) for each in allowing)


def _fields(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    pair = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just("*"),
        st.just("*"),
        number.map(str),
        pair.map(lambda each: f"{each[0]}-{each[1]}"),
        pair.map(lambda each: f"{each[0]},{each[1]}"),
        st.integers(1, most).map(lambda step: f"*/{step}"),
    )


CRONS: Final = st.tuples(_fields(0, 59), _fields(0, 4), st.just("*"), st.just("*"), _fields(0, 7)).map(" ".join)
# Around the moments at which the clocks of each zone are moved in 2026, and a common day.
DAYS: Final = (
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2026, 4, 23, tzinfo=UTC),
    datetime(2026, 10, 29, tzinfo=UTC),
    datetime(2026, 9, 5, tzinfo=UTC),
    datetime(2026, 2, 15, tzinfo=UTC),
    datetime(2026, 3, 22, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
)
WINDOWS: Final = st.builds(
    Window,
    name=st.just("w"),
    allows=st.booleans(),
    cron=CRONS,
    duration=st.integers(1, 200).map(lambda minutes: minutes * MINUTE),
    time_zone=st.sampled_from(ZONES),
)
MOMENTS: Final = st.builds(
    lambda day, minutes: day + minutes * MINUTE, st.sampled_from(DAYS), st.integers(-6 * 60, 30 * 60)
)


@given(WINDOWS, MOMENTS)
def test_open(window: Window, now: datetime) -> None:
    """A window lasts its full duration after each firing, also across a change of summer time."""
    assert window.is_open(now) == _open(window, now)


@given(WINDOWS, MOMENTS)
def test_firings(window: Window, now: datetime) -> None:
    """The last firing and the next one are those of the clock, and none lies between."""
    last, following = window.last_opening(now), window.next_opening(now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert _fires(window, last)
    assert _fires(window, following)
    between = min(int((following - last) / MINUTE), 300)
    assert not any(_fires(window, last + step * MINUTE) for step in range(1, between))
    assert not any(_fires(window, following - step * MINUTE) for step in range(1, between))


@pytest.mark.properties
@given(st.lists(WINDOWS, max_size=3), MOMENTS)
def test_allowed(windows: list[Window], now: datetime) -> None:
    """One that denies wins; where one allows, only it does; and writing is allowed again when the report says so."""
    found = closed(windows, now)
    assert (found is None) == _allowed(windows, now)
    if found is None or found.until is None:
        return
    assert found.until > now
    assert _allowed(windows, found.until)
    minutes = min(int((found.until - now) / MINUTE), 90)
    assert not any(_allowed(windows, found.until - step * MINUTE) for step in range(1, minutes))
    assert found.window is not None
    assert found.window in windows


BERLIN: Final = "Europe/Berlin"


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    """Return a moment of 2026, in UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_words_of_a_closed_window() -> None:
    """The window that denies is named; outside of those that allow, the one that opens next."""
    freeze = Window("freeze", allows=False, cron="0 18 * * 5", duration=timedelta(days=2, hours=14), time_zone=BERLIN)
    office = Window("office", allows=True, cron="0 9 * * 1-5", duration=timedelta(hours=8), time_zone=BERLIN)
    saturday = closed((office, freeze), at(7, 12))
    assert saturday is not None
    assert (saturday.window, saturday.until) == (freeze, at(9, 8))
    evening = closed((office, freeze), at(4, 20))
    assert evening is not None
    assert (evening.window, evening.until) == (office, at(5, 8))
    assert closed((office, freeze), at(4, 10)) is None
    summer = closed((office,), at(29, 12))
    assert summer is not None
    assert summer.until == at(30, 7)


def test_a_window_that_never_closes() -> None:
    """Writing is never allowed again within the time that is looked at."""
    always = Window("stop", allows=False, cron="* * * * *", duration=timedelta(minutes=5))
    found = closed((always,), at(1, 0))
    assert found is not None
    assert (found.window, found.until) == (always, None)
    rare = Window("leap", allows=True, cron="0 0 29 2 *", duration=timedelta(hours=1))
    found = closed((rare,), at(1, 0))
    assert found is not None
    assert (found.window, found.until) == (None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("0s", 0), ("5", None), ("m", None), ("1w", None)],
)
def test_durations(text: str, seconds: int | None) -> None:
    """A whole number and its unit, or nothing."""
    found = parse_duration(text)
    assert (None if found is None else found.total_seconds()) == seconds
