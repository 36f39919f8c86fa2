"""Opens the state file: makes it private, checks its owner program and version, creates its tables."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from reconciler import filesystem
from reconciler.errors import EmulatorError, PathError

APPLICATION_ID: Final = 0x52434E4C
"""Marks the file as ours (``PRAGMA application_id``)."""

SCHEMA_VERSION: Final = 2
"""Of the tables below (``PRAGMA user_version``)."""

_OWNER: Final = "PRAGMA application_id"
_COUNT: Final = "SELECT count(*) FROM sqlite_master"
_BUSY_TIMEOUT_S: Final = 30
_TABLES: Final = (
    """CREATE TABLE resources (
        key TEXT PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
        settled TEXT, running TEXT NOT NULL, started REAL NOT NULL, ends REAL NOT NULL,
        created REAL NOT NULL, changed REAL NOT NULL,
        creator TEXT NOT NULL DEFAULT 'emulator', writer TEXT NOT NULL DEFAULT 'emulator'
    )""",
    "CREATE INDEX resources_by_kind ON resources (kind, key)",
    "CREATE INDEX resources_deleted ON resources (ends) WHERE settled IS NULL",
    """CREATE TABLE operations (
        guid TEXT PRIMARY KEY, key TEXT NOT NULL, slot TEXT NOT NULL, location TEXT NOT NULL,
        started REAL NOT NULL, ends REAL NOT NULL, code TEXT, message TEXT
    )""",
    "CREATE INDEX operations_by_slot ON operations (slot, ends)",
    "CREATE INDEX operations_by_end ON operations (ends)",
    "CREATE TABLE faults (key TEXT PRIMARY KEY, code TEXT NOT NULL, message TEXT NOT NULL, status INTEGER)",
    "CREATE TABLE resource_groups (key TEXT PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE unregistered (subscription TEXT, namespace TEXT, PRIMARY KEY (subscription, namespace))",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_FROM_VERSION_1: Final = (
    "ALTER TABLE resources ADD COLUMN creator TEXT NOT NULL DEFAULT 'emulator'",
    "ALTER TABLE resources ADD COLUMN writer TEXT NOT NULL DEFAULT 'emulator'",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


def connect(path: Path | None) -> sqlite3.Connection:
    """
    Open the state file at *path*, or memory.

    Raises:
        EmulatorError: It cannot be opened, is not a state file, or is one of another version.
    """
    try:
        sort = filesystem.sort_of(path) if path is not None else None
        if path is not None and sort is None:
            _create(path)
        elif sort is not None and sort is not filesystem.Sort.FILE:
            raise _unusable(path, "it is not a file", "name another file with --state")
        elif path is not None:
            _require_ours(path)
        return _opened(path)
    except (PathError, OSError, ValueError, sqlite3.Error) as error:
        raise _unusable(path, str(error), "name another file with --state, or remove this one") from error


def _create(path: Path) -> None:
    """
    Make a state file in one step, as several processes may be about to: the first one wins.

    Bodies hold signed links, so no other user may read the folder or the file.
    """
    if not filesystem.is_there(path.parent):
        filesystem.make_folder(path.parent, 0o700)
        ignored = f"/.gitignore\n/{path.name}*\n"  # keeps the file out of a repository around it
        filesystem.write(path.parent / ".gitignore", ignored)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        fresh = Path(folder) / path.name
        fresh.touch(mode=0o600)
        _opened(fresh).close()
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)


def _require_ours(path: Path) -> None:
    """
    Look at a file through a connection that cannot write: opened as a state file, another program's would become WAL.

    The check makes neither locks nor files beside it, so a failure (another process writes) has no meaning.
    By SQLite and not by reading the file: to close a file drops every lock that this process has on it.

    Raises:
        EmulatorError: It is a database of another program.
    """
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", timeout=_BUSY_TIMEOUT_S, uri=True)
    with contextlib.closing(db):
        try:
            (owner,), (tables,) = (db.execute(query).fetchone() for query in (_OWNER, _COUNT))
        except sqlite3.DatabaseError:
            return
    if owner != APPLICATION_ID and (owner or tables):
        raise _foreign(path)


def _opened(path: Path | None) -> sqlite3.Connection:
    # Threads take turns in Store: a test may look at the world of a server that runs in another thread.
    db = sqlite3.connect(path or ":memory:", timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        _check_or_create(db, path)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _check_or_create(db: sqlite3.Connection, path: Path | None) -> None:
    (owner,), (version,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version"))
    tables = db.execute(_COUNT).fetchone()[0]
    if owner == 0 and tables == 0:
        for statement in _TABLES:
            db.execute(statement)
    elif owner != APPLICATION_ID:
        raise _foreign(path)
    elif version == 1:
        for statement in _FROM_VERSION_1:
            db.execute(statement)
    elif version != SCHEMA_VERSION:
        problem = f"its format is version {version}, and this program reads version {SCHEMA_VERSION}"
        raise _unusable(path, problem, "name another file with --state, or remove this one")


def _foreign(path: Path | None) -> EmulatorError:
    return _unusable(path, "it is a database of another program", "name another file with --state")


def _unusable(path: Path | None, problem: str, fix: str) -> EmulatorError:
    return EmulatorError(f"the emulator cannot use its state file {path or ':memory:'}: {problem}; {fix}")
