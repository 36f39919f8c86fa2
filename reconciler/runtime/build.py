"""
The version of this build. The commit distinguishes two builds of one version.

Reads files only: ``--version`` waits neither for git nor for a parser of package metadata.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler import __version__, filesystem
from reconciler.errors import PathError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES: Final = 4 * 1024 * 1024
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
_INSTALLED: Final = re.compile(r"reconciler-(.+)\.dist-info")
"""The folder of an installed package's metadata ("Recording installed projects", packaging.python.org)."""


def build_version() -> str:
    """
    Return the version with the first seven digits of the commit, as ``0.1.0+c52f407``, where that is known.

    A checkout has it from git's files, as it moves on after it was installed; an installed package from its build.
    """
    root = filesystem.real(__file__).parent.parent.parent
    if filesystem.is_there(root / ".git"):
        commit = _checked_out(root / ".git")
        return f"{__version__}+{commit[:7]}" if commit else __version__
    found = (_INSTALLED.fullmatch(name) for name in filesystem.names(root))
    return next((each[1] for each in found if each), __version__)


def _checked_out(folder: Path) -> str | None:
    """Return the commit of HEAD, from a repository's folder or a worktree's file that names it; None if unknown."""
    named = _line(folder)
    if named.startswith("gitdir: "):
        folder = folder.parent / named.removeprefix("gitdir: ")
    head = _line(folder / "HEAD")
    branch = head.removeprefix("ref: ")
    if branch == head:
        return head if _COMMIT.fullmatch(head) else None
    common = folder / (_line(folder / "commondir") or ".")
    loose = _line(common / branch)
    packed = (line.split(" ") for line in _text(common / "packed-refs").splitlines())
    found = loose or next((line[0] for line in packed if line[1:] == [branch]), "")
    return found if _COMMIT.fullmatch(found) else None


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    """Return the content of a file; empty where there is none."""
    try:
        return filesystem.read(path, _MOST_BYTES).decode("utf-8", "replace")
    except PathError:
        return ""
