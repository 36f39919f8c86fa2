"""A lock in a file of this machine. The system frees it as soon as its process ends, however that ends."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler import filesystem
from reconciler.errors import PathError

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN: Final = 200


@dataclass(slots=True)
class FileLock:
    """
    The lock of one file.

    Attributes:
        path: Of the file; another one beside it holds the name of the process that has the lock.
        name: Of this process.
    """

    path: Path
    name: str
    _lock: Any = None

    async def acquire(self) -> str | None:
        """
        Acquire the lock; return None if it is granted, else its holder's name, which may be empty.

        Raises:
            PathError: The file cannot be made or locked.
        """
        import filelock  # noqa: PLC0415 (a quarter of a second, for the loop only)

        filesystem.make_folder(self.path.parent)
        if self._lock is None:
            self._lock = filelock.FileLock(self.path, thread_local=False)
        with filesystem.asking(self.path):
            try:
                self._lock.acquire(timeout=0)
            except filelock.Timeout:  # an OSError too
                return self._holder()
            except NotImplementedError:
                raise PathError(self.path, "the file system has no locks") from None
        with contextlib.suppress(PathError):  # for readers only: a full disk does not keep this process from writing
            filesystem.write(self._named, f"{self.name}\n")
        return None

    async def renew(self) -> str | None:
        """Return that the lock is granted: it lasts as long as the process."""
        return None

    async def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

    async def close(self) -> None:
        """Do nothing: no connection is open."""

    @property
    def _named(self) -> Path:
        return self.path.with_name(f"{self.path.name}.holder")

    def _holder(self) -> str:
        try:
            text = filesystem.read(self._named, _SHOWN).decode("utf-8", "replace")
        except PathError:
            return ""
        return next(iter(text.splitlines()), "")
