"""The manifests of a loop that have not changed since its last round: read again, but not parsed again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import ManifestError, PathError, UsageError
from reconciler.manifests.estate import find_project, read_estate
from reconciler.manifests.files import RefusedError, Root
from reconciler.manifests.load import MAX_REFERENCED
from reconciler.manifests.memo import Memo
from reconciler.manifests.sources import blob_ids
from reconciler.manifests.yaml12 import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from reconciler.kinds.registry import Registry
    from reconciler.manifests.estate import Estate, Options

_TOO_LARGE: Final = max(MAX_BYTES, MAX_REFERENCED) + 1


@dataclass(frozen=True, slots=True)
class _Last:
    """
    The estate of the last round, and what it was read from.

    Attributes:
        here: The working folder, in which the paths of *options* begin.
        project: The project file; None for none.
    """

    estate: Estate
    options: Options
    here: Path
    project: Path | None


@dataclass(slots=True)
class Unchanged:
    """
    The estate of a loop.

    Attributes:
        parsed: How often its manifests were read anew, wherever one had changed.
        memo: Of the files that had not.
    """

    parsed: int = 0
    memo: Memo = field(default_factory=Memo)
    _last: _Last | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no estate is known."""
        return self._last is None

    def read(self, options: Options, registry: Registry, now: datetime) -> Estate:
        """
        Return the estate; it is that of the last call as long as every file has the same content.

        Raises:
            ManifestError: With every problem of every file.
            UsageError: An environment or a target that does not exist.
        """
        last, self._last = self._last, None
        if last is None or not _is_current(last, options, now):
            here = filesystem.working_folder()
            self.parsed += 1
            self.memo.turn()
            estate = read_estate(options, registry, now, memo=self.memo)
            last = _Last(estate, options, here, find_project(options.paths, options.config))
        self._last = last
        return replace(last.estate, read_at=now)


def _is_current(last: _Last, options: Options, now: datetime) -> bool:
    """Return whether nothing has changed that an estate follows from: paths, files, folders, and the date of rules."""
    sources = last.estate.sources
    known = {**sources.config, **sources.files}
    try:
        return (
            last.options == options
            and last.estate.read_at.date() == now.date()
            and last.here == filesystem.working_folder()
            and last.project == find_project(options.paths, options.config)
            and all(path in known for folder in sources.folders for path in _files(folder))
            and all(blob_ids(filesystem.read(path, _TOO_LARGE)) == ids for path, ids in known.items())
        )
    except (PathError, ManifestError, UsageError, RefusedError):
        return False


def _files(folder: str) -> Iterator[str]:
    with Root(folder) as root:
        for entry in root.walk("."):
            yield f"{root.path}/{entry.path}"
