"""
Finds the files that another commit has in common with a run, so that they are neither unpacked nor read again. Pure.

A file is the same where its blob has the same id, and so has every file that it names. Nothing is carried over where
something else that a manifest depends on has changed: the project file, or an overlay.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from reconciler.manifests.load import MAX_FILES
from reconciler.manifests.names import SUFFIXES
from reconciler.manifests.project import FILE_NAME
from reconciler.manifests.sources import is_blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import PurePosixPath

    from reconciler.manifests.project import Project
    from reconciler.manifests.sources import Sources
    from reconciler.model.desired import Desired

_NAMED: Final = re.compile(rb"""\$file["']?[ \t]*:[ \t]*["']?([^"'\r\n,}#]+)""")


@dataclass(frozen=True, slots=True)
class Present:
    """
    The manifests of a run, all of them valid.

    Attributes:
        desired: Of every manifest.
        environment: That was chosen; None for none.
    """

    desired: tuple[Desired, ...]
    sources: Sources
    project: Project
    environment: str | None = None


@dataclass(frozen=True)
class Carried:
    """
    The manifests of a run by their paths in the repository.

    Attributes:
        present: The manifests.
        top: The folder of the repository.
        folders: The folder of each manifest as the user names it, from the root and without links.
        first: The folder where the search for a project file begins, from the top of the repository.
        named: Paths of the run that are files, likewise.
    """

    present: Present
    top: str
    folders: Mapping[str, str]
    first: PurePosixPath
    named: frozenset[str] = field(default_factory=frozenset)

    def at(self, blobs: Mapping[str, str]) -> Mapping[str, Sequence[Desired]]:
        """
        Return the resources of each file that a commit has in common with the run; none where others may depend on it.

        Args:
            blobs: The ids of the commit's files by their paths.
        """
        manifests = sum(map(is_readable, blobs))
        if manifests > MAX_FILES or not self._has_same_project(blobs):
            return {}
        if any(self._is_in_overlay(path) and not self._is_same(path, blobs) for path in {**blobs, **self._files}):
            return {}
        return {
            path: found
            for path, found in self._declared.items()
            if path not in self.named and self._is_same(path, blobs)
        }

    @cached_property
    def _files(self) -> Mapping[str, bytes]:
        return {self._inside(path): ids for path, ids in self.present.sources.files.items()}

    @cached_property
    def _texts(self) -> Mapping[str, Sequence[str]]:
        texts = self.present.sources.texts
        return {self._inside(path): [self._inside(text) for text in named] for path, named in texts.items()}

    @cached_property
    def _declared(self) -> Mapping[str, Sequence[Desired]]:
        found: dict[str, list[Desired]] = {}
        for item in self.present.desired:
            folder, _, name = item.source.file.rpartition("/")
            if folder in self.folders:
                found.setdefault(self._inside(posixpath.join(self.folders[folder], name)), []).append(item)
        return found

    @cached_property
    def _overlay(self) -> str | None:
        """The folder of the overlay; None for none."""
        own = self.present.project.environments.get(self.present.environment or "")
        config = next(iter(self.present.sources.config), None)
        if own is None or own.overlay is None or config is None:
            return None
        return posixpath.normpath(posixpath.join(posixpath.dirname(self._inside(config)), own.overlay))

    def _inside(self, path: str) -> str:
        """Return a path from the top of the repository; one outside of it stays as it is, and no blob has it."""
        return path.removeprefix(f"{self.top}/")

    def _is_in_overlay(self, path: str) -> bool:
        return self._overlay is not None and path.startswith(f"{self._overlay}/") and is_readable(path)

    def _is_same(self, path: str, blobs: Mapping[str, str]) -> bool:
        files = self._files
        return all(is_blob(blobs.get(each), files.get(each)) for each in (path, *self._texts.get(path, ())))

    def _has_same_project(self, blobs: Mapping[str, str]) -> bool:
        config = {self._inside(path): ids for path, ids in self.present.sources.config.items()}
        folders = (self.first, *self.first.parents)
        nearest = next((path for folder in folders if (path := (folder / FILE_NAME).as_posix()) in blobs), None)
        if nearest is not None and not config:
            return False
        is_same = all(is_blob(blobs.get(path), ids) for path, ids in config.items())
        return is_same and (nearest is None or nearest in config)


def is_readable(path: str) -> bool:
    """Return whether a walk may have something to say about a file: it reads its name, or that of a folder above it."""
    lower = path.lower()
    return ".y" in lower and any(part.endswith(SUFFIXES) for part in lower.split("/"))


def texts_named(content: bytes, path: str) -> Iterator[str]:
    """
    Yield the paths of the files that a manifest seems to name. It may miss some, which then cannot be read.

    Args:
        content: Of the manifest.
        path: Of the manifest, from the top of the repository.
    """
    for found in _NAMED.finditer(content):
        reference = found[1].decode(errors="replace").strip()
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), reference))
