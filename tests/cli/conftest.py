"""The fixtures of the command line's tests: a working folder, the world behind the embedded ARM, and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from reconciler.cli.front import main
from tests.kit.cli import Azure, Done, Report, Workspace
from tests.kit.clock import LeapingClock
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path


class Command(Protocol):
    """Runs the command line."""

    def __call__(self, *arguments: str) -> Done:
        """Run one command in this process and give what it left behind."""


class Reporting(Protocol):
    """Runs a command for its report."""

    def __call__(self, *arguments: str, code: int = 0) -> Report:
        """Run one command with ``-o json``, expect an exit code, and give the checked report."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _no_settings: None) -> Workspace:
    """Return an empty working folder, with the embedded ARM chosen by the environment."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RECONCILER_CLOUD", "emulator")
    monkeypatch.setenv("RECONCILER_EMULATOR_STATE", str(tmp_path / "arm.sqlite"))
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0")
    monkeypatch.setenv("RECONCILER_POLL_INTERVAL", "0.01")
    return Workspace(folder)


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    """Return the world that the commands of the test reach."""
    return Azure(tmp_path / "arm.sqlite")


@pytest.fixture
def leaping(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    """Return the clock of the commands, which passes a wait at once."""
    clock = LeapingClock()
    clock.install(monkeypatch)
    return clock


@pytest.fixture
def run(work: Workspace, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the command line; no command ever shows a traceback."""

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "internal error" not in err
        return Done(code, out, err)

    return command


@pytest.fixture
def report(run: Command) -> Reporting:
    """Return the command line for its JSON report."""

    def command(*arguments: str, code: int = 0) -> Report:
        done = run(*arguments, "-o", "json")
        assert done.code == code, (done.code, done.out[-3000:], done.err)
        return done.report

    return command


@pytest.fixture
def proxy(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """Return the proxy before the embedded ARM of the commands."""
    made = Proxy()
    made.install(monkeypatch)
    return made
