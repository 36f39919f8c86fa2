"""
Shows the progress of an apply on standard error: bars on a terminal, else lines for each PUT and one each minute.

The lines are records of a separate logger, so that secrets are hidden in them and ``--log-format`` applies.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler.model.change import Action
from reconciler.plan.states import Item, ending_of
from reconciler.report.escape import inert, visible
from reconciler.runtime.logs import PROGRESS
from reconciler.runtime.streams import terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from reconciler.apply.applier import Progress
    from reconciler.clock import Clock
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome

_LOG: Final = logging.getLogger(PROGRESS)
_LIFE_S: Final = 60.0
_MINUTE: Final = 60
_STARTS: Final = {Action.CREATE: "creating"}


class Silent:
    """Shows nothing."""

    def started(self, change: Change) -> None:
        """Show nothing."""

    def noted(self, desired: Desired, text: str) -> None:
        """Show nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Show nothing."""


@dataclass(slots=True)
class Tally:
    """
    The progress of an apply, counted.

    Attributes:
        total: Resources to create, to update or to wait for.
        done: Those with an outcome.
        running: Folded ids of resources whose PUT has started, each with the monotonic seconds of its start.
    """

    total: int
    done: int = 0
    running: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        to_go = max(0, self.total - self.done - len(self.running))
        return f"{self.done} done, {len(self.running)} running, {to_go} to go"

    def start(self, change: Change, now: float) -> None:
        """Count a resource as running."""
        self.running.setdefault(change.desired.key, now)

    def finish(self, outcome: Outcome, now: float) -> float | None:
        """Count a resource as done, and return its seconds since the start of its PUT; None if no PUT was sent."""
        self.done += 1
        started = self.running.pop(outcome.change.desired.key, None)
        return None if started is None else now - started


class Lines:
    """Writes a line when a PUT starts, one when it ends, and one each minute."""

    def __init__(self, clock: Clock, total: int) -> None:
        """Count *total* resources, and measure by *clock*."""
        self._clock = clock
        self._tally = Tally(total)
        self._noted: dict[str, str] = {}

    def started(self, change: Change) -> None:
        """Write that a PUT starts."""
        self._tally.start(change, self._clock.monotonic())
        _LOG.info("%s: %s", change.desired.address, _STARTS.get(change.action, "updating"))

    def noted(self, desired: Desired, text: str) -> None:
        """Write a note about a resource, unless it repeats the last one."""
        if self._noted.get(desired.key) != text:
            self._noted[desired.key] = text
            _LOG.info("%s: %s", desired.address, text)

    def finished(self, outcome: Outcome) -> None:
        """Write the outcome of a resource; nothing if it needed no PUT."""
        seconds = self._tally.finish(outcome, self._clock.monotonic())
        if seconds is None and outcome.error is None:
            return
        ending = ending_of(Item(outcome.change, outcome))
        after = "" if seconds is None else f" after {duration(seconds)}"
        cause = f", {outcome.error.code}" if outcome.error else ""
        place = f"({self._tally.done} of {self._tally.total})"
        _LOG.info("%s: %s%s%s %s", outcome.change.desired.address, ending, after, cause, place)

    async def live(self) -> None:
        """Write the counts each minute, until cancelled."""
        while True:
            await self._clock.sleep(_LIFE_S)
            _LOG.info("%s", self._tally)


class Bars:
    """Draws a line with the counts, and one for each running PUT."""

    def __init__(self, progress: RichProgress, total: int) -> None:
        """Draw on *progress*."""
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._tally = Tally(total)
        self._whole = progress.add_task(str(self._tally), total=None)

    def started(self, change: Change) -> None:
        """Add a line."""
        text = _plain(f"{change.action.value} {change.desired.kind.name}/{change.desired.name}")
        self._tasks[change.desired.key] = self._progress.add_task(text, total=None)
        self._tally.start(change, 0)
        self._progress.update(self._whole, description=str(self._tally))

    def noted(self, desired: Desired, text: str) -> None:
        """Show a note in the line."""
        task = self._tasks.get(desired.key)
        if task is not None:
            name = f"{desired.kind.name}/{desired.name}"
            self._progress.update(task, description=_plain(f"{name}: {text}"))

    def finished(self, outcome: Outcome) -> None:
        """Remove the line."""
        task = self._tasks.pop(outcome.change.desired.key, None)
        if task is not None:
            self._progress.remove_task(task)
        self._tally.finish(outcome, 0)
        self._progress.update(self._whole, description=str(self._tally))


def _plain(text: str) -> str:
    return inert(visible(text))


def duration(seconds: float) -> str:
    """Return a duration as text, such as ``4m19s``."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if hours:
        return f"{hours}h{minutes:02}m{rest:02}s"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


@asynccontextmanager
async def shown(clock: Clock, total: int) -> AsyncIterator[Progress]:
    """
    Yield a display of an apply's progress: bars on a terminal, else lines.

    Args:
        clock: Measures and waits.
        total: Resources to create, to update or to wait for.
    """
    stream = terminal()
    if not total:
        yield Silent()
    elif stream is not None:
        from rich.console import Console  # noqa: PLC0415 (only where it draws)
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=stream), transient=True) as progress:
            yield Bars(progress, total)
    else:
        lines = Lines(clock, total)
        living = asyncio.ensure_future(lines.live())
        try:
            yield lines
        finally:
            living.cancel()
            await asyncio.wait({living})
