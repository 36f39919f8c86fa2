"""Asks git which commit the manifests are of. Runs git as a program that reads; never a hook, never a checkout."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from reconciler.settings import process_environment

if TYPE_CHECKING:
    from pathlib import Path

# No program that a repository's own configuration names is started.
_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_TIMEOUT_S: Final = 20
# git starts programs of its user's choice (filters): they see no signature and no client secret of this process.
_NEEDED: Final = frozenset({"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "XDG_CONFIG_HOME"})


def head_commit(folder: Path) -> str | None:
    """Give HEAD of the repository that holds *folder*; None if there is none, or files differ from it."""
    status = _run(folder, "status", "--porcelain")
    if status is None or status.strip():
        return None
    head = _run(folder, "rev-parse", "--verify", "HEAD")
    return head.strip() if head else None


def _run(folder: Path, *arguments: str) -> str | None:
    given = process_environment().values
    env = {name: value for name, value in given.items() if name in _NEEDED or name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program and fixed arguments)
            [*_GIT, *arguments], cwd=folder, env=env, capture_output=True, timeout=_TIMEOUT_S, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
