"""
Reads and writes the paths that a user, CI or a setting names.

Every result is a value or a PathError that names the path, for every path: a folder of another user, a circle of
links, a name that is too long, a device, a pipe without a writer, a working folder that was deleted. Manifests are
read by :mod:`reconciler.manifests.files`, which follows no link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from reconciler.errors import PathError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_WRITE: Final = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Opening a pipe without another end, or a terminal, has no effect on this process.
_WAIT_FOR_NONE: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_FOLDER: Final = _READ | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_HAS_DIR_FD: Final = {os.open, os.mkdir, os.rename, os.unlink} <= os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_CHUNK: Final = 64 * 1024
PIPE_WAIT_MS: Final = 10_000
"""How long a named pipe may be without a writer."""


class Sort(Enum):
    """The kind of thing that a path leads to."""

    FILE = "file"
    FOLDER = "folder"
    OTHER = "device, pipe or socket"


@contextmanager
def asking(path: str | Path) -> Iterator[None]:
    """Turn errors of the operating system about *path* into PathError."""
    try:
        yield
    except OSError as error:
        raise PathError(path, error.strerror or type(error).__name__) from error
    except ValueError as error:  # a NUL, or half of a character
        raise PathError(path, "a path cannot contain this character") from error


def working_folder(named: str | None = None) -> Path:
    """Return the working folder, by the name *named* if it has that too; PathError if it was deleted."""
    with asking("the working folder"):
        here = os.getcwd()  # noqa: PTH109 (this is the module that may)
        if named and os.path.isabs(named):  # noqa: PTH117
            with contextlib.suppress(OSError):
                here = named if os.path.samefile(named, here) else here  # noqa: PTH121
        return Path(here)


def enter(folder: Path) -> None:
    """Make *folder* the working folder again if it is another one now, as after a deployment replaced it."""
    with asking(folder):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(folder), os.stat(".")):  # noqa: PTH116
                return
        os.chdir(folder)


def absolute(path: str | Path) -> Path:
    """Return *path* from the root of the file system, links as they are."""
    with asking(path):
        return Path(os.path.normpath(_from_root(path)))


def _from_root(path: str | Path) -> Path:
    return Path(path) if os.path.isabs(path) else working_folder() / path  # noqa: PTH117


def real(path: str | Path) -> Path:
    """Return *path* from the root of the file system, without links as far as they lead anywhere."""
    with asking(path):
        return Path(os.path.realpath(_from_root(path)))


def as_named(path: Path) -> Path:
    """Return *path* as a user in the working folder would name it, if it is below that."""
    here = working_folder()
    return path.relative_to(here) if path.is_relative_to(here) else path


def relative(path: Path, start: Path | None = None) -> str:
    """Return *path* from *start*, or from the working folder."""
    return os.path.relpath(absolute(path), start or working_folder())


def sort_of(path: str | Path, *, follow: bool = True) -> Sort | None:
    """Return the sort of the target of *path*, or of *path* itself with ``follow=False`` (a link is OTHER), or None."""
    status = _status(path, follow=follow)
    if status is None:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Sort.FOLDER
    return Sort.FILE if stat.S_ISREG(status.st_mode) else Sort.OTHER


def is_there(path: str | Path) -> bool:
    """Return whether there is anything at *path*, if only a link that leads nowhere."""
    return _status(path, follow=False) is not None


def names(folder: str | Path) -> list[str]:
    """Return the names in a folder."""
    with asking(folder):
        return os.listdir(folder)  # noqa: PTH208 (names, and no paths)


def is_foreign(path: str | Path) -> bool:
    """Return whether a user other than that of this process owns the file, folder or link at *path*."""
    status = _status(path, follow=False)
    if status is None or not hasattr(os, "geteuid"):  # no owners on Windows
        return False
    return status.st_uid != os.geteuid()


def size(path: Path) -> int:
    """Return the size of the file at *path* in bytes; 0 if there is none, or none that can be looked at."""
    try:
        status = _status(path)
    except PathError:
        return 0
    return status.st_size if status is not None else 0


def _status(path: str | Path, *, follow: bool = True) -> os.stat_result | None:
    with asking(path):
        try:
            return os.stat(path, follow_symlinks=follow)  # noqa: PTH116
        except OSError as error:
            if error.errno in _MISSING:
                return None
            raise


def read(path: str | Path, limit: int, *, pipes: bool = False) -> bytes:
    """
    Return the content of a file, cut after *limit* bytes.

    Args:
        path: Of a regular file.
        limit: In bytes.
        pipes: Whether a pipe is read too, such as ``/dev/fd/3``.

    Raises:
        PathError: It cannot be read, or is something else.
    """
    with asking(path):
        _require_readable(path, os.stat(path).st_mode, pipes=pipes)  # noqa: PTH116 (opening a device has effects)
        descriptor = os.open(path, _READ | _WAIT_FOR_NONE)
        try:
            mode = os.fstat(descriptor).st_mode
            _require_readable(path, mode, pipes=pipes)
            first = _first_of_pipe(path, descriptor) if stat.S_ISFIFO(mode) else b""
            return _rest(descriptor, first, limit)
        finally:
            os.close(descriptor)


def sha256(path: str | Path) -> str:
    """
    Return the SHA-256 of a file of any size, as hexadecimal digits.

    Raises:
        PathError: It cannot be read.
    """
    import hashlib  # noqa: PLC0415 (slow to import, and few commands need it)

    with asking(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_readable(path: str | Path, mode: int, *, pipes: bool) -> None:
    if stat.S_ISDIR(mode):
        raise PathError(path, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode) and not (pipes and stat.S_ISFIFO(mode)):
        raise PathError(path, "not a file")


def _first_of_pipe(path: str | Path, descriptor: int) -> bytes:
    """Return the present content of a pipe, and make later reads wait; PathError if no writer opens it."""
    try:
        first = os.read(descriptor, _CHUNK)
        if not first:  # no writer yet
            watched = select.poll()
            watched.register(descriptor, select.POLLIN)
            if not watched.poll(PIPE_WAIT_MS):
                raise PathError(path, "no program writes to this pipe")
            first = os.read(descriptor, _CHUNK)
    except BlockingIOError:  # there is a writer, and nothing to read yet
        first = b""
    os.set_blocking(descriptor, True)
    return first


def _rest(descriptor: int, first: bytes, limit: int) -> bytes:
    content = bytearray(first)
    while len(content) < limit and (chunk := os.read(descriptor, min(_CHUNK, limit - len(content)))):
        content += chunk
    return bytes(content[:limit])


def write(path: Path, text: str, *, private: bool = False) -> None:
    """
    Write a file that is either the old one or the whole new one; of a link, the file that it leads to.

    Args:
        path: Its folders are made. A pipe, or another target that is no file, is written to and not replaced.
        text: The new content.
        private: Readable by its owner only; otherwise as the umask allows.

    Raises:
        PathError: It cannot be written.
    """
    if sort_of(path) is Sort.OTHER:
        _write_to(path, os.O_TRUNC, text)
        return
    with asking(path):
        target = real(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target.name, text, private=private, folder=target.parent)


def append(path: Path, text: str) -> None:
    """Add *text* to the end of a file; PathError if that fails."""
    _write_to(path, os.O_APPEND | os.O_CREAT, text)


def _write_to(path: Path, flags: int, text: str) -> None:
    with asking(path):
        descriptor = os.open(path, _WRITE | _WAIT_FOR_NONE | flags, 0o666)
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encoded(text))


def _encoded(text: str) -> bytes:
    """Return *text* as UTF-8; a byte of a file name that is no text is an escape."""
    return text.encode("utf-8", "backslashreplace")


def _replace(name: str, text: str, *, private: bool, folder: Path | None = None, within: int | None = None) -> None:
    """Put a whole file in the place of *name*, in *folder* or in the folder that *within* is a descriptor of."""
    fresh = f".{name[:100]}.{os.urandom(6).hex()}"
    old, new = (str(folder / each) if folder is not None else each for each in (name, fresh))
    flags = _WRITE | os.O_CREAT | os.O_EXCL
    descriptor = os.open(new, flags, 0o600 if private else 0o666, dir_fd=within)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encoded(text))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, old, src_dir_fd=within, dst_dir_fd=within)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=within)
        raise


def write_below(folder: Path, path: str, text: str) -> None:
    """
    Write a whole file at *path* below *folder*; no link below the folder is followed.

    Args:
        folder: May be reached through links; it is made.
        path: With slashes.
        text: The new content of the file.

    Raises:
        PathError: It cannot be written, or a part of *path* is a link or no folder.
    """
    *parts, name = path.split("/")
    if ".." in parts or "" in parts or name in {"", ".."}:
        raise PathError(folder / path, "the path leads out of the folder")
    with asking(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
    with asking(folder / path):
        if not _HAS_DIR_FD:  # Windows: the resolved path is compared instead
            _require_no_link(folder, parts)
            folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)
            _replace(name, text, private=False, folder=folder.joinpath(*parts))
            return
        here = os.open(folder, _READ | getattr(os, "O_DIRECTORY", 0))
        try:
            for part in parts:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
                above, here = here, os.open(part, _FOLDER, dir_fd=here)
                os.close(above)
            _replace(name, text, private=False, within=here)
        finally:
            os.close(here)


def link_on_the_way(folder: Path, path: str) -> Path | None:
    """Return the first part of the way from *folder* to *path* that is there and is no folder, or None."""
    here = folder
    for part in path.split("/")[:-1]:
        here /= part
        if sort_of(here, follow=False) not in {None, Sort.FOLDER}:
            return here
    return None


def _require_no_link(folder: Path, parts: list[str]) -> None:
    found = link_on_the_way(folder, "/".join((*parts, "")))
    if found is not None:
        raise PathError(found, "a part of the path is a link, or is not a folder")


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it; PathError if that fails."""
    with asking(path):
        path.mkdir(mode, parents=True, exist_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder of this program's own, with all that is in it; PathError if a part of it stays."""
    import shutil  # noqa: PLC0415 (for few runs)

    with asking(path):
        if sort_of(path, follow=False) is Sort.FOLDER:
            shutil.rmtree(path)


def remove_file(path: Path) -> None:
    """Remove a file of this program's own, if it is there; PathError if that fails."""
    with asking(path):
        path.unlink(missing_ok=True)


def move_folder(path: Path, to: Path) -> None:
    """Rename a folder; PathError if that fails."""
    with asking(path):
        os.replace(path, to)  # noqa: PTH105


def create(path: Path, content: bytes, *, private: bool = False) -> None:
    """Make a file that is not there yet, and its folders; PathError if that fails."""
    with asking(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, _WRITE | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def rename(path: Path, name: str) -> None:
    """Rename a file within its folder, in the place of another of that name; PathError if that fails."""
    with asking(path):
        os.replace(path, path.with_name(name))  # noqa: PTH105 (as above)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a private folder that is removed afterwards."""
    import tempfile  # noqa: PLC0415 (for few runs)

    with asking("the folder for temporary files"):
        made = tempfile.TemporaryDirectory(prefix="reconciler-", ignore_cleanup_errors=True)
    with made as folder:
        yield Path(os.path.realpath(folder))


@contextmanager
def scratch() -> Iterator[IO[bytes]]:
    """Yield a file without a name, for the input or output of another program; PathError if there is no room."""
    import tempfile  # noqa: PLC0415 (for few runs)

    with asking("the folder for temporary files"):
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
    with file:
        yield file


def program(name: str, search: str) -> Path | None:
    """
    Find a program.

    Args:
        name: As on every system, without a suffix.
        search: The variable PATH. Its relative folders are skipped, and so is the working folder: programs in there
            may come from a repository.
    """
    name = f"{name}.exe" if os.name == "nt" else name
    try:
        here = os.path.realpath(working_folder())
    except PathError:
        here = ""
    for folder in search.split(os.pathsep):
        found = os.path.join(folder, name)  # noqa: PTH118
        if os.path.isabs(folder) and os.path.realpath(folder) != here and os.access(found, os.X_OK):  # noqa: PTH117
            with contextlib.suppress(PathError):
                if sort_of(found) is Sort.FILE:
                    return Path(found)
    return None
