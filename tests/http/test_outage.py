"""When a service counts as down, and when a run gives it up: each failure leads to a new value."""

from __future__ import annotations

import pytest

from reconciler.errors import ErrorInfo
from reconciler.http.outage import NO_OUTAGE, Outage


def failing(times: int, *, every_s: float = 0.0, is_throttled: bool = False) -> Outage:
    """Return the outage after so many failures in a row."""
    outage = NO_OUTAGE
    for number in range(times):
        outage = outage.after(ErrorInfo("E", str(number)), number * every_s, is_throttled=is_throttled)
    return outage


def test_a_failure_changes_no_earlier_value() -> None:
    """The last error is the one that a report shows."""
    once = failing(1)
    assert once.after(ErrorInfo("E", "later"), 1, is_throttled=False).last.message == "later"
    assert (once.last.message, once.failures, NO_OUTAGE.failures) == ("0", 1, 0)
    assert NO_OUTAGE.last.code == "Unreachable"


def test_down_after_ten() -> None:
    """Throttling does not mean that a service is down."""
    assert [failing(times).is_down for times in (9, 10)] == [False, True]
    assert not failing(100, is_throttled=True).is_down


def test_probes_get_rarer() -> None:
    """One, two, four, eight seconds, and ten from then on."""
    outage, waits = failing(10), []
    for _ in range(6):
        waits.append(outage.probe_s)
        outage = outage.after_probe()
    assert waits == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(
    ("outage", "now", "is_given_up"),
    [
        (NO_OUTAGE, 1e9, False),
        (failing(2), 1e3, False),
        (failing(3), 60, False),
        (failing(3), 60.1, True),
        (failing(30), 4.9, False),
        (failing(30), 5, True),
        (failing(29), 60, False),
        (failing(9, is_throttled=True), 1200, False),
        (failing(9, is_throttled=True), 1200.1, True),
    ],
)
def test_given_up(outage: Outage, now: float, is_given_up: bool) -> None:  # noqa: FBT001
    """After a minute of failures, thirty that are no blink, or twenty minutes of refusals."""
    assert outage.is_given_up(now) is is_given_up
