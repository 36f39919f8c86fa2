"""
Asks git what the manifests are, and were. Runs git as a program that reads objects; never a hook, never a checkout.

What a repository holds is data from its authors: nothing of it is run, and none of its paths leads outside.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

from reconciler.errors import UsageError
from reconciler.settings import process_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

# No program that a repository's own configuration names is started.
_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_TIMEOUT_S: Final = 60
# git starts programs of its user's choice (filters): they see no signature and no client secret of this process.
_NEEDED: Final = frozenset({"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "XDG_CONFIG_HOME"})
# Nothing is fetched, not even what a partial clone left out, and nobody is asked for a password.
_OFFLINE: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_MAX_FILE_BYTES: Final = 8 * 1024 * 1024  # no manifest and no file that one names is larger
_MAX_BYTES: Final = 512 * 1024 * 1024
_REGULAR: Final = frozenset({"100644", "100755"})


def head_commit(folder: Path) -> str | None:
    """Give HEAD of the repository that holds *folder*; None if there is none, or files differ from it."""
    status = _text(folder, "status", "--porcelain")
    if status is None or status:
        return None
    return _text(folder, "rev-parse", "--verify", "HEAD")


def top(folder: Path) -> Path | None:
    """Give the folder of the repository that holds *folder*; None if none does."""
    found = _text(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def commit_of(folder: Path, revision: str) -> str | None:
    """Give the commit that a revision names; None if this clone has none."""
    return _text(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")


def merge_base(folder: Path, commit: str) -> str | None:
    """Give the commit where HEAD left the history of *commit*; None if this clone does not reach so far."""
    return _text(folder, "merge-base", "HEAD", commit)


@dataclass(frozen=True, slots=True)
class _Blob:
    name: str
    path: str
    size: int


def unpack(repository: Path, commit: str, below: Sequence[str], into: Path) -> None:
    """
    Write the files of a commit into an empty folder: regular ones that are not too large, and no links.

    Args:
        repository: Its top folder.
        commit: Its id.
        below: Paths of files and folders in it, with slashes; none is all of it.
        into: Where the files go, by their paths in the repository.

    Raises:
        UsageError: The objects are not all here, or there are too many.
        OSError: They cannot be written.
    """
    blobs = _blobs(repository, commit, below)
    if sum(blob.size for blob in blobs) > _MAX_BYTES:
        message = f"the files of commit {commit[:12]} are larger than {_MAX_BYTES:,} bytes: keep manifests in a folder"
        raise UsageError(message)
    import tempfile  # noqa: PLC0415 (for what looks at history alone)

    with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as contents:
        names.write("".join(f"{blob.name}\n" for blob in blobs).encode())
        names.seek(0)
        if _run(repository, "cat-file", "--batch", stdin=names, stdout=contents) is None:
            raise _missing(commit)
        contents.seek(0)
        for blob in blobs:
            _write(into / blob.path, _content(contents, blob, commit))


def _blobs(repository: Path, commit: str, below: Sequence[str]) -> list[_Blob]:
    listing = _bytes(repository, "ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--", *below)
    if listing is None:
        raise _missing(commit)
    found = (_blob(entry, commit) for entry in listing.split(b"\0") if entry)
    return [blob for blob in found if blob is not None]


def _blob(entry: bytes, commit: str) -> _Blob | None:
    about, _, path = os.fsdecode(entry).partition("\t")
    mode, _, name, size = about.split()
    parts = PurePosixPath(path).parts
    if size == "BAD":  # git knows its name, and has not got it
        raise _missing(commit)
    if mode not in _REGULAR or not size.isdecimal() or int(size) > _MAX_FILE_BYTES:
        return None
    if path.startswith("/") or "\\" in path or any(part in {"..", ".git"} for part in parts):
        return None  # git itself makes no such path
    return _Blob(name, path, int(size))


def _content(contents: BinaryIO, blob: _Blob, commit: str) -> bytes:
    head = contents.readline().split()
    if len(head) != 3 or int(head[2]) != blob.size:  # noqa: PLR2004 (name, type and size, or "missing")
        raise _missing(commit)
    return contents.read(blob.size + 1)[:-1]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _missing(commit: str) -> UsageError:
    return UsageError(f"commit {commit[:12]} is not all in this clone: fetch more of its history")


def _text(folder: Path, *arguments: str) -> str | None:
    found = _bytes(folder, *arguments)
    return os.fsdecode(found).strip() if found is not None else None


def _bytes(folder: Path, *arguments: str) -> bytes | None:
    return _run(folder, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def _run(folder: Path, *arguments: str, stdin: int | BinaryIO, stdout: int | BinaryIO) -> bytes | None:
    """Give what git wrote, if it was not written to a file; None if git failed, or did not answer in time."""
    given = process_environment().values
    env = {name: value for name, value in given.items() if name in _NEEDED or name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program)
            [*_GIT, *arguments],
            cwd=folder,
            env=env | _OFFLINE,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout or b"" if done.returncode == 0 else None
