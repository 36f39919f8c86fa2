"""
The only module that opens manifest files and the files they name, so that nothing outside a root folder is opened.

Knows no YAML. Every part of a path is opened from the folder before it and no symbolic link is followed, so that a file
that is swapped for a link between a check and its use gains nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self

from reconciler.manifests.names import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FOLDERS: Final = 64
"""How deep a walk goes, counted from the root."""
MAX_PASSED_OVER: Final = 1_000
"""Files that are counted, in a folder or a few, of those that are not read for their suffix."""
PASSED_OVER: Final = frozenset({"reconciler.yaml", "kustomization.yaml"})
"""Names that a walk leaves to other tools, or to another stage."""

HAS_DIR_FD: Final = os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
"""False on Windows, where the resolved path is compared instead: a swap after the check is not noticed there."""
_NEVER_FOLLOW: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = _NEVER_FOLLOW | getattr(os, "O_DIRECTORY", 0)
# O_NONBLOCK: a FIFO that was swapped in after the check must not wait for its writer.
_FILE: Final = _NEVER_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


class RefusedError(Exception):
    """
    A file or folder that is not opened, or cannot be. The message does not repeat the path, which the caller knows.

    Attributes:
        code: A short, stable name of the rule.
        fix: The fix, in the imperative.
    """

    def __init__(self, code: str, message: str, fix: str) -> None:
        """Keep the code, message and fix of the later problem."""
        super().__init__(message)
        self.code = code
        self.fix = fix


def refuse(code: str, message: str, fix: str) -> NoReturn:
    """Raise RefusedError."""
    raise RefusedError(code, message, fix)


_SYMLINK: Final = ("symlink", "the path is a symbolic link, or contains one", "replace the link with the file itself")
_NOT_A_FILE: Final = ("not-a-file", "the path is not a regular file", "put a file there, or use another name")
_NOT_A_FOLDER: Final = (
    "symlink",
    "a part of the path is a symbolic link, or is not a folder",
    "use a path of real folders",
)
_OUTSIDE: Final = ("outside-root", "the path is outside the root folder", "move the file below the root folder")
_UNREADABLE: Final = "unreadable"
_NOT_FOUND: Final = ("not-found", "file or folder not found", "correct the path")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One file or folder of a walk.

    Attributes:
        path: From the root, with slashes.
        refused: Why the file, or the folder, is not to be read; None for a file that is.
        is_folder: Whether there is more below it.
    """

    path: str
    refused: RefusedError | None = None
    is_folder: bool = False


class Root:
    """An open folder for reading the files below it. Paths are relative to it, with slashes."""

    def __init__(self, path: str | Path) -> None:
        """Open the folder *path*, which may itself be reached through links; RefusedError if that fails."""
        self._descriptor: int | None = None
        with _refusing():
            # Path.absolute() would keep "..".
            self.given = os.path.abspath(path)  # noqa: PTH100
            self.path = os.path.realpath(path)
            if HAS_DIR_FD:
                self._descriptor = os.open(self.path, _FOLDER)
            elif not stat.S_ISDIR(Path(self.path).stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "")

    @classmethod
    def around(cls, path: str) -> Self:
        """Open *path* itself if it is a folder, else the folder that it is in."""
        with _refusing():
            try:
                is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116
            except FileNotFoundError:
                is_folder = False
        return cls(path if is_folder else os.path.dirname(path) or ".")  # noqa: PTH120

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def relative(self, path: str) -> str:
        """Return *path*, as named from the working folder, from this root; RefusedError if it is outside."""
        if not path:
            refuse(*_NOT_FOUND)
        with _refusing():
            absolute = Path(os.path.abspath(path))  # noqa: PTH100
            parent = Path(os.path.realpath(absolute.parent))
        # The second spelling serves a working folder that is reached through links, such as /tmp on macOS.
        for spelling, base in ((absolute, self.given), (parent / absolute.name, self.path)):
            if spelling.is_relative_to(base):
                return spelling.relative_to(base).as_posix()
        refuse(*_OUTSIDE)

    def is_folder(self, path: str) -> bool:
        """Return whether *path* is a folder, and not a link to one; RefusedError if it is not there."""
        parts = _split(path)
        if not parts:
            return True
        with _refusing(), self._folder(parts[:-1]) as folder:
            mode = os.stat(self._name(parts), dir_fd=folder, follow_symlinks=False).st_mode
        return stat.S_ISDIR(mode)

    def read(self, path: str, limit: int) -> bytes:
        """Return the content of a regular file of at most *limit* bytes; RefusedError for anything else."""
        parts = _split(path)
        if not parts:
            refuse(*_NOT_A_FILE)
        with _refusing(), self._folder(parts[:-1]) as folder:
            name = self._name(parts)
            # Asked before opening, as opening a device can have effects, and again after, as it may have been swapped.
            _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            descriptor = os.open(name, _FILE, dir_fd=folder)
            try:
                status = os.fstat(descriptor)
                _require_regular(status)
                return _read(descriptor, status.st_size, limit)
            finally:
                os.close(descriptor)

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield the manifest files below the folder *path*, sorted by path, and the refused entries among them."""
        todo = [Entry("/".join(_split(path)), is_folder=True)]
        while todo:
            entry = todo.pop()
            if entry.is_folder:
                todo.extend(reversed(self._list(entry.path)))
            else:
                yield entry

    def passed_over(self, path: str) -> Iterator[str]:
        """Yield the files below the folder *path*, from it, that a walk does not read for their suffix; or some."""
        todo, found = [_split(path)], 0
        start = len(todo[0])
        while todo and found < MAX_PASSED_OVER:
            parts = todo.pop()
            with _refusing(), self._folder(parts) as folder:
                place = os.path.join(self.path, *parts) if folder is None else folder  # noqa: PTH118
                with os.scandir(place) as items:
                    shown = sorted(
                        (item for item in items if not item.name.startswith(".")), key=lambda item: item.name
                    )
                    folders = [item.name for item in shown if item.is_dir(follow_symlinks=False)]
                    files = [item.name for item in shown if item.is_file(follow_symlinks=False)]
            todo += [[*parts, name] for name in reversed(folders)] if len(parts) < MAX_FOLDERS else []
            others = [name for name in files if not name.lower().endswith(SUFFIXES)]
            found += len(others)
            yield from ("/".join((*parts[start:], name)) for name in others)

    def names(self, path: str) -> list[str]:
        """Return the names of the files in the folder *path*, hidden ones and links left out; none if there is none."""
        parts = _split(path)
        try:
            with _refusing(), self._folder(parts) as folder:
                place = os.path.join(self.path, *parts) if folder is None else folder  # noqa: PTH118
                with os.scandir(place) as items:
                    first = islice(items, MAX_PASSED_OVER)
                    shown = (item for item in first if not item.name.startswith(".") and item.name.isprintable())
                    return sorted(item.name for item in shown if item.is_file(follow_symlinks=False))
        except RefusedError:
            return []

    def _list(self, path: str) -> list[Entry]:
        parts = _split(path)
        try:
            if len(parts) > MAX_FOLDERS:
                message = f"folders are nested deeper than {MAX_FOLDERS} levels"
                refuse("limit", message, "flatten the folders")
            with _refusing(), self._folder(parts) as folder:
                place = os.path.join(self.path, *parts) if folder is None else folder  # noqa: PTH118
                with os.scandir(place) as items:
                    found = [entry for item in items if (entry := _entry(path, item)) is not None]
        except RefusedError as refused:
            return [Entry(path, refused)]
        # A folder sorts as the prefix that it is, so that the order is that of the whole paths.
        return sorted(found, key=lambda entry: entry.path + "/" * entry.is_folder)

    @contextmanager
    def _folder(self, parts: Sequence[str]) -> Iterator[int | None]:
        """Hold a folder open, and give its descriptor; None where descriptors of folders are of no use."""
        if self._descriptor is None:
            self._require_real(parts)
            yield None
            return
        here = os.dup(self._descriptor)
        try:
            for part in parts:
                above, here = here, os.open(part, _FOLDER, dir_fd=here)
                os.close(above)
            yield here
        finally:
            os.close(here)

    def _name(self, parts: Sequence[str]) -> str:
        """Return the name of the last of *parts* for a call that also takes the descriptor of its folder."""
        if self._descriptor is not None:
            return parts[-1]
        self._require_real(parts)
        return os.path.join(self.path, *parts)  # noqa: PTH118

    def _require_real(self, parts: Sequence[str]) -> None:
        path = os.path.join(self.path, *parts)  # noqa: PTH118
        if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
            refuse(*_SYMLINK)


def has_manifests(folder: str | Path) -> bool:
    """Whether a manifest is in *folder* itself, and not only in folders below it."""
    try:
        with Root(folder) as root:
            return any("/" not in entry.path for entry in root.walk("."))
    except RefusedError:
        return False


def _split(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    # Where a backslash separates and a colon names a drive or a stream, neither may hide in a part.
    foreign = not HAS_DIR_FD and ("\\" in path or ":" in path)
    if path.startswith("/") or ".." in parts or foreign:
        refuse(*_OUTSIDE)
    if "\0" in path:
        refuse(*_NOT_FOUND)
    return parts


def is_manifest_name(path: str) -> bool:
    """Return whether a walk reads the file at *path*, from the folder that is walked."""
    parts = path.split("/")
    return not any(part.startswith(".") or part in PASSED_OVER for part in parts) and path.endswith(SUFFIXES)


def _entry(folder: str, item: os.DirEntry[str]) -> Entry | None:
    """Return the entry of a walk for one name in a folder; None for names that are skipped."""
    name = item.name
    if name.startswith(".") or name in PASSED_OVER:
        return None
    path = f"{folder}/{name}" if folder else name
    is_manifest = name.lower().endswith(SUFFIXES)
    if item.is_symlink():
        # A link to a folder may hold manifests: skipping it silently would leave them out of Azure.
        return Entry(path, RefusedError(*_SYMLINK)) if is_manifest or _leads_to_folder(item) else None
    if not is_manifest:
        return Entry(path, is_folder=True) if item.is_dir(follow_symlinks=False) else None
    if not item.is_file(follow_symlinks=False):
        return Entry(path, RefusedError(*_NOT_A_FILE))
    if not name.endswith(SUFFIXES):
        message = "the suffix is not in lower case, so some tools skip the file"
        return Entry(path, RefusedError("suffix", message, "rename the file to `.yaml` or `.yml`"))
    return Entry(path)


def _leads_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a loop, or a target that may not be looked at
        return False


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        refuse(*_SYMLINK)
    if not stat.S_ISREG(status.st_mode):
        refuse(*_NOT_A_FILE)


def _read(descriptor: int, size: int, limit: int) -> bytes:
    """Read to the end, and never much beyond *limit*: the size may have changed, and is 0 below /proc."""
    chunks: list[bytes] = []
    total = 0
    while size <= limit and total <= limit:
        chunk = os.read(descriptor, max(size, 4096) + 1)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        total += len(chunk)
    refuse("limit", f"the file is larger than {limit:,} bytes", "split it, or make it shorter")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn errors of the operating system into RefusedError."""
    try:
        yield
    except ValueError as error:  # a NUL, or half of a character: no path holds it
        raise RefusedError(*_NOT_FOUND) from error
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            raise RefusedError(*_NOT_FOUND) from error
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}:  # which of them differs between systems
            raise RefusedError(*_NOT_A_FOLDER) from error
        message = f"the path could not be read: {os.strerror(error.errno or 0)}"
        fix = "check its permissions"
        raise RefusedError(_UNREADABLE, message, fix) from error
