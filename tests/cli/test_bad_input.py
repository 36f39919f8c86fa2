"""Trouble after trouble: each is a report and an event, and none ends the loop or makes it write wrongly."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, cast

import pytest

from tests.kit.cli import Azure, Workspace, codes, commit, gallery, git, start, until
from tests.kit.hooks import receiving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.hooks import Receiver

    Hook = tuple[Receiver, str]

OURS: Final = gallery(description="ours")
PATIENCE_S: Final = 60
NOTIFY: Final = [{"type": "cloudevents", "url": {"$env": "RECONCILER_SECRET_HOOK"}}]


class Service:
    """The embedded ARM as a process of its own, which can be away."""

    def __init__(self, state: Path) -> None:
        """Start it on any port."""
        self.state = state
        self.port = "0"
        self.back()

    def back(self) -> None:
        """Start it, on the port that it had."""
        self.process = start("emulator", "--port", self.port, "--state", str(self.state), folder=self.state.parent)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = self.url.rpartition(":")[2].strip("/")

    def away(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


class Repository:
    """The repository that the loop follows, and what happens to it."""

    def __init__(self, folder: Path) -> None:
        """Commit one gallery."""
        folder.mkdir()
        self.folder = folder
        self.work = Workspace(folder)
        self.work.project(notify=NOTIFY)
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.work.state(OURS)
        commit(folder)

    def gone(self) -> None:
        """Move it away."""
        self.folder.rename(self.folder.with_name("away"))

    def there(self) -> None:
        """Move it back."""
        self.folder.with_name("away").rename(self.folder)

    def wrong(self) -> None:
        """Commit a manifest that is none."""
        self.work.file("manifests/wrong.yaml", "kind: [")
        commit(self.folder)

    def right(self) -> None:
        """Commit without it."""
        (self.folder / "manifests" / "wrong.yaml").unlink()
        commit(self.folder)

    def rewound(self) -> None:
        """Replace the newest commit by another one, which declares another value."""
        self.work.state(gallery(description="of a rewritten history"))
        git(self.folder, "commit", "--quiet", "--all", "--amend", "--message", "rewritten")

    def forward(self) -> None:
        """Return to the commit before that."""
        git(self.folder, "reset", "--quiet", "--hard", "main@{1}")


@dataclass(frozen=True)
class Trouble:
    """
    One trouble.

    Attributes:
        is_seen: Whether a report shows it.
        event: The notice of it.
    """

    begin: Callable[[], object]
    end: Callable[[], object]
    is_seen: Callable[[dict[str, Any]], bool]
    event: str


class Loop:
    """The loop under test, with the reports of its rounds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Read its standard output for as long as it lasts."""
        self.process = process
        self.reports: list[dict[str, Any]] = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in cast("IO[str]", self.process.stdout):
            with self.news:
                self.reports.append(json.loads(line))
                self.news.notify()

    @property
    def puts(self) -> int:
        """How many PUTs all rounds have sent."""
        return sum(each["summary"]["puts"] for each in self.reports)

    def comes_to(self, wanted: Callable[[dict[str, Any]], bool], skipped: int = 0) -> None:
        """Wait for a round that is as wanted; of those that are still to end, the first so many do not count."""
        after = len(self.reports) + skipped
        with self.news:
            came = self.news.wait_for(lambda: any(wanted(each) for each in self.reports[after:]), PATIENCE_S)
        assert came, self.reports[-1]

    def end(self) -> int:
        """End it, and return its exit code."""
        self.process.terminate()
        self.process.wait(10)
        self.reader.join()
        return cast("int", self.process.returncode)


def _is_calm(report: dict[str, Any]) -> bool:
    summary = report["summary"]
    return not report["errors"] and not report["warnings"] and summary["inSync"] == 1 and not summary["puts"]


def _is_rejected(report: dict[str, Any]) -> bool:
    return any(each["code"] == "source-rejected" for each in report["warnings"])


def _is_unread(report: dict[str, Any]) -> bool:
    return bool(report["summary"]["unknown"])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Yield the embedded ARM."""
    made = Service(tmp_path / "arm.sqlite")
    yield made
    made.away()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return the repository."""
    return Repository(tmp_path / "estate")


@pytest.fixture
def hook() -> Iterator[tuple[Receiver, str]]:
    """Yield a receiver of notices, and its address."""
    with receiving() as (made, address, _):
        yield made, address


@pytest.fixture
def history(work: Workspace, report: Reporting, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the history after one round, whose notices have arrived."""
    monkeypatch.setenv("RECONCILER_SECRET_HOOK", hook[1])
    work.project(notify=NOTIFY)
    work.state(OURS)
    report("run", "--once")
    assert hook[0].types == ["dev.reconciler.applied"]
    return work.folder / ".reconciler" / "history.sqlite"


def test_a_damaged_history(history: Path, report: Reporting, run: Command, azure: Azure, hook: Hook) -> None:
    """The round is done, reported and noticed, and is the first one of a new file."""
    history.write_bytes(b"no database at all" * 1000)
    azure.edit(OURS, "properties.description", "theirs")
    done = report("run", "--once")
    assert codes(done, "warnings") == ["history-set-aside"]
    assert done["summary"]["succeeded"] == 1
    assert sorted(hook[0].types[1:]) == ["dev.reconciler.applied", "dev.reconciler.failed"]
    assert len(run("history", "-o", "json").report_of_any_kind["rounds"]) == 1
    assert len(list(history.parent.glob("history.sqlite.damaged-*"))) == 1


def test_a_history_of_a_newer_version(history: Path, report: Reporting, run: Command, azure: Azure) -> None:
    """The round is done and reported; the file stays as it is."""
    with sqlite3.connect(history) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = history.read_bytes()
    azure.edit(OURS, "properties.description", "theirs")
    done = report("run", "--once")
    assert codes(done, "warnings") == ["history-unusable"]
    assert done["summary"]["succeeded"] == 1
    assert history.read_bytes() == before
    assert run("history").code == 1


@pytest.fixture
def troubles(service: Service, repository: Repository) -> dict[str, Trouble]:
    """Return the troubles, by what they are."""
    return {
        "a repository that is gone": Trouble(repository.gone, repository.there, _is_rejected, "source-rejected"),
        "wrong manifests": Trouble(repository.wrong, repository.right, _is_rejected, "source-rejected"),
        "a rewound repository": Trouble(repository.rewound, repository.forward, _is_rejected, "source-rejected"),
        "no answer of Azure": Trouble(service.away, service.back, _is_unread, "failed"),
    }


@pytest.fixture
def loop(work: Workspace, service: Service, repository: Repository, hook: Hook) -> Iterator[Loop]:
    """Yield a loop that follows the repository, and has done its first round."""
    process = start(
        *("run", "--interval", "1", "--git-repo", str(repository.folder), "--git-ref", "main", "-o", "json"),
        folder=work.folder,
        RECONCILER_CLOUD="public",
        RECONCILER_ENDPOINT=service.url,
        RECONCILER_SECRET_HOOK=hook[1],
        RECONCILER_LOG_LEVEL="error",
    )
    made = Loop(process)
    made.comes_to(lambda _: True)
    with process:  # which closes its streams
        yield made
        process.kill()


@pytest.mark.slow
def test_a_loop_outlives_all_of_it(
    loop: Loop, troubles: dict[str, Trouble], azure: Azure, hook: Hook, run: Command
) -> None:
    """Each trouble is one event; drift meanwhile is corrected, or waits; each PUT is sent once and is one episode."""
    receiver = hook[0]
    for number, (name, trouble) in enumerate(troubles.items(), 1):
        loop.comes_to(_is_calm)
        before = len(receiver.types)
        trouble.begin()
        loop.comes_to(trouble.is_seen)
        azure.edit(OURS, "properties.description", "theirs")
        trouble.end()
        loop.comes_to(_is_calm, 1)  # one may be under way
        until(lambda since=before: "dev.reconciler.applied" in receiver.types[since:])  # type: ignore[misc]
        assert receiver.types[before:].count(f"dev.reconciler.{trouble.event}") == 1, name
        assert azure.stored(OURS)["properties"]["description"] == "ours", name
        assert loop.puts == number + 1, name
    assert loop.end() == 143
    story = run("history", "-o", "json").report_of_any_kind
    assert [each["how"] for each in story["episodes"]] == ["applied"] * (len(troubles) + 1)
    assert receiver.types.count("dev.reconciler.applied") == len(troubles) + 1
