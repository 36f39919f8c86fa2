"""Words exceptions for users. Quotes no value: it may be a secret."""

from __future__ import annotations

from pathlib import PurePath

from reconciler.errors import ReconcilerError


class Stopped(Exception):  # noqa: N818 (no error: a signal was sent)
    """
    A signal ended the run before it had a result.

    Attributes:
        code: The exit code for it.
    """

    def __init__(self, code: int) -> None:
        """Keep the exit code."""
        super().__init__(f"stopped by a signal ({code})")
        self.code = code


def described(error: BaseException) -> str:
    """Return the message of an exception for a user."""
    if isinstance(error, ReconcilerError):
        return str(error)
    if isinstance(error, OSError):
        what = error.filename if isinstance(error.filename, str) else "a stream or a connection"
        return f"{what} cannot be used: {error.strerror or type(error).__name__}"
    import traceback  # noqa: PLC0415 (for a bug alone: every report would wait for it)

    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"internal error: {type(error).__name__}{where}; please report it, with the output of --log-level debug"
