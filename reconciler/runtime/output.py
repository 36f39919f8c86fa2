"""Writes results: whole files or none, and standard output, whose reader may have closed it."""

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
    text: str | Iterable[str],
    files: Iterable[tuple[Path, str]],
    appended: Iterable[tuple[Path, str]] = (),
    *,
    form: Form = Form.TEXT,
) -> None:
    """
    Write *text* to standard output and every file, even if another of them fails.

    If standard output cannot be written, *text* goes to standard error, so that the result is not lost.

    Args:
        text: For standard output; whole, or in pieces that can be asked for twice.
        files: The new content of each.
        appended: The text to add to files that other programs own.
        form: The format of *text*.

    Raises:
        OutputError: A file or standard output could not be written; the error names each.
    """
    failures: list[str] = []
    try:
        write_stdout(text, form)
    except OutputError as error:
        failures.append(str(error))
        streams.write_stderr(text if isinstance(text, str) else "".join(text))
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
    Write a file; a reader sees either the old content or the complete new content.

    Args:
        path: Missing folders are created.
        text: The new content.
        private: Readable by its owner only; else as the umask allows.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        filesystem.write(path, text, private=private)
    except PathError as error:
        raise _unwritable(error) from error


def append_file(path: Path, text: str) -> None:
    """
    Append to a file that another program created and reads.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        filesystem.append(path, text)
    except PathError as error:
        raise _unwritable(error) from error


def _unwritable(error: PathError) -> OutputError:
    return OutputError(f"{error.path} cannot be written: {error.reason}")


def write_stdout(text: str | Iterable[str], form: Form = Form.TEXT) -> None:
    """
    Write to standard output; a missing reader (``| head``, ``>&-``) is no error.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        streams.write_stdout(text, form)
    except OSError as error:
        message = f"standard output cannot be written: {error.strerror}"
        raise OutputError(message) from error
