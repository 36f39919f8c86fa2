"""Asks git which commit the manifests are of. Runs git as a program that reads; never a hook, never a checkout."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# No program that a repository's own configuration names is started.
_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_TIMEOUT_S: Final = 20


def head_commit(folder: Path) -> str | None:
    """Give HEAD of the repository that holds *folder*; None if there is none, or files differ from it."""
    status = _run(folder, "status", "--porcelain")
    if status is None or status.strip():
        return None
    head = _run(folder, "rev-parse", "--verify", "HEAD")
    return head.strip() if head else None


def _run(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program and fixed arguments)
            [*_GIT, *arguments], cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
