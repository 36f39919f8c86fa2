"""The loop as others see it: its last round, whether it is in time, and its metrics."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.service.metrics import Metrics
    from reconciler.service.round import Round

OVERDUE_AFTER: Final = 3
"""Intervals in which no round has ended."""


@dataclass(slots=True)
class Status:
    """
    The state of a loop.

    Attributes:
        interval_s: Between two rounds.
        folder: Of the history; None where none is kept.
        last: The last round, failed ones included; None before the first.
        number: How many rounds have ended.
    """

    clock: Clock
    interval_s: float
    metrics: Metrics
    folder: Path | None = None
    last: Round | None = None
    number: int = 0
    _ended_at: float = 0.0
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, ended: Round) -> None:
        """Take up a round."""
        self.last, self.number, self._ended_at = ended, self.number + 1, self.clock.monotonic()
        self._next.set()
        self._next = asyncio.Event()

    async def after(self, number: int) -> int:
        """Wait until another number of rounds than *number* has ended, and return it."""
        while self.number == number:
            await self._next.wait()
        return self.number

    def obstacle(self) -> str | None:
        """Return why the loop is not ready, in words; None where it is."""
        if self.last is None:
            return "no round has ended yet"
        since = self.clock.monotonic() - self._ended_at
        is_overdue = since >= OVERDUE_AFTER * self.interval_s
        return f"overdue: no round has ended for {since:.0f} s" if is_overdue else None
