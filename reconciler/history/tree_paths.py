"""Checks the paths that a git tree names, before files are written by them: a tree may hold any bytes."""

from __future__ import annotations

import re
from typing import Final

# Characters that HFS+ ignores in names: git, utf8.c, next_hfs_char.
_PASSED_OVER: Final = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# learn.microsoft.com, "Naming Files, Paths, and Namespaces": with any suffix, and blanks before it.
_DEVICE: Final = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])[ ]*(\.|\Z)", re.IGNORECASE)
_NOT_ON_WINDOWS: Final = re.compile(r'[\x00-\x1f<>:"|?*\\]')


def is_writable(path: str, *, windows: bool) -> bool:
    """
    Return whether a file at *path* stays below the folder that it is written to, and is no part of a repository.

    Where it is not, git itself makes no such file, so nothing is lost: no work tree has it.

    Args:
        path: From the root of the tree, with slashes.
        windows: Whether the file would be written by the rules of Windows: drives, streams, devices, names that end in
            a dot or a blank.
    """
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} or _is_repository(part) for part in parts):
        return False
    return not windows or all(_is_name_on_windows(part) for part in parts)


def _is_repository(part: str) -> bool:
    """Return whether a name is ``.git`` to any file system: in any case, as NTFS shortens it, as HFS+ reads it."""
    name = _PASSED_OVER.sub("", part).casefold()
    return re.split(r"[:\\]", name)[0].rstrip(". ") in {".git", "git~1"}


def _is_name_on_windows(part: str) -> bool:
    if _NOT_ON_WINDOWS.search(part) or part.endswith((".", " ")):
        return False
    return _DEVICE.match(part) is None
