"""The rows of a history as values, and values as rows: what a process reads back after a restart."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from reconciler.report.json import plain
from reconciler.service.conditions import Condition, Event
from reconciler.service.episodes import Book, Episode, How

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.report.view import Summary
    from reconciler.service.conditions import Key
    from reconciler.service.round import Round
    from reconciler.service.store import Store

_NAMES: Final = tuple(each.name for each in fields(Episode))
_TIMES: Final = ("first_seen", "last_seen", "missed_at", "ended_at")
_UPSERT: Final = (
    f"INSERT INTO episodes (scope, {', '.join(_NAMES)}) VALUES (:scope, {', '.join(f':{name}' for name in _NAMES)})"  # noqa: S608 (names of our own)
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES if name != 'id')}"
)
_SELECT: Final = f"SELECT {', '.join(_NAMES)} FROM episodes"  # noqa: S608 (names of our own)


def instant(seconds: float) -> datetime:
    """Return the instant of a row."""
    return datetime.fromtimestamp(seconds, UTC)


def load_book(store: Store, scope: str) -> Book:
    """Return the episodes that are open, and the candidates, of one scope."""
    found = [_episode(row) for row in store.rows(f"{_SELECT} WHERE scope = ? AND ended_at IS NULL", (scope,))]
    serial = store.rows("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'episodes'")[0][0]
    return Book({(each.key, each.path): each for each in found}, serial)


def load_conditions(store: Store, scope: str) -> dict[Key, Condition]:
    """Return the states that have begun, of one scope; those that this version does not know are left out."""
    rows = store.rows("SELECT event, key, since, missed FROM conditions WHERE scope = ?", (scope,))
    known = {str(event) for event in Event}
    return {
        (Event(event), key): Condition(instant(since), missed) for event, key, since, missed in rows if event in known
    }


def save_episodes(store: Store, scope: str, kept: Iterable[Episode], ended: Iterable[Episode]) -> None:
    """Write the open episodes of one scope, which replace those in the file, and others that have ended."""
    left = [*kept, *ended]
    ids = {each.id for each in left}
    gone = store.rows("SELECT id FROM episodes WHERE scope = ? AND ended_at IS NULL", (scope,))
    store.write("DELETE FROM episodes WHERE id = ?", [row for row in gone if row[0] not in ids])
    store.write(_UPSERT, [{"scope": scope, **_row(each)} for each in left])


def save_conditions(store: Store, scope: str, found: Mapping[Key, Condition]) -> None:
    """Write the states of one scope, which replace those in the file."""
    store.write("DELETE FROM conditions WHERE scope = ?", [(scope,)])
    rows = [(scope, str(event), key, each.since.timestamp(), each.missed) for (event, key), each in found.items()]
    store.write("INSERT INTO conditions (scope, event, key, since, missed) VALUES (?, ?, ?, ?, ?)", rows)


def save_rounds(store: Store, rounds: Iterable[tuple[Round, Summary]]) -> None:
    """Add rounds; a count that is zero takes no room."""
    values = [
        (
            ended.started_at.timestamp(),
            round(ended.seconds, 3),
            ended.commit,
            str(ended.outcome),
            orjson.dumps({name: value for name, value in plain(summary).items() if value}).decode(),
            orjson.dumps(asdict(ended.held)).decode() if ended.held is not None else None,
        )
        for ended, summary in rounds
    ]
    names = "started_at, seconds, of_commit, outcome, summary, held"
    store.write(f"INSERT INTO rounds ({names}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608 (names of our own)


def load_episodes(
    store: Store, since: float, key: str | None = None, *, is_open: bool | None = None, most: int = -1
) -> list[Episode]:
    """
    Return the episodes of all scopes that were seen since an instant, the newest first; no candidates.

    Args:
        store: The open file.
        since: The instant, in seconds since 1970.
        key: Folded id of the only resource that is wanted; None for all.
        is_open: Whether only those are wanted that are open, or only those that have ended; None for both.
        most: The number that is wanted; negative for all.
    """
    query = (
        f"{_SELECT} WHERE is_begun AND last_seen >= :since AND (:key IS NULL OR key = :key)"
        " AND (:is_open IS NULL OR (ended_at IS NULL) = :is_open) ORDER BY first_seen DESC, number DESC LIMIT :most"
    )
    values = {"since": since, "key": key, "is_open": is_open, "most": most}
    return [_episode(row) for row in store.rows(query, values)]


class RoundRow(NamedTuple):
    """A round as the file holds it; *held* is why it could not write."""

    started_at: datetime
    seconds: float
    commit: str | None
    outcome: str
    counts: dict[str, Any]
    held: dict[str, Any] | None


def load_rounds(store: Store, since: float, until: float = inf, most: int = -1) -> list[RoundRow]:
    """Return the rounds that began since an instant, and before another one, the newest first; *most* as above."""
    query = (
        "SELECT started_at, seconds, of_commit, outcome, summary, held FROM rounds"
        " WHERE started_at >= ? AND started_at < ? ORDER BY started_at DESC, number DESC LIMIT ?"
    )
    return [
        RoundRow(instant(started), seconds, commit, outcome, orjson.loads(counts), orjson.loads(held) if held else None)
        for started, seconds, commit, outcome, counts, held in store.rows(query, (since, until, most))
    ]


def _row(episode: Episode) -> dict[str, Any]:
    row = asdict(episode)
    for name in _TIMES:
        row[name] = row[name].timestamp() if row[name] is not None else None
    steps = orjson.dumps(list(episode.steps)).decode()
    return row | {"steps": steps, "how": str(episode.how) if episode.how else None, "is_begun": int(episode.is_begun)}


def _episode(row: tuple[Any, ...]) -> Episode:
    values = dict(zip(_NAMES, row, strict=True))
    for name in _TIMES:
        values[name] = instant(values[name]) if values[name] is not None else None
    values["steps"] = tuple(orjson.loads(values["steps"]))
    values["how"] = How(values["how"]) if values["how"] else None
    return Episode(**values | {"is_begun": bool(values["is_begun"])})
