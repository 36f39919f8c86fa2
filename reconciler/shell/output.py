"""Writes what a run has to say: whole files or none, and standard output that somebody may close."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import OutputError

if TYPE_CHECKING:
    from typing import TextIO


def write_file(path: Path, text: str) -> None:
    """
    Write a file that is either the old one or the whole new one, readable by its owner alone.

    Raises:
        OutputError: It cannot be written.
    """
    import tempfile  # noqa: PLC0415 (only a few runs write a file)

    try:
        path = path.resolve()  # of a link, the file that it leads to is written
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # /dev/stdout is there to be written, not replaced
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise OutputError(message) from error


def write_stdout(text: str) -> None:
    """Write to standard output; a reader that has gone (``| head``), or never was (``>&-``), is no error."""
    if sys.stdout is None:
        return
    try:
        _write(sys.stdout, text)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            message = f"standard output cannot be written: {error.strerror}"
            raise OutputError(message) from error
        # What is still buffered would raise again when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # of a locale that is not UTF-8; nothing was written
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
