"""Writes on standard error why a command has no result, and returns the exit code."""

from __future__ import annotations

from io import StringIO
from signal import SIGINT
from typing import TYPE_CHECKING

from reconciler.errors import RequestError
from reconciler.plan.exit_codes import ExitCode, of_error, of_signal
from reconciler.report.escape import inert, visible
from reconciler.runtime import streams
from reconciler.runtime.failure import Stopped, described
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click


def complain(message: str, code: int, more: Sequence[str] = ()) -> int:
    """Write a message, and return *code*."""
    lines = (inert(visible(scrub(line))) for line in (f"reconciler: {message}", *more))
    streams.write_stderr("\n    ".join(lines) + "\n")
    return code


def misused(error: click.ClickException) -> int:
    """Write click's message about the command line, which it quotes, and return the exit code."""
    text = StringIO()
    error.show(file=text)
    streams.write_stderr(scrub(text.getvalue()))
    return ExitCode.USAGE


def failed(error: Exception) -> int:
    """Write why a command ended early, and return the exit code; nothing of a signal."""
    if isinstance(error, Stopped):
        return error.code
    if isinstance(error, RequestError):
        first, *more = str(error).split("\n")
        return complain(first, of_error(error), (*more, f"fix: {error.info.fix}") if error.info.fix else more)
    return complain(described(error), of_error(error))


def unwritable(error: OSError) -> int:
    """Write that standard output cannot be written, and return the exit code."""
    return complain(f"standard output cannot be written: {error.strerror}", of_error(error))


def aborted() -> int:
    """Return the exit code of a command that Ctrl-C ended before it could listen for signals."""
    return of_signal(SIGINT)
