"""
The file of the history: one SQLite database, which a loop, cron lines and readers may share.

Knows rows, not meanings. A write is one immediate transaction, so a process that is killed leaves nothing half done.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from reconciler import filesystem
from reconciler.errors import HistoryError, PathError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FILE_NAME: Final = "history.sqlite"
APPLICATION_ID: Final = 0x52434E48
"""Marks the file as ours (``PRAGMA application_id``)."""

_BUSY_TIMEOUT_S: Final = 10
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY: Final = 0xFF
_IGNORED: Final = "/.gitignore"
_MOST_IGNORED_BYTES: Final = 64 * 1024
_OTHER_FOLDER: Final = "name another folder with --state-dir"
_MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """CREATE TABLE rounds (
            number INTEGER PRIMARY KEY, started_at REAL NOT NULL, seconds REAL NOT NULL, of_commit TEXT,
            outcome TEXT NOT NULL, summary TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX rounds_by_start ON rounds (started_at)",
        """CREATE TABLE episodes (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, key TEXT NOT NULL,
            resource TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, steps TEXT NOT NULL,
            severity TEXT NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL, cause TEXT, who TEXT,
            declared TEXT NOT NULL, is_begun INTEGER NOT NULL, seen INTEGER NOT NULL, missed INTEGER NOT NULL,
            missed_at REAL, ended_at REAL, how TEXT
        ) STRICT""",
        "CREATE INDEX episodes_open ON episodes (scope) WHERE ended_at IS NULL",
        "CREATE INDEX episodes_by_sighting ON episodes (last_seen)",
        """CREATE TABLE conditions (
            scope TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL, since REAL NOT NULL, missed INTEGER NOT NULL,
            PRIMARY KEY (scope, event, key)
        ) STRICT""",
        """CREATE TABLE outbox (
            id TEXT NOT NULL, receiver TEXT NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL,
            next_at REAL NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (id, receiver)
        ) STRICT""",
        "CREATE INDEX outbox_by_turn ON outbox (next_at)",
    ),
    ("ALTER TABLE rounds ADD COLUMN held TEXT", "CREATE INDEX episodes_by_key ON episodes (key)"),
)
"""The statements that lead from each version of the file (``PRAGMA user_version``) to the next."""

Row = tuple[Any, ...]


class Store:
    """The rows of one history."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        """Use an open database."""
        self._db = db
        self.path = path

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """
        Hold the one write transaction; nothing of it stays if the body raises.

        Raises:
            HistoryError: The file cannot be read or written.
        """
        with translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Return all rows of a query; HistoryError if the file cannot be read."""
        with translated(self.path):
            return self._db.execute(statement, values).fetchall()

    def write(self, statement: str, rows: Sequence[Sequence[Any] | Mapping[str, Any]]) -> None:
        """Carry out a statement for each of *rows*, within :meth:`writing`."""
        self._db.executemany(statement, rows)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise HistoryError in place of the errors of SQLite and of the file system."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in _CORRUPT:
            msg = f"{path} is damaged: {error}"
            raise HistoryError(msg, _OTHER_FOLDER, is_corrupt=True) from error
        fix = "make room on its disk" if code == sqlite3.SQLITE_FULL else f"check the file, or {_OTHER_FOLDER}"
        msg = f"{path} cannot be used: {error}"
        raise HistoryError(msg, fix) from error
    except PathError as error:
        msg = f"{error.path} cannot be used: {error.reason}"
        raise HistoryError(msg, _OTHER_FOLDER) from error


def open_store(folder: Path) -> Store:
    """
    Return the history in *folder*, which is made if it is not there.

    Raises:
        HistoryError: It cannot be opened, is damaged, is another program's, or is of a newer version.
    """
    path = folder / FILE_NAME
    with translated(path):
        prepare(folder, f"/{FILE_NAME}*")
        if not filesystem.is_there(path):
            _create(path)
        _require_ours(path)
        db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return Store(db, path)


def open_reader(folder: Path) -> Store | None:
    """
    Return the history in *folder* for reading, also while a loop writes it; None if there is none.

    Raises:
        HistoryError: It cannot be opened, is damaged, is another program's, or is of another version.
    """
    path = folder / FILE_NAME
    with translated(path):
        if filesystem.sort_of(path) is None:
            return None
        _require_ours(path)
        db = _opened_for_reading(path)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
        except BaseException:
            db.close()
            raise
        if 0 < version < len(_MIGRATIONS):
            db = _brought_up(db, path)
        elif version != len(_MIGRATIONS):
            db.close()
            raise _of_version(path, version)
    return Store(db, path)


def set_aside(folder: Path, stamp: str) -> Path:
    """Rename a damaged file, so that a new one takes its place, and return its new path; HistoryError if that fails."""
    path = folder / FILE_NAME
    aside = f"{FILE_NAME}.damaged-{stamp}"
    with translated(path):
        for suffix in ("-wal", "-shm", ""):
            old = path.with_name(FILE_NAME + suffix)
            if filesystem.is_there(old):
                filesystem.rename(old, aside + suffix)
    return path.with_name(aside)


def prepare(folder: Path, *ignored: str) -> None:
    """
    Make the folder for the state of a loop, private, and keep the tree of a repository around it clean.

    Args:
        folder: One that is there stays as it is, unless this program made it.
        ignored: Lines of ``.gitignore`` for the files that the caller puts there.

    Raises:
        PathError: It cannot be made.
    """
    file = folder / ".gitignore"
    if not filesystem.is_there(folder):
        filesystem.make_folder(folder, 0o700)
        filesystem.write(file, "".join(f"{line}\n" for line in (_IGNORED, *ignored)))
    elif filesystem.is_there(file):
        lines = filesystem.read(file, _MOST_IGNORED_BYTES).decode("utf-8", "replace").splitlines()
        missing = [line for line in ignored if line not in lines]
        if lines[:1] == [_IGNORED] and missing:  # made by this program, for other files
            filesystem.append(file, "".join(f"{line}\n" for line in missing))


def _create(path: Path) -> None:
    try:
        filesystem.create(path, b"", private=True)
    except PathError:
        if not filesystem.is_there(path):  # else another process was first
            raise


def _require_ours(path: Path) -> None:
    """Look at the file through a connection that cannot write: otherwise another program's would become WAL."""
    if filesystem.sort_of(path) is not filesystem.Sort.FILE:
        msg = f"{path} is not a file"
        raise HistoryError(msg, _OTHER_FOLDER)
    if not filesystem.size(path):
        return
    with contextlib.closing(_connected(path, "mode=ro&immutable=1")) as db:
        try:
            (owner,) = db.execute("PRAGMA application_id").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:  # damaged, or another process writes at this moment: opening it will show
            return
    if owner != APPLICATION_ID and (owner or tables):
        msg = f"{path} is a database of another program"
        raise HistoryError(msg, _OTHER_FOLDER)


def _connected(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{filesystem.absolute(path).as_uri()}?{options}"
    return sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, isolation_level=None, uri=True)


def _opened_for_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write; in a folder without write access, to the file as it is on disk."""
    db = _connected(path, "mode=ro")
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        return _connected(path, "mode=ro&immutable=1")
    return db


def _brought_up(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Return a copy of an older file in memory, in the form of this version; the file stays as it is."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with contextlib.closing(db):
        db.backup(copy)
    _migrate(copy, path)
    return copy


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == len(_MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()  # another process may have been first
        _require_known(path, version)
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _require_known(path: Path, version: int) -> None:
    if version > len(_MIGRATIONS):
        raise _of_version(path, version)


def _of_version(path: Path, version: int) -> HistoryError:
    message = f"{path} is of version {version}, and this reconciler knows version {len(_MIGRATIONS)}"
    return HistoryError(message, f"use the reconciler that wrote it, or {_OTHER_FOLDER}")
