"""How an apply is shown while it goes on."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from rich.progress import Progress as RichProgress

from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Health
from reconciler.model.change import Action, Change, Reason, Sync
from reconciler.model.outcome import Outcome, Result
from reconciler.runtime import logs
from reconciler.runtime.progress import Bars, Silent, duration, shown
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.service import bench, definition


def change(name: str = "suite") -> Change:
    """Return something to do."""

    async def scenario() -> Change:
        async with bench(definition(name)) as test:
            return Change(test.desired[0], Action.CREATE, Reason.NOT_FOUND, Sync.MISSING, Health.UNKNOWN)

    return run(scenario())


def test_lines_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    """One line when a PUT starts, one when it ends, and how much is done each minute of the run's own clock."""
    first, second, third = change("one"), change("two"), change("three")

    async def scenario() -> None:
        clock = FakeClock()
        async with shown(clock, 3) as progress:
            progress.started(first)
            await clock.sleep(70)
            progress.started(replace(second, action=Action.UPDATE))
            progress.noted(first.desired, "replicated to 1 of 2 regions")
            progress.noted(first.desired, "replicated to 1 of 2 regions")
            await clock.sleep(189)
            progress.finished(Outcome(first, Result.SUCCEEDED))
            error = ErrorInfo("Conflict", "It runs.", 409)
            progress.finished(Outcome(replace(second, action=Action.UPDATE), Result.FAILED, error))
            progress.finished(Outcome(third, Result.UNCHANGED))

    logs.set_up("warning", "text")
    run(scenario())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "ApplicationDefinition/one: creating",
        "0 done, 1 running, 2 to go",
        "ApplicationDefinition/two: updating",
        "ApplicationDefinition/one: replicated to 1 of 2 regions",
        *["0 done, 2 running, 1 to go"] * 3,
        "ApplicationDefinition/one: created after 4m19s (1 of 3)",
        "ApplicationDefinition/two: failed after 3m09s, Conflict (2 of 3)",
    ]


@pytest.mark.parametrize(("level", "style"), [("error", "text"), ("warning", "json")])
def test_lines_follow_the_log(capsys: pytest.CaptureFixture[str], level: str, style: str) -> None:
    """They are JSON where the log is, and quiet where only errors are wanted."""
    hostile = change("a\x1b[2J")

    async def scenario() -> None:
        async with shown(FakeClock(), 1) as progress:
            progress.started(hostile)

    logs.set_up(level, style)
    run(scenario())
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == (
        [] if level == "error" else ["ApplicationDefinition/a\\x1b[2J: creating"]
    )


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """An apply that writes nothing shows no progress."""
    made = change()

    async def scenario() -> None:
        async with shown(FakeClock(), 0) as progress:
            assert isinstance(progress, Silent)
            progress.started(made)
            progress.noted(made.desired, "text")
            progress.finished(Outcome(made, Result.SUCCEEDED))

    run(scenario())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "1m00s"), (259, "4m19s"), (3600, "1h00m00s"), (7384, "2h03m04s")]
)
def test_durations(seconds: float, text: str) -> None:
    """Times are written as people write them."""
    assert duration(seconds) == text


def test_bars() -> None:
    """There is one line for each resource that is being written, made safe to show."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        bars = Bars(rich, 2)
        bars.started(change())
        bars.started(change("other"))
        assert [task.description for task in rich.tasks] == [
            "0 done, 2 running, 0 to go",
            "create ApplicationDefinition/suite",
            "create ApplicationDefinition/other",
        ]
        bars.noted(change().desired, "replicated to 1 of 2 regions")
        assert rich.tasks[1].description == "ApplicationDefinition/suite: replicated to 1 of 2 regions"
        bars.finished(Outcome(change(), Result.SUCCEEDED))
        bars.noted(change().desired, "nobody looks any more")
        assert [task.description for task in rich.tasks] == [
            "1 done, 1 running, 0 to go",
            "create ApplicationDefinition/other",
        ]


def test_what_was_never_started() -> None:
    """A skipped resource has no line to remove."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        Bars(rich, 2).finished(Outcome(change(), Result.SKIPPED))
        assert [task.description for task in rich.tasks] == ["1 done, 0 running, 1 to go"]


def test_hostile_names() -> None:
    """A name cannot steer the terminal."""
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        Bars(rich, 2).started(change("a\x1b[2J"))
        assert rich.tasks[1].description == "create ApplicationDefinition/a\\x1b[2J"


def test_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is drawn, names as they are and not as markup, on standard error."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    marked = change("[red]x[/red]")

    async def scenario() -> None:
        async with shown(FakeClock(), 1) as progress:
            assert isinstance(progress, Bars)
            progress.started(marked)
            progress._progress.refresh()
            progress.finished(Outcome(marked, Result.SUCCEEDED))

    run(scenario())
    assert "[red]x[/red]" in terminal.getvalue()
