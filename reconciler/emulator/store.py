"""
Where the embedded ARM keeps its world: one SQLite file, which several processes may share, or memory.

Knows rows, not meanings. A write happens inside :meth:`Store.writing`, one immediate transaction, so a process that is
killed leaves nothing half done.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from reconciler.emulator.calls import NOBODY
from reconciler.emulator.files import connect
from reconciler.emulator.groups import GroupTables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NESTED_GRACE_S: Final = 20
"""How long a deleted child still keeps its parent from being deleted (azure-rest-api-specs#19686)."""

_OPERATION_KEPT_S: Final = 3600
_PAST: Final = "CREATE TABLE IF NOT EXISTS past AS SELECT *, 0.0 AS until FROM resources WHERE false"
_PAST_ROWS: Final = (
    "UNION ALL SELECT key, id, kind, state, settled, running, started, ends, created, changed, creator, writer"
    " FROM past AS one WHERE until = (SELECT min(until) FROM past WHERE key = one.key AND until > :then)"
)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One resource.

    Attributes:
        key: The id in lower case.
        id: As spelled by the PUT that created it.
        kind: Name of the manifest kind.
        state: The resource as the service knows it, write-only properties included; JSON text.
        settled: The answer once *ends* has passed; None if the resource is deleted then. JSON text.
        running: The answer until then.
        started: When the last operation began.
        ends: When it ends; the state of the resource follows from this and the time of reading.
        creator: The sender of the first write, by its token.
        writer: Who sent the last one.
    """

    key: str
    id: str
    kind: str
    state: str
    settled: str | None
    running: str
    started: float
    ends: float
    created: float
    changed: float
    creator: str = NOBODY
    writer: str = NOBODY

    def answer(self, now: float) -> str | None:
        """Return the answer at *now*; None if the resource does not exist."""
        return self.running if self.ends > now else self.settled

    def is_being_deleted(self, now: float) -> bool:
        """Return whether the running operation is a deletion."""
        return self.settled is None and self.ends > now


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One long operation.

    Attributes:
        guid: Its name.
        slot: Of the one writer that ARM allows at a time.
        started: When it began.
        ends: When it ends: its status follows from this and the time of reading.
        code: Of the error that it ends with; None for success.
    """

    guid: str
    key: str
    slot: str
    location: str
    started: float
    ends: float
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of a list, as a page needs it."""

    key: str
    answer: str
    created: float
    changed: float
    creator: str
    writer: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that the next write to one resource will meet."""

    code: str
    message: str
    status: int | None


class Store(GroupTables):
    """The rows of one world."""

    def __init__(self, path: Path | None, *, keeps_past: bool = False) -> None:
        """
        Open *path*, making it if it is not there; *keeps_past* keeps what is written over, for :meth:`seen_at`.

        Raises:
            EmulatorError: The file cannot be used.
        """
        super().__init__(connect(path))
        # An application that is dropped without having been served closes nothing by itself.
        weakref.finalize(self, self._db.close)
        self._lock = threading.RLock()
        self._keeps_past = keeps_past
        if keeps_past:
            self._db.execute(_PAST)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one write transaction; nothing of it stays if the body raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def find(self, key: str) -> Row | None:
        """Return the row of a resource, which may be that of a deleted one."""
        row = self._db.execute("SELECT * FROM resources WHERE key = ?", (key,)).fetchone()
        return Row(*row) if row else None

    def save(self, row: Row) -> None:
        """Write *row* over the one of the same key."""
        self._keep("key = ?", (row.key,), max(row.changed, row.started))
        self._db.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(row))

    def forget(self, now: float) -> None:
        """Remove rows that no answer needs any more: resources long deleted, operations long ended."""
        long_ago = "settled IS NULL AND ends < ?", (now - NESTED_GRACE_S,)
        self._keep(*long_ago, now)
        self._db.execute(f"DELETE FROM resources WHERE {long_ago[0]}", long_ago[1])  # noqa: S608 (text of our own)
        self._db.execute("DELETE FROM operations WHERE ends < ?", (now - _OPERATION_KEPT_S,))

    def page(self, kind: str, prefix: str, after: str, limit: int, now: float) -> list[Item]:
        """
        Return resources of one kind, in the order of their keys.

        Args:
            kind: Name of the kind.
            prefix: The beginning of their keys; ends with a slash.
            after: The key after which to begin; *prefix* for the first page.
            limit: How many at most.
            now: The time of reading.
        """
        rows = self._db.execute(
            "SELECT key, CASE WHEN ends > :now THEN running ELSE settled END, created, changed, creator, writer"
            " FROM resources"
            " WHERE kind = :kind AND key > :after AND key < :end AND (settled IS NOT NULL OR ends > :now)"
            " ORDER BY key LIMIT :limit",
            {"now": now, "kind": kind, "after": after, "end": _end(prefix), "limit": limit},
        )
        return [Item(*row) for row in rows]

    def has_children(self, key: str, now: float) -> bool:
        """Return whether anything is, or was until seconds ago, below a resource."""
        prefix = key + "/"
        row = self._db.execute(
            "SELECT 1 FROM resources WHERE key > ? AND key < ? AND (settled IS NOT NULL OR ends > ?) LIMIT 1",
            (prefix, _end(prefix), now - NESTED_GRACE_S),
        ).fetchone()
        return row is not None

    def keys(self, now: float) -> list[str]:
        """Return the key of every resource that is there."""
        rows = self._db.execute("SELECT key FROM resources WHERE settled IS NOT NULL OR ends > ? ORDER BY key", (now,))
        return [key for (key,) in rows]

    def subscriptions(self) -> list[str]:
        """Return every subscription that holds a resource or a resource group."""
        rows = self._db.execute(
            "SELECT DISTINCT substr(key, 16, instr(substr(key, 16), '/') - 1)"
            " FROM (SELECT key FROM resources UNION ALL SELECT key FROM resource_groups)"
        )
        return sorted(name for (name,) in rows)

    def seen_at(self, then: float) -> list[tuple[str, Item]]:
        """Return the kind and the answer of every resource as it was at a moment that has passed, by its key."""
        past = _PAST_ROWS if self._keeps_past else ""
        newer = "WHERE key NOT IN (SELECT key FROM past WHERE until > :then)" if self._keeps_past else ""
        rows = self._db.execute(
            f"SELECT kind, key, CASE WHEN ends > :then THEN running ELSE settled END AS answer, created, changed,"  # noqa: S608
            f" creator, writer FROM (SELECT * FROM resources {newer} {past})"
            " WHERE created <= :then AND answer IS NOT NULL ORDER BY key",
            {"then": then},
        )
        return [(kind, Item(*rest)) for kind, *rest in rows]

    def _keep(self, where: str, values: tuple[object, ...], until: float) -> None:
        """Keep rows that are about to be written over or removed, with the time until which they held."""
        if self._keeps_past:
            self._db.execute(f"INSERT INTO past SELECT *, ? FROM resources WHERE {where}", (until, *values))  # noqa: S608

    def remove(self, key: str, now: float) -> None:
        """Drop a resource without a trace but the one in :meth:`seen_at`."""
        self._keep("key = ?", (key,), now)
        self._db.execute("DELETE FROM resources WHERE key = ?", (key,))

    def start(self, operation: Operation) -> None:
        """Keep a new operation."""
        self._db.execute("INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(operation))

    def operation(self, guid: str) -> Operation | None:
        """Return an operation by its name."""
        row = self._db.execute("SELECT * FROM operations WHERE guid = ?", (guid,)).fetchone()
        return Operation(*row) if row else None

    def is_busy(self, slot: str, now: float) -> bool:
        """Return whether an operation of this writer slot is running."""
        row = self._db.execute("SELECT 1 FROM operations WHERE slot = ? AND ends > ?", (slot, now)).fetchone()
        return row is not None

    def end_operations(self, now: float) -> None:
        """Let everything that runs be over at *now*."""
        self._db.execute("UPDATE operations SET ends = :now WHERE ends > :now", {"now": now})
        self._db.execute("UPDATE resources SET ends = :now WHERE ends > :now", {"now": now})

    def plant(self, key: str, fault: Fault) -> None:
        """Let the next write to a resource fail."""
        self._db.execute("INSERT OR REPLACE INTO faults VALUES (?, ?, ?, ?)", (key, *astuple(fault)))

    def take_fault(self, key: str) -> Fault | None:
        """Return the failure planted for a resource, once."""
        row = self._db.execute("DELETE FROM faults WHERE key = ? RETURNING code, message, status", (key,)).fetchone()
        return Fault(*row) if row else None


def _end(prefix: str) -> str:
    """Return the first key after all that begin with *prefix*: ``0`` follows ``/``."""
    return prefix[:-1] + "0"
