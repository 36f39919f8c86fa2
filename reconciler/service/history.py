"""
The history of rounds and drift: what each round adds to the file.

Decides nothing about episodes, states and notices: it keeps what the pure modules return, all of a round in one
transaction. While the file cannot be written, everything waits in memory, and each round reports it.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.errors import HistoryError
from reconciler.plan.summary import summarize
from reconciler.problems import HISTORY_SET_ASIDE, HISTORY_UNUSABLE, Problem
from reconciler.report.build import summary_of
from reconciler.service import conditions, episodes
from reconciler.service.conditions import Event
from reconciler.service.episodes import Book
from reconciler.service.notices import of_episodes, of_states
from reconciler.service.outbox import enqueue
from reconciler.service.round import RoundOutcome
from reconciler.service.rows import load_book, load_conditions, save_conditions, save_episodes, save_rounds
from reconciler.service.store import FILE_NAME, open_store, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.model.outcome import Report
    from reconciler.model.receiver import Receiver
    from reconciler.report.view import Summary
    from reconciler.service.conditions import Condition, Key
    from reconciler.service.episodes import Episode
    from reconciler.service.notices import Notice
    from reconciler.service.round import Round
    from reconciler.service.store import Store

_LOG: Final = logging.getLogger("reconciler.history")
MOST_ROUNDS: Final = 30_000
"""Kept in the file: of 90 days, one every five minutes and some more."""
MOST_EPISODES: Final = 100_000
_DROPPED_AT_ONCE: Final = 10
_MOST_WAITING: Final = 10_000
STALLED_AFTER: Final = 3
"""Intervals without a successful round."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The part of a history that is remembered between two rounds."""

    book: Book = field(default_factory=Book)
    conditions: Mapping[Key, Condition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advance:
    """The effect of one round, or of one look at the time."""

    memory: Memory
    ended: tuple[Episode, ...] = ()
    notices: tuple[Notice, ...] = ()


def after_round(memory: Memory, report: Report, now: datetime, after: int) -> Advance:
    """Return what a round adds, whose time is that of its start. Pure."""
    made = episodes.step(memory.book, report, report.started_at, after)
    states, begun = conditions.step(memory.conditions, report, report.started_at, after)
    notices = (*of_episodes(made, now), *of_states(begun, now))
    return Advance(Memory(made.book, states), made.ended, notices)


def after_look(memory: Memory, since_s: float, now: datetime, allowed_s: float) -> Advance:
    """Return what the time without a successful round adds. Pure."""
    last = now - timedelta(seconds=since_s)
    states, begun = conditions.stalled(memory.conditions, last, now, timedelta(seconds=allowed_s))
    return Advance(Memory(memory.book, states), (), tuple(of_states(begun, now)))


@dataclass(slots=True)
class _Waiting:
    """
    Entries that the file lacks, in the order in which they came.

    Attributes:
        lost: How much of it had to be dropped.
    """

    rounds: deque[tuple[Round, Summary]] = field(default_factory=deque)
    ended: deque[Episode] = field(default_factory=deque)
    notices: deque[tuple[Notice, tuple[Receiver, ...]]] = field(default_factory=deque)
    lost: int = 0

    def add(self, made: Advance, receivers: tuple[Receiver, ...]) -> None:
        """Keep what could not be written, as far as there is room in memory."""
        self.ended += made.ended
        self.notices += ((each, receivers) for each in made.notices)
        for each in (self.rounds, self.ended, self.notices):
            while len(each) > _MOST_WAITING:
                each.popleft()
                self.lost += 1


@dataclass(slots=True)
class History:
    """
    The history that one process writes.

    Attributes:
        folder: Of the file.
        scope: Names the manifests, environment and cloud: rounds of others say nothing about these.
        days: How long an entry is kept.
        after: In how many rounds in a row a difference is seen, or missing, before its episode begins, or ends.
        memory: As the last round left it.
        receivers: Of notices, as the last round that could read the project file knows them.
    """

    folder: Path
    scope: str
    clock: Clock
    days: float = 90.0
    after: int = 2
    memory: Memory = field(default_factory=Memory)
    receivers: tuple[Receiver, ...] = ()
    _succeeded: float = field(init=False)
    _store: Store | None = None
    _waiting: _Waiting | None = None

    def __post_init__(self) -> None:
        """Begin at this moment, as if a round had just succeeded."""
        self._succeeded = self.clock.monotonic()

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def record(self, ended: Round) -> tuple[Problem, ...]:
        """Add a round, with the episodes and notices that follow from it; return warnings where that fails."""
        report, now = ended.report, self.clock.now()
        if report.receivers is not None:
            self.receivers = report.receivers
        if ended.outcome is not RoundOutcome.FAILED:
            self._succeeded = self.clock.monotonic()
        counted = ended, summary_of(summarize(report))

        def advance(memory: Memory, problems: Sequence[Problem]) -> Advance:
            known = replace(report, warnings=(*report.warnings, *problems)) if problems else report
            return after_round(memory, known, now, self.after)

        return self._add(advance, counted)

    def look(self, interval_s: float) -> None:
        """Add that the loop has stalled where it has since the last look, or that it goes on again."""
        since_s, allowed_s = self.clock.monotonic() - self._succeeded, STALLED_AFTER * interval_s
        if (since_s >= allowed_s) == ((Event.STALLED, "") in self.memory.conditions):
            return
        now = self.clock.now()
        for each in self._add(lambda memory, _: after_look(memory, since_s, now, allowed_s)):
            _LOG.warning("%s; %s", each.message, each.fix)

    def store(self) -> Store:
        """
        Return the open file; a damaged one is set aside for a new one.

        Raises:
            HistoryError: There is none that can be used.
        """
        if self._store is None:
            self._store = open_store(self.folder)
        return self._store

    def _add(
        self,
        advance: Callable[[Memory, Sequence[Problem]], Advance],
        counted: tuple[Round, Summary] | None = None,
    ) -> tuple[Problem, ...]:
        """Save what *advance* returns, by the problems so far, and everything that waits, at once; or let it wait."""
        problems: list[Problem] = []
        for _ in range(2):
            try:
                self.memory = self._saved(lambda memory: advance(memory, problems), counted)
            except HistoryError as error:
                problems.append(self._failed(error))
                if problems[-1].code == HISTORY_SET_ASIDE:
                    self._waiting = self._waiting or _Waiting()  # so that the new file gets all that is remembered
                    continue
                waiting = self._waiting = self._waiting or _Waiting()
                made = advance(self.memory, problems)
                self.memory = made.memory
                waiting.rounds += (counted,) if counted else ()
                waiting.add(made, self.receivers)
            else:
                if self._waiting and self._waiting.lost:
                    _LOG.warning("%d entries of the history were lost for want of room", self._waiting.lost)
                self._waiting = None
            break
        return tuple(problems)

    def _saved(self, advance: Callable[[Memory], Advance], counted: tuple[Round, Summary] | None) -> Memory:
        store, waiting = self.store(), self._waiting
        with store.writing():
            # As long as nothing waits, the file knows most: another process may have written it since.
            known = Memory(load_book(store, self.scope), load_conditions(store, self.scope))
            made = advance(known if waiting is None else self.memory)
            waiting = waiting or _Waiting()
            save_rounds(store, (*waiting.rounds, *((counted,) if counted else ())))
            if made.ended or waiting.ended or made.memory.book.episodes or known.book.episodes:
                ended = (*waiting.ended, *made.ended)
                save_episodes(store, self.scope, made.memory.book.episodes.values(), ended)
            if made.memory.conditions != known.conditions:
                save_conditions(store, self.scope, made.memory.conditions)
            for notice, receivers in (*waiting.notices, *((each, self.receivers) for each in made.notices)):
                enqueue(store, notice, receivers)
            self._forget(store)
        return made.memory

    def _forget(self, store: Store) -> None:
        """Drop what is older than the history is meant to be; little at once, as the clock may be ahead by a year."""
        oldest = self.clock.now().timestamp() - self.days * 86_400
        chosen = "SELECT number FROM {} WHERE {} < ? ORDER BY {} LIMIT ?"
        for table, column in (("rounds", "started_at"), ("episodes", "last_seen")):
            few = chosen.format(table, column, column)
            store.write(f"DELETE FROM {table} WHERE number IN ({few})", [(oldest, _DROPPED_AT_ONCE)])  # noqa: S608 (names of our own)
        for table, most in (("rounds", MOST_ROUNDS), ("episodes", MOST_EPISODES)):
            surplus = f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - ?"  # noqa: S608 (as above)
            store.write(surplus, [(most,)])

    def _failed(self, error: HistoryError) -> Problem:
        """Return the warning of a file that cannot be used; a damaged one is set aside."""
        self.close()
        path = str(self.folder / FILE_NAME)
        if error.is_corrupt:
            try:
                aside = set_aside(self.folder, f"{self.clock.now():%Y%m%dT%H%M%S}")
            except HistoryError as failed:
                error = failed
            else:
                message = f"{error}; it is kept as {aside}, and a new history begins"
                fix = f"read what is left of it with sqlite3 {aside} .recover, or remove it"
                return Problem(path, None, None, "", HISTORY_SET_ASIDE, message, fix)
        message = f"the round is not in the history yet: {error}"
        return Problem(path, None, None, "", HISTORY_UNUSABLE, message, error.fix)
