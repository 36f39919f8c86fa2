"""Times in which nothing is sent."""

from __future__ import annotations

from random import Random

from reconciler.errors import ErrorInfo
from reconciler.http.window import EVERYBODY, Window, Windows
from tests.kit.arm import Largest

READS, WRITES = ("s1", False), ("s1", True)


def test_a_scope_of_its_own() -> None:
    """A window holds up its scope, that of ``EVERYBODY`` all scopes; the one that ends last counts."""
    windows = Windows()
    assert windows.open_for(READS, 0) is None
    windows.hold(READS, 0, 10, ErrorInfo("E", "no"))
    assert windows.open_for(WRITES, 0) is None
    windows.hold(EVERYBODY, 0, 5)
    for scope, until in ((READS, 10), (WRITES, 5)):
        window = windows.open_for(scope, 0)
        assert window is not None
        assert window.until == until
    assert windows.open_for(READS, 10) is None
    assert [windows.holds(EVERYBODY, now) for now in (4.9, 5)] == [True, False]
    assert not windows.holds("other", 0)


def test_a_shorter_wait_ends_no_longer_one() -> None:
    """Nor does one that ends at the same moment begin it anew; no window is longer than a day."""
    windows = Windows()
    windows.hold(READS, 0, 10)
    first = windows.open_for(READS, 0)
    windows.hold(READS, 5, 5)
    assert windows.open_for(READS, 5) is first
    windows.hold(READS, 5, float("inf"))
    later = windows.open_for(READS, 5)
    assert later is not None
    assert later.until == 5 + 86_400


def test_one_goes_first() -> None:
    """The others follow within the length of the window, or ten seconds."""
    window = Window(100, 4)
    assert [window.place(Largest()) for _ in range(3)] == [100, 104, 104]
    assert Window(100, 600, is_led=True).place(Largest()) == 110
    assert {100 < Window(100, 4, is_led=True).place(Random(seed)) <= 104 for seed in range(20)} == {True}
