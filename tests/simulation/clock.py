"""
Virtual time for everything on an event loop: sleeps, and asyncio's own timeouts, which bound each request.

When nothing can run any more, the time is that of the next timer. No test waits for it.
"""

from __future__ import annotations

import asyncio
import heapq
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tests.kit.clock import START

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
EARLIER_S: Final = 1000.0  # what the monotonic clock shows at START: not the time of day


class VirtualClock:
    """
    The product's clock.

    Attributes:
        elapsed: Seconds since the start.
    """

    def __init__(self) -> None:
        """Begin at START."""
        self.elapsed = 0.0

    def now(self) -> datetime:
        """Return the virtual time of day."""
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return virtual monotonic seconds."""
        return EARLIER_S + self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(max(0.0, seconds))


class _Loop(asyncio.SelectorEventLoop):
    """
    An event loop that moves a clock when all rest.

    What is ready, and which timers there are, only the loop's private names tell.
    """

    _ready: Any
    _scheduled: list[Any]
    _timer_cancelled_count: int

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__()

    def time(self) -> float:
        return self._clock.elapsed

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:  # a cancelled timer moves no time
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False
        if self._scheduled and not self._ready:
            self._clock.elapsed = max(self._clock.elapsed, self._scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def run(clock: VirtualClock, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in the time of *clock*."""
    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(work)
