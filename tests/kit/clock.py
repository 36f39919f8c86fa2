"""A clock that no test waits for: time stands still while anything can run, and then jumps to the next sleeper."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

START: Final = datetime(2026, 11, 21, 20, 25, tzinfo=UTC)
EARLIER_S: Final = 1000.0  # what the monotonic clock shows at START: not the time of day


class FakeClock:
    """
    Virtual time.

    Attributes:
        elapsed: Seconds since the start.
        slept: What was asked for, sleep by sleep.
    """

    def __init__(self) -> None:
        """Begin at START."""
        self.elapsed = 0.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        """Return the virtual time of day."""
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return virtual monotonic seconds."""
        return EARLIER_S + self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Return when nothing else could run before the virtual time has come."""
        self.slept.append(seconds)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + max(0.0, seconds), next(self._order), woken))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.ensure_future(self._drive())
        await woken

    async def _drive(self) -> None:
        # Which callbacks are ready is a private matter of the event loop, and the only way to know that all rest.
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        while self._sleepers:
            await asyncio.sleep(0)
            if ready:
                continue
            moment, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.elapsed = max(self.elapsed, moment)
                woken.set_result(None)
