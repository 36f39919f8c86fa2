"""
Finds the commit of the manifests that were read: HEAD, where it holds every file that was read, as it was read.

The content that was read is compared, by the ids that git gives to it. So git looks at no file of the work tree, where
a repository could name filters for it to run.
"""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from reconciler.errors import PathError, UsageError
from reconciler.history.git import Repository
from reconciler.manifests.files import is_manifest_name
from reconciler.manifests.sources import is_blob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.manifests.sources import Sources

_LOG: Final = logging.getLogger("reconciler.git")
_MOST_PATHS: Final = 200
"""On one command line; with more, all of the commit is listed."""


def commit_read(sources: Sources) -> str | None:
    """Return the commit that *sources* are of; None if they differ from HEAD, or git reads no repository there."""
    if sources.stdin or not sources.files:
        return None
    try:
        return _commit(sources)
    except (UsageError, PathError) as error:
        _LOG.info("the commit of the manifests is unknown: %s", error)
        return None


def _commit(sources: Sources) -> str | None:
    repository = Repository.around(Path(min(sources.files)).parent)
    config = {path: ids for path, ids in sources.config.items() if Path(path).is_relative_to(repository.top)}
    files = {_inside(repository.top, path): ids for path, ids in {**sources.files, **config}.items()}
    folders = [_inside(repository.top, path) for path in sources.folders]
    head = repository.commit_of("HEAD")
    if head is None:
        return None
    committed = {blob.path: blob.name for blob in repository.blobs(head, _paths(files, folders))}
    is_whole = all(is_blob(committed.get(path), ids) for path, ids in files.items())
    gone = (path for path in committed if path not in files and _would_be_read(path, folders))
    return head if is_whole and not any(gone) else None


def _inside(top: Path, path: str) -> str:
    place = Path(path)
    if not place.is_relative_to(top):
        message = f"{path} is not in the repository {top}"
        raise UsageError(message)
    return place.relative_to(top).as_posix()


def _paths(files: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Return the fewest folders of a commit that hold all files; none, which means all, where they are many."""
    wanted = {PurePosixPath(path).parent for path in files} | set(map(PurePosixPath, folders))
    fewest = [path.as_posix() for path in sorted(wanted) if not wanted.intersection(path.parents)]
    return [] if "." in fewest or len(fewest) > _MOST_PATHS else fewest


def _would_be_read(path: str, folders: Iterable[str]) -> bool:
    """Return whether a walk of one of *folders* comes to *path*, if it is there."""
    return any(
        is_manifest_name(path if folder == "." else path.removeprefix(f"{folder}/"))
        for folder in folders
        if folder == "." or path.startswith(f"{folder}/")
    )
