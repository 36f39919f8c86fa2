"""The only reader of time and the only sleeper, so that a run can be driven by a clock that is not the wall's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as a run sees it."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC, for reports and records."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for deadlines and waits."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        import asyncio  # noqa: PLC0415 (commands that never wait, such as validate, do not need it)

        await asyncio.sleep(seconds)
