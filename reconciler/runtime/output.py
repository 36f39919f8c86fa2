"""Writes what a run has to say: whole files or none, and standard output that somebody may close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.errors import OutputError, PathError
from reconciler.runtime import streams
from reconciler.runtime.streams import Form

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def deliver(
    text: str,
    files: Iterable[tuple[Path, str]],
    appended: Iterable[tuple[Path, str]] = (),
    *,
    form: Form = Form.TEXT,
) -> None:
    """
    Write *text* to standard output and every file, even if another of them fails.

    Where standard output takes nothing, *text* goes to standard error, so that the result is not lost.

    Args:
        text: For standard output.
        files: The new content of each.
        appended: The text to add to files that other programs own.
        form: The format of *text*.

    Raises:
        OutputError: Something could not be written; it names all of that.
    """
    failures: list[str] = []
    try:
        write_stdout(text, form)
    except OutputError as error:
        failures.append(str(error))
        streams.write_stderr(text)
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
        text: The new content.
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


def write_stdout(text: str, form: Form = Form.TEXT) -> None:
    """
    Write to standard output; a reader that has gone (``| head``), or never was (``>&-``), is no error.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        streams.write_stdout(text, form)
    except OSError as error:
        message = f"standard output cannot be written: {error.strerror}"
        raise OutputError(message) from error
