"""
Drift as a story: the differences of round after round, told as episodes that begin and end. Pure.

A difference is one path of one resource. It becomes an episode once it was seen in several rounds in a row, and ends
once it was missing in as many, so that a value that flaps is one episode. A PUT of a round is an episode at once.
A round that knows nothing of a resource, because a read failed or an operation runs, neither begins nor ends anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from reconciler.compare.fingerprint import digest_of
from reconciler.compare.normalize import normalized
from reconciler.kinds.variables import named
from reconciler.model.change import Action, Change, Finding, Reason, Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import Item, items
from reconciler.values import MISSING

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.model.change import FieldChange
    from reconciler.model.outcome import Report
    from reconciler.values import FieldPath

_OF_MANIFESTS: Final = frozenset({Finding.CHANGE, Finding.IMMUTABLE})
_NO_NEWS: Final = frozenset({Action.UNKNOWN, Action.WAIT})


class How(StrEnum):
    """How an episode ended."""

    HEALED = "healed"
    """The live value is as declared again, by no round of this history."""
    APPLIED = "applied"
    """A round wrote it."""
    DECLARED = "declared"
    """The manifest declares another value now, which the live one equals."""
    GONE = "gone"
    """The manifest, or the live resource, was deleted."""


@dataclass(frozen=True, slots=True)
class Episode:
    """
    One difference over time; before it has begun, a candidate.

    Attributes:
        id: Unique in a history.
        key: The folded resource id.
        resource: The resource id as declared.
        path: Of the difference, as a report shows it; empty for the resource as a whole.
        steps: The same in the compared bodies.
        cause: The side that changed, when it was first known.
        who: The last writer of the live resource, when that was first known.
        declared: A digest of the declared value.
        is_begun: Whether it is an episode, and no candidate.
        seen: In how many rounds in a row a candidate was seen.
        missed: In how many rounds in a row it was missing since.
        missed_at: The first of those.
    """

    id: str
    key: str
    resource: str
    kind: str
    name: str
    path: str
    steps: FieldPath
    severity: str
    first_seen: datetime
    last_seen: datetime
    cause: str | None = None
    who: str | None = None
    declared: str = ""
    is_begun: bool = False
    seen: int = 1
    missed: int = 0
    missed_at: datetime | None = None
    ended_at: datetime | None = None
    how: How | None = None

    @property
    def is_drift(self) -> bool:
        """Whether Azure was changed outside git, as far as known: an edit that waits for its apply is none."""
        return self.cause != "pending"


@dataclass(frozen=True, slots=True)
class Book:
    """
    The part of a history that is remembered between two rounds.

    Attributes:
        episodes: Those that are open, and candidates, by folded resource id and path.
        serial: How many there have been, which keeps their ids apart.
    """

    episodes: Mapping[tuple[str, str], Episode] = field(default_factory=dict)
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """
    The effect of one round.

    Attributes:
        book: As the next round finds it.
        began: Episodes that have begun in this round, and are not written by it.
        ended: Episodes that have ended in this round, those that it wrote among them.
        written: Those that it wrote.
        announced: Ids of those in *ended* that had begun in an earlier round.
    """

    book: Book
    began: tuple[Episode, ...] = ()
    ended: tuple[Episode, ...] = ()
    written: tuple[Episode, ...] = ()
    announced: frozenset[str] = frozenset()


def step(book: Book, report: Report, now: datetime, after: int = 2) -> Step:
    """
    Return the effect of one round on a history.

    Args:
        book: As the round before left it.
        report: Of the round.
        now: The time of the round.
        after: In how many rounds in a row a difference is seen, or missing, before its episode begins, or ends.
    """
    pages = _Pages(book, now, after)
    known: dict[str, list[Episode]] = {}
    for episode in book.episodes.values():
        known.setdefault(episode.key, []).append(episode)
    for item, planned in zip(items(report), report.plan.changes, strict=True):
        pages.read(_explained(item, planned), known.pop(planned.desired.key, ()))
    if not report.errors and not report.is_partial:  # each manifest that is left is in the report
        for episodes in known.values():
            for episode in episodes:
                pages.missing(episode, How.GONE)
    return pages.result()


def differences(change: Change) -> tuple[FieldChange | None, ...]:
    """Return the differences that make a resource out of sync; None stands for the resource as a whole."""
    if not change.sync.is_drift:
        return ()
    if change.sync is Sync.MISSING:
        return (None,)
    fields = [each for each in change.fields if each.finding in _OF_MANIFESTS]
    if not fields and change.action is Action.UPDATE and change.reason in {Reason.ADOPT, Reason.HELD}:
        fields = [each for each in change.fields if each.finding is Finding.UNVERIFIED]
    if not fields and change.reason is Reason.FIELDS_DIFFER:  # under strict
        fields = [each for each in change.fields if each.finding is Finding.UNDECLARED and each.steps[0] != "tags"]
    return tuple(fields) or (None,)


class _Pages:
    """The book while one round is written into it."""

    def __init__(self, book: Book, now: datetime, after: int) -> None:
        self._episodes = dict(book.episodes)
        self._serial = book.serial
        self._now = now
        self._after = after
        self._began: list[Episode] = []
        self._ended: list[Episode] = []
        self._written: list[Episode] = []
        self._announced: set[str] = set()

    def result(self) -> Step:
        book = Book(self._episodes, self._serial)
        return Step(book, tuple(self._began), tuple(self._ended), tuple(self._written), frozenset(self._announced))

    def read(self, item: Item, known: Iterable[Episode]) -> None:
        """Take up what a report says of one resource, and of its episodes."""
        change, result = item.change, item.outcome.result if item.outcome else None
        if result is Result.SUCCEEDED and change.action.writes:
            self._write(change, known)
            return
        if change.action in _NO_NEWS:
            return
        found = () if result is Result.UNCHANGED else differences(change)
        paths = {_path_of(each): each for each in found}
        for episode in known:
            if episode.path in paths or (found and _is_still_shown(episode, change)):
                self._saw(episode, change, paths.pop(episode.path, None))
            else:
                self.missing(episode, self._how(episode, change))
        for each in paths.values():
            self._saw(self._new(change, each), change, each, is_new=True)

    def missing(self, episode: Episode, how: How) -> None:
        """Take up that a difference is gone, and end its episode where it has been for long enough."""
        if not episode.is_begun:
            del self._episodes[episode.key, episode.path]
            return
        missed = replace(episode, missed=episode.missed + 1, missed_at=episode.missed_at or self._at(episode))
        if missed.missed >= self._after:
            self._end(missed, missed.missed_at or self._now, how)
        else:
            self._episodes[episode.key, episode.path] = missed

    def _saw(self, episode: Episode, change: Change, field: FieldChange | None, *, is_new: bool = False) -> None:
        told = replace(
            _told(episode, change, field),
            last_seen=self._at(episode),
            seen=episode.seen if is_new or episode.is_begun else episode.seen + 1,
            missed=0,
            missed_at=None,
        )
        if not told.is_begun and told.seen >= self._after:
            told = replace(told, is_begun=True)
            self._began.append(told)
        self._episodes[told.key, told.path] = told

    def _write(self, change: Change, known: Iterable[Episode]) -> None:
        """Take up a PUT: each of its differences is an episode, begun and ended in this round at the latest."""
        open_ones = {episode.path: episode for episode in known}
        for each in differences(change) or (None,):
            episode = open_ones.pop(_path_of(each), None)
            if episode is not None and episode.is_begun:
                self._announced.add(episode.id)
            told = _told(episode or self._new(change, each), change, each)
            at = self._at(told)
            told = replace(told, is_begun=True, last_seen=at, missed=0, missed_at=None)
            self._written.append(self._end(told, at, How.APPLIED))
        for episode in open_ones.values():
            if not _is_still_shown(episode, change):
                self.missing(episode, self._how(episode, change))

    def _end(self, episode: Episode, at: datetime, how: How) -> Episode:
        ended = replace(episode, ended_at=at, how=how)
        self._episodes.pop((episode.key, episode.path), None)
        if how is not How.APPLIED:
            self._announced.add(episode.id)
        self._ended.append(ended)
        return ended

    def _new(self, change: Change, field: FieldChange | None) -> Episode:
        self._serial += 1
        desired, steps, path = change.desired, field.steps if field else (), _path_of(field)
        made = f"{desired.key}\n{path}\n{self._now.isoformat()}\n{self._serial}"
        return Episode(
            id=hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            key=desired.key,
            resource=desired.id,
            kind=desired.kind.name,
            name=desired.name,
            path=path,
            steps=steps,
            severity=desired.kind.rules.severity_at(steps).value,
            first_seen=self._now,
            last_seen=self._now,
        )

    def _how(self, episode: Episode, change: Change) -> How:
        if change.sync is Sync.MISSING and episode.path:
            return How.GONE
        return How.HEALED if _declared(change, episode.steps) == episode.declared else How.DECLARED

    def _at(self, episode: Episode) -> datetime:
        """Return the time of the round; never before the episode, also where the clock was set back."""
        return max(self._now, episode.last_seen)


def _explained(item: Item, planned: Change) -> Item:
    """Return an item with the causes and the writer that the plan knew: a decision right before the PUT has none."""
    change = item.change
    if item.outcome is None or change is planned:
        return item
    causes = {each.path: each.cause for each in planned.fields}
    fields = tuple(replace(each, cause=each.cause or causes.get(each.path)) for each in change.fields)
    cause, modified = change.cause or planned.cause, change.modified or planned.modified
    return replace(item, change=replace(change, fields=fields, cause=cause, modified=modified))


def _path_of(field: FieldChange | None) -> str:
    return field.path if field is not None else ""


def _told(episode: Episode, change: Change, field: FieldChange | None) -> Episode:
    """Return an episode with what a report knows of its cause, its writer and its manifest."""
    cause = (field.cause if field is not None else None) or change.cause
    return replace(
        episode,
        cause=episode.cause or (cause.value if cause else None),
        who=episode.who or (change.modified.by if change.modified else None),
        declared=_declared(change, episode.steps),
    )


def _is_still_shown(episode: Episode, change: Change) -> bool:
    """Return whether a difference is still there, of the same manifest, beside the ones that a PUT would write."""
    is_shown = any(each.path == episode.path for each in change.fields)
    return is_shown and _declared(change, episode.steps) == episode.declared


def _declared(change: Change, steps: FieldPath) -> str:
    """Return a digest of the declared value, the same for each of its spellings; of the whole resource, none."""
    desired = change.desired
    if not steps:
        return ""
    if any(rule.write_only for rule in desired.kind.rules.along(steps)):
        return digest_of(desired.digest)[:16]
    value: Any = normalized(desired.kind.rules, named(desired))
    for each in steps:
        if isinstance(value, list) and isinstance(each, int) and each < len(value):
            value = value[each]
        else:
            value = value.get(each, MISSING) if isinstance(value, Mapping) else MISSING
    return "" if value is MISSING else digest_of(value)[:16]


def oldest(episodes: Iterable[Episode]) -> datetime | None:
    """Return when the oldest drift that is open was first seen; None without any."""
    return min(_drift(episodes), default=None)


def _drift(episodes: Iterable[Episode]) -> Iterator[datetime]:
    return (each.first_seen for each in episodes if each.is_begun and each.is_drift)
