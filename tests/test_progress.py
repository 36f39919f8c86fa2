"""How an apply is shown while it goes on."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress as RichProgress

from reconciler.model import Action, Change, Health, Outcome, Reason, Result, Sync
from reconciler.shell.progress import Bars, Silent, shown
from tests.support.service import bench, definition, run

if TYPE_CHECKING:
    import pytest


def change(name: str = "suite") -> Change:
    """Give something to do."""

    async def scenario() -> Change:
        async with bench(definition(name)) as test:
            return Change(test.desired[0], Action.CREATE, Reason.NOT_FOUND, Sync.MISSING, Health.UNKNOWN)

    return run(scenario)


def test_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """Where standard error is no terminal nothing is shown."""
    with shown() as progress:
        assert isinstance(progress, Silent)
        progress.started(change())
        progress.finished(Outcome(change(), Result.SUCCEEDED))
    assert capsys.readouterr() == ("", "")


def test_bars() -> None:
    """There is one line for each resource that is being written, made safe to show."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        bars = Bars(rich)
        bars.started(change())
        bars.started(change("other"))
        assert [task.description for task in rich.tasks] == [
            "create ApplicationDefinition/suite",
            "create ApplicationDefinition/other",
        ]
        bars.noted(change().desired, "replicated to 1 of 2 regions")
        assert rich.tasks[0].description == "ApplicationDefinition/suite: replicated to 1 of 2 regions"
        bars.finished(Outcome(change(), Result.SUCCEEDED))
        bars.noted(change().desired, "nobody looks any more")
        assert [task.description for task in rich.tasks] == ["create ApplicationDefinition/other"]


def test_what_was_never_started() -> None:
    """What is skipped has no line to take away."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        Bars(rich).finished(Outcome(change(), Result.SKIPPED))
        assert rich.tasks == []


def test_hostile_names() -> None:
    """A name cannot steer the terminal."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        Bars(rich).started(change("a\x1b[2J"))
        assert rich.tasks[0].description == "create ApplicationDefinition/a\\x1b[2J"


def test_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is drawn, names as they are and not as markup, on standard error."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with shown() as progress:
        assert isinstance(progress, Bars)
        progress.started(change("[red]x[/red]"))
        progress._progress.refresh()
        progress.finished(Outcome(change("[red]x[/red]"), Result.SUCCEEDED))
    assert "[red]x[/red]" in terminal.getvalue()
