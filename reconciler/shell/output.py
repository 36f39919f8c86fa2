"""Writes what a run has to say: whole files or none, and standard output that somebody may close."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.errors import OutputError, PathError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO


def deliver(text: str, files: Iterable[tuple[Path, str]], appended: Iterable[tuple[Path, str]] = ()) -> None:
    """
    Write *text* to standard output and every file, each whatever became of the others.

    Where standard output takes nothing, what it was to say goes to standard error: somebody must hear what was done.

    Args:
        text: For standard output.
        files: What each is to hold.
        appended: What is added to files that are somebody else's.

    Raises:
        OutputError: Something could not be written; it names all of that.
    """
    failures: list[str] = []
    try:
        write_stdout(text)
    except OutputError as error:
        failures.append(str(error))
        with contextlib.suppress(OSError, AttributeError):  # it may be full too, or not be there
            _write(sys.stderr, text)
    writes = (*((write_file, *file) for file in files), *((append_file, *file) for file in appended))
    for write, path, content in writes:
        try:
            write(path, content)
        except OutputError as error:
            failures.append(str(error))
    if failures:
        raise OutputError("; ".join(failures))


def write_file(path: Path, text: str, *, private: bool = False) -> None:
    """
    Write a file that is either the old one or the whole new one.

    Args:
        path: Its folders are made.
        text: What it is to hold.
        private: Readable by its owner alone; else by whom the umask lets.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        filesystem.write(path, text, private=private)
    except PathError as error:
        raise _unwritable(error) from error


def append_file(path: Path, text: str) -> None:
    """
    Add to a file that somebody else made and reads.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        filesystem.append(path, text)
    except PathError as error:
        raise _unwritable(error) from error


def _unwritable(error: PathError) -> OutputError:
    return OutputError(f"{error.path} cannot be written: {error.reason}")


def write_stdout(text: str) -> None:
    """
    Write to standard output; a reader that has gone (``| head``), or never was (``>&-``), is no error.

    Raises:
        OutputError: It cannot be written.
    """
    if sys.stdout is None:
        return
    try:
        _write(sys.stdout, text)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            message = f"standard output cannot be written: {error.strerror}"
            raise OutputError(message) from error
        # What is still buffered would raise again when the interpreter exits.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # of a locale that is not UTF-8; nothing was written
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
