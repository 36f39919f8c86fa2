"""
The outbox: notices that wait for their receivers, and what follows from an attempt.

A row is written in the transaction of what it is about. It is sent at least once, always with one id, and dropped once
an attempt has failed that was made a day later. A clock that jumps ahead makes no row older (:func:`rejuvenate`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.kinds.rules import Severity
from reconciler.service.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from reconciler.model.receiver import Receiver
    from reconciler.service.notices import Notice
    from reconciler.service.store import Store

KEPT_S: Final = 86_400.0
_FORGOTTEN_S: Final = 7 * KEPT_S
"""How long a row is kept whose receiver is not among those that are sent to any more."""
CLAIM_S: Final = 30.0
"""How long another process leaves a row alone that one is sending."""
_FIRST_S: Final = 4.0
_LONGEST_S: Final = 3600.0
_MOST_DOUBLINGS: Final = 20
_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """
    One notice for one receiver.

    Attributes:
        id: Of the notice.
        receiver: Its key.
        attempts: How many there were.
    """

    id: str
    receiver: str
    body: str
    attempts: int


def wanted_by(receivers: Iterable[Receiver], notice: Notice) -> Iterator[Receiver]:
    """Yield the receivers that want a notice. Pure."""
    for receiver in receivers:
        least, severity = receiver.min_severity, notice.severity
        is_grave = least is None or severity is None or Severity(severity).rank >= Severity(least).rank
        if is_grave and (not receiver.on or notice.event in receiver.on):
            yield receiver


def delay_s(attempts: int, chance: Random) -> float:
    """Return the seconds before the next attempt, after so many: doubled each time, an hour at most."""
    longest: float = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempts - 1, _MOST_DOUBLINGS))
    return longest * chance.uniform(0.5, 1.0)


def enqueue(store: Store, notice: Notice, receivers: Iterable[Receiver]) -> None:
    """Add a notice for each receiver that wants it, within a transaction."""
    at = notice.at.timestamp()
    rows = [
        (notice.id, receiver.key, FORMATS[receiver.type](notice).decode(), at, at)
        for receiver in wanted_by(receivers, notice)
    ]
    store.write(
        "INSERT OR IGNORE INTO outbox (id, receiver, body, created_at, next_at, attempts) VALUES (?, ?, ?, ?, ?, 0)",
        rows,
    )


_DUE: Final = "receiver = ? AND NOT next_at BETWEEN ? AND ?"
"""A turn that lies further ahead than any pause is of a clock that was set back since."""


def _between(now: float) -> tuple[float, float]:
    return math.nextafter(now, math.inf), now + 2 * _LONGEST_S


def is_due(store: Store, receiver: str, now: float) -> bool:
    """Return whether a letter to a receiver is due."""
    query = f"SELECT 1 FROM outbox WHERE {_DUE} LIMIT 1"  # noqa: S608 (words of our own)
    return bool(store.rows(query, (receiver, *_between(now))))


def claim(store: Store, receiver: str, now: float) -> list[Letter]:
    """Return the letters of a receiver that are due, the oldest first; no other process sends them for a while."""
    with store.writing():
        query = f"SELECT id, body, attempts FROM outbox WHERE {_DUE} ORDER BY rowid LIMIT ?"  # noqa: S608 (as above)
        found = store.rows(query, (receiver, *_between(now), _MOST_AT_ONCE))
        letters = [Letter(id_, receiver, *rest) for id_, *rest in found]
        rows = [(now + CLAIM_S, each.id, receiver) for each in letters]
        store.write("UPDATE outbox SET next_at = ? WHERE id = ? AND receiver = ?", rows)
    return letters


def sent(store: Store, letter: Letter) -> None:
    """Drop a letter that has arrived."""
    with store.writing():
        store.write("DELETE FROM outbox WHERE id = ? AND receiver = ?", [(letter.id, letter.receiver)])


def postponed(store: Store, letters: Iterable[Letter], next_at: float) -> None:
    """Put off letters, the first of which was tried in vain."""
    tried, *others = letters
    with store.writing():
        statement = "UPDATE outbox SET next_at = ?, attempts = attempts + ? WHERE id = ? AND receiver = ?"
        rows = [(next_at, 1, tried.id, tried.receiver), *((next_at, 0, each.id, each.receiver) for each in others)]
        store.write(statement, rows)


_TOO_OLD: Final = "created_at < :now - :kept AND (next_at > created_at + :kept OR created_at < :now - :forgotten)"
"""Once its day is over, an attempt puts a row off beyond that day: a row without one has still to be tried."""


def expire(store: Store, now: float) -> int:
    """Drop letters that no receiver took for a day, and return their number."""
    values = {"now": now, "kept": KEPT_S, "forgotten": _FORGOTTEN_S}
    with store.writing():
        (number,) = store.rows(f"SELECT count(*) FROM outbox WHERE {_TOO_OLD}", values)[0]  # noqa: S608 (as above)
        if number:
            store.write(f"DELETE FROM outbox WHERE {_TOO_OLD}", [values])  # noqa: S608 (as above)
    return int(number)


def rejuvenate(store: Store, now: float, ahead_s: float) -> None:
    """Let letters be no older than before a jump of the clock by *ahead_s*, whose new time is *now*."""
    with store.writing():
        store.write("UPDATE outbox SET created_at = min(?, created_at + ?)", [(now, ahead_s)])


def next_turn(store: Store, receivers: Iterable[str]) -> float | None:
    """Return when the next letter to one of *receivers* is due; None if none waits."""
    turns = (
        store.rows("SELECT min(next_at) FROM outbox WHERE receiver = ?", (receiver,))[0][0] for receiver in receivers
    )
    return min((turn for turn in turns if turn is not None), default=None)
