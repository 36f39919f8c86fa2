"""The time of day may jump while a run goes on: what it waits for, and for how long, does not change by it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.azure.client import Accepted
from tests.kit.arm import RESOURCE, VERSION, Wire, answer, client, found, patience, refused
from tests.kit.clock import FakeClock
from tests.kit.following import follow
from tests.kit.loops import run

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

OPERATION = f"{RESOURCE}/operations/o1"


class Jumping(FakeClock):
    """A clock whose time of day is set while it runs."""

    def __init__(self, jump: timedelta, after_s: float) -> None:
        """Jump once this many seconds have gone by."""
        super().__init__()
        self.jump = jump
        self.after_s = after_s

    def now(self) -> datetime:
        """Return the time of day as it was set."""
        return super().now() + (self.jump if self.elapsed >= self.after_s else timedelta())


JUMPS = [timedelta(), timedelta(days=1), timedelta(days=-1), timedelta(hours=1), timedelta(hours=-1)]


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("after_s", [0, 1, 30])
def test_retries(jump: timedelta, after_s: float) -> None:
    """The same waits between the tries, and none inside a window that ARM asked for."""
    clock = Jumping(jump, after_s)
    script = (refused(503, "ServerBusy"), refused(429, "TooManyRequests", Retry_After="40"), refused(503, "B"), found())
    wire = Wire(clock, *script)
    run(client(wire).get(RESOURCE, VERSION))
    assert wire.times == [0, 1, 41, 45]


@pytest.mark.parametrize("jump", JUMPS)
def test_an_operation(jump: timedelta) -> None:
    """It is asked at the same moments, and given up at the same deadline."""
    clock = Jumping(jump, 20)
    running: httpx.Response = answer(200, {"status": "InProgress"})
    wire = Wire(clock, running)
    arm, waiting = client(wire), patience(clock, interval_s=15, timeout_s=60)
    error = run(follow(arm, Accepted(OPERATION), waiting))
    assert error is not None
    assert error.code == "Timeout"
    assert wire.times == [0, 15, 30, 45, 60]
