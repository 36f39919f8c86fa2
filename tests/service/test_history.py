"""The file of the history: what a process leaves behind, and what it does with a file that cannot be used."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.model.outcome import Held
from reconciler.model.receiver import Receiver
from reconciler.service.history import History
from reconciler.service.reading import read_history
from reconciler.service.round import round_of
from reconciler.service.store import FILE_NAME, open_reader
from tests.kit.clock import FakeClock
from tests.kit.disk import no_room
from tests.kit.rounds import ELSEWHERE, problem, seen, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.model.outcome import Report
    from reconciler.problems import Problem
    from reconciler.report.history import HistoryView

CHAT = Receiver("slack", "RECONCILER_SECRET_CHAT")


class Loop:
    """A process that writes a history, five minutes apart; it can be started again."""

    def __init__(self, folder: Path, scope: str = "a") -> None:
        """Begin with the history in the folder, if there is one."""
        self.clock = FakeClock()
        self.folder, self.scope = folder, scope
        self.history = self._opened()

    def _opened(self) -> History:
        return History(self.folder, self.scope, self.clock, receivers=(CHAT,))

    def restart(self) -> None:
        """End the process and start another."""
        self.history.close()
        self.history = self._opened()

    def round(self, report: Report) -> tuple[Problem, ...]:
        """Do a round, and return the warnings."""
        warnings = self.history.record(round_of(replace(report, started_at=self.clock.now()), 1.5))
        self.clock.elapsed += 300
        return warnings

    def rounds(self, *reports: Report) -> list[str]:
        """Do rounds, and return the codes of all warnings."""
        return [each.code for report in reports for each in self.round(report)]

    def read(self, since: float = 0.0, *, people: bool = False) -> HistoryView:
        """Return the history as another process reads it."""
        store = open_reader(self.folder)
        assert store is not None
        try:
            return read_history(store, since, people=people)
        finally:
            store.close()

    @property
    def ends(self) -> list[str | None]:
        """How the episodes ended, the oldest first."""
        return [each.how for each in reversed(self.read().episodes)]

    def letters(self) -> int:
        """Return how many notices wait."""
        return len(self.titles())

    def titles(self) -> list[str]:
        """Return the titles of the notices that wait, in order."""
        store = open_reader(self.folder)
        assert store is not None
        try:
            bodies = (json.loads(body) for (body,) in store.rows("SELECT body FROM outbox ORDER BY rowid"))
            return [each["text"].partition(":")[0] for each in bodies]
        finally:
            store.close()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Return a loop with an empty history."""
    made = Loop(tmp_path / "state")
    yield made
    made.history.close()


DRIFT, SYNC = seen("tags.team"), seen()


@pytest.mark.parametrize("restarts", [False, True], ids=["a loop", "cron lines"])
def test_a_loop_and_cron_lines_write_the_same(loop: Loop, *, restarts: bool) -> None:
    """Each round by a process of its own, or all by one: candidates and open episodes are in the file."""
    for report in (SYNC, DRIFT, DRIFT, SYNC, SYNC, written("tags.team"), DRIFT):
        assert loop.rounds(report) == []
        if restarts:
            loop.restart()
    view = loop.read()
    assert [(each.first_seen, each.ended_at, each.how) for each in view.episodes] == [
        ("2026-11-21T20:50:00Z", "2026-11-21T20:50:00Z", "applied"),
        ("2026-11-21T20:30:00Z", "2026-11-21T20:40:00Z", "healed"),
    ]
    assert [each.outcome for each in view.rounds] == ["ok"] * 7
    assert view.rounds[0].started_at == "2026-11-21T20:55:00Z"
    assert view.rounds[0].summary["drift"] == 1
    assert view.rounds[0].seconds == 1.5


def test_a_candidate_that_vanishes(loop: Loop) -> None:
    """Rounds in a row: a cron line does not count what another one saw before a round in sync."""
    for report in (DRIFT, SYNC, DRIFT, SYNC):
        loop.rounds(report)
        loop.restart()
    assert loop.ends == []


def test_scopes_do_not_see_each_other(loop: Loop) -> None:
    """A cron line for another environment has other manifests: those of the first are not gone."""
    other = Loop(loop.folder, "b")
    for _ in range(3):
        loop.rounds(DRIFT)
        other.rounds(ELSEWHERE)
    other.history.close()
    assert loop.ends == [None]


def test_two_processes_on_one_file(loop: Loop) -> None:
    """An apply of a cron line ends the episode that the loop has begun, once."""
    other = Loop(loop.folder)
    loop.rounds(DRIFT, DRIFT)
    other.rounds(written("tags.team"))
    loop.rounds(SYNC, SYNC, SYNC)
    other.history.close()
    assert loop.ends == ["applied"]


def test_old_entries_are_dropped(tmp_path: Path) -> None:
    """After --history-days, ended episodes and open ones that were not seen since."""
    loop = Loop(tmp_path / "state")
    loop.history.days = 1
    loop.rounds(DRIFT, DRIFT, SYNC, SYNC)
    loop.clock.elapsed += 86_400
    loop.rounds(SYNC)
    loop.history.close()
    view = loop.read()
    assert (len(view.rounds), len(view.episodes)) == (1, 0)


def test_a_clock_that_is_ahead_for_a_round(loop: Loop) -> None:
    """By a year: the history is not emptied at once, and an open episode goes on."""
    loop.rounds(DRIFT, DRIFT, *[SYNC, SYNC, DRIFT, DRIFT] * 50)
    loop.clock.elapsed += 400 * 86_400
    loop.rounds(DRIFT)
    loop.clock.elapsed -= 400 * 86_400
    loop.rounds(DRIFT, SYNC, SYNC)
    view = loop.read()
    assert (len(view.rounds), len(view.episodes)) == (206 - 10, 51 - 10)
    assert {each.how for each in view.episodes} == {"healed"}


def test_since(loop: Loop) -> None:
    """Rounds that began, and episodes that were seen, since then."""
    loop.rounds(DRIFT, DRIFT, SYNC, SYNC)
    at = loop.clock.now() - timedelta(minutes=8)
    view = loop.read(at.timestamp())
    assert (len(view.rounds), len(view.episodes)) == (1, 0)


def test_a_damaged_file_is_set_aside(loop: Loop) -> None:
    """It keeps its content under another name; a new one begins, and the round reports it once."""
    loop.rounds(DRIFT, DRIFT)
    loop.history.close()
    for suffix in ("-wal", "-shm"):
        (loop.folder / (FILE_NAME + suffix)).unlink(missing_ok=True)
    (loop.folder / FILE_NAME).write_bytes(b"no database at all" * 100)
    assert loop.rounds(DRIFT, SYNC, SYNC) == ["history-set-aside"]
    (aside,) = loop.folder.glob(f"{FILE_NAME}.damaged-*")
    assert aside.read_bytes().startswith(b"no database")
    assert loop.ends == ["healed"]  # the process remembers the open episode
    assert loop.titles() == ["Failed", "Drift ended"]


def test_a_file_of_a_newer_version(loop: Loop) -> None:
    """It is refused in each round, stays as it is, and gets everything once it can be written."""
    loop.rounds(SYNC)
    _version(loop, 99)
    before = (loop.folder / FILE_NAME).read_bytes()
    loop.restart()
    assert loop.rounds(DRIFT, DRIFT, SYNC, SYNC) == ["history-unusable"] * 4
    assert (loop.folder / FILE_NAME).read_bytes() == before
    _version(loop, 2)
    assert loop.rounds(SYNC) == []
    assert loop.ends == ["healed"]
    assert len(loop.read().rounds) == 6
    assert loop.titles() == ["Failed", "Drift", "Drift ended"]


def test_a_file_of_an_older_version(loop: Loop) -> None:
    """It is read as it is, by readers that change nothing, and brought up to date by the next round."""
    loop.rounds(DRIFT, DRIFT)
    _version(loop, 1)
    with sqlite3.connect(loop.folder / FILE_NAME) as db:
        db.execute("ALTER TABLE rounds DROP COLUMN held")
        db.execute("DROP INDEX episodes_by_key")
    db.close()
    before = (loop.folder / FILE_NAME).read_bytes()
    assert len(loop.read().rounds) == 2
    assert loop.ends == [None]
    assert (loop.folder / FILE_NAME).read_bytes() == before
    assert loop.rounds(replace(SYNC, held=Held("hold-file", "bob")), SYNC) == []
    assert loop.ends == ["healed"]
    assert ["bob" in each.words for each in loop.read(people=True).rounds] == [False, True, False, False]
    assert [each.words for each in loop.read().rounds] == [""] * 4


def _version(loop: Loop, number: int) -> None:
    loop.history.close()
    with sqlite3.connect(loop.folder / FILE_NAME) as db:
        db.execute(f"PRAGMA user_version = {number}")
    db.close()


def test_a_full_disk(loop: Loop) -> None:
    """Nothing is half written; the rounds wait in memory, and no episode and no notice is lost."""
    loop.rounds(SYNC)
    with no_room():
        assert loop.rounds(DRIFT, DRIFT, SYNC, SYNC) == ["history-unusable"] * 4
    assert len(loop.read().rounds) == 1
    assert loop.rounds(SYNC) == []
    assert loop.ends == ["healed"]
    assert len(loop.read().rounds) == 6
    assert loop.titles() == ["Failed", "Drift", "Drift ended"]


def test_a_read_only_folder_is_read(loop: Loop) -> None:
    """``history`` reads while the loop has the file open, and after it."""
    loop.rounds(DRIFT, DRIFT)
    assert loop.ends == [None]
    loop.history.close()
    assert loop.ends == [None]


def test_another_programs_database(tmp_path: Path) -> None:
    """It is left as it is."""
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / FILE_NAME) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = (tmp_path / "state" / FILE_NAME).read_bytes()
    loop = Loop(tmp_path / "state")
    assert loop.rounds(SYNC) == ["history-unusable"]
    assert (tmp_path / "state" / FILE_NAME).read_bytes() == before


def test_a_failed_round(loop: Loop) -> None:
    """It has its outcome in the history, and is one notice however long it lasts."""
    broken = replace(ELSEWHERE, errors=(problem(),))
    loop.rounds(broken, broken, broken)
    assert [each.outcome for each in loop.read().rounds] == ["failed"] * 3
    assert loop.letters() == 1


def test_the_loop_stalls(loop: Loop) -> None:
    """Three intervals without a successful round are one notice, until one succeeds."""
    broken = replace(ELSEWHERE, errors=(problem(),))
    for _ in range(6):
        loop.rounds(broken)
        loop.history.look(300)
    assert loop.letters() == 2
    loop.rounds(SYNC)
    loop.history.look(300)
    assert ("stalled", "") not in loop.history.memory.conditions
