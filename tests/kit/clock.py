"""Clocks that no test waits for."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

from reconciler.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

START: Final = datetime(2026, 11, 21, 20, 25, tzinfo=UTC)
EARLIER_S: Final = 1000.0  # what the monotonic clock shows at START: not the time of day


class Middling(Random):
    """Chance that always draws the middle: an interval is exactly what it is on average."""

    def random(self) -> float:
        """Return a half."""
        return 0.5


class ManualClock:
    """A clock that only moves when it is told to, or slept on."""

    def __init__(self) -> None:
        """Begin at START."""
        self.seconds = START.timestamp()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the time it was moved to."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the same, in seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.seconds += seconds


class FakeClock:
    """
    Virtual time: it stands still while anything can run, and then jumps to the next sleeper.

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


class LeapingClock:
    """
    The machine's clocks, for code in this process: when nothing else can run, they leap to the end of a sleep.

    Attributes:
        ahead_s: By how much they are ahead of the machine's.
    """

    def __init__(self) -> None:
        """Begin with the machine's time."""
        self.ahead_s = 0.0
        self._sleepers: WeakKeyDictionary[asyncio.AbstractEventLoop, Sleepers] = WeakKeyDictionary()
        self._order = count()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Let every SystemClock show this time."""
        patch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(seconds=self.ahead_s))
        patch.setattr(SystemClock, "monotonic", lambda _: self._monotonic())
        patch.setattr(SystemClock, "sleep", lambda _, seconds: self._sleep(seconds))

    def _monotonic(self) -> float:
        return time.monotonic() + self.ahead_s

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        sleepers = self._sleepers.setdefault(loop, Sleepers([], None))
        heapq.heappush(sleepers.queue, (self._monotonic() + seconds, next(self._order), woken))
        if sleepers.driver is None or sleepers.driver.done():
            sleepers.driver = asyncio.ensure_future(self._drive(sleepers.queue, loop._ready))  # type: ignore[attr-defined]
        await woken

    async def _drive(self, queue: list[Sleeper], ready: Collection[object]) -> None:
        while queue:
            await asyncio.sleep(0)
            if ready:
                continue
            moment, _, woken = heapq.heappop(queue)
            if not woken.done():
                self.ahead_s += max(0.0, moment - self._monotonic())
                woken.set_result(None)


Sleeper: TypeAlias = "tuple[float, int, asyncio.Future[None]]"


@dataclass
class Sleepers:
    """Who sleeps on one event loop, and what wakes them."""

    queue: list[Sleeper]
    driver: asyncio.Task[None] | None
