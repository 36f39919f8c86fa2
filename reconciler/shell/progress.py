"""Shows on standard error how an apply goes on, where somebody is looking."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.report.escape import inert, visible
from reconciler.shell.streams import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from reconciler.model import Change, Desired, Outcome
    from reconciler.verify import Progress


class Silent:
    """Says nothing."""

    def started(self, change: Change) -> None:
        """Say nothing."""

    def noted(self, desired: Desired, text: str) -> None:
        """Say nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Say nothing."""


class Bars:
    """One line for each resource that is being written."""

    def __init__(self, progress: RichProgress) -> None:
        """Draw on *progress*."""
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def started(self, change: Change) -> None:
        """Add a line."""
        text = _plain(f"{change.action.value} {change.desired.kind.name}/{change.desired.name}")
        self._tasks[change.desired.key] = self._progress.add_task(text, total=None)

    def noted(self, desired: Desired, text: str) -> None:
        """Add to the line."""
        task = self._tasks.get(desired.key)
        if task is not None:
            name = f"{desired.kind.name}/{desired.name}"
            self._progress.update(task, description=_plain(f"{name}: {text}"))

    def finished(self, outcome: Outcome) -> None:
        """Take the line away."""
        task = self._tasks.pop(outcome.change.desired.key, None)
        if task is not None:
            self._progress.remove_task(task)


def _plain(text: str) -> str:
    return inert(visible(text))


@contextmanager
def shown() -> Iterator[Progress]:
    """Give a progress display: silent unless standard error is a terminal."""
    stream = terminal()
    if stream is None:
        yield Silent()
        return
    from rich.console import Console  # noqa: PLC0415 (only where it draws)
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield Bars(progress)
