"""The manifests of a run at another revision of their repository."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import ManifestError, PathError, UsageError
from reconciler.filesystem import Sort
from reconciler.history.carried import Carried, is_readable, texts_named
from reconciler.history.git import Repository, require_room
from reconciler.manifests.estate import Options, find_project, survey
from reconciler.manifests.project import FILE_NAME
from reconciler.manifests.settled import NOTHING, Settled
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from reconciler.history.carried import Present
    from reconciler.history.git import Blob
    from reconciler.kinds.registry import Registry
    from reconciler.model.desired import Desired

_FETCH: Final = "fetch it (a shallow clone holds one commit: fetch-depth: 0)"


@dataclass(frozen=True, slots=True)
class Past:
    """
    Resources that manifests declared at another revision.

    Attributes:
        commit: Its id.
        desired: By folded id, of every manifest that was valid; their sources name files as they would be named now.
        problems: Why others are not among them.
        new: Files and folders of the run that were not there.
    """

    commit: str
    desired: Mapping[str, Desired]
    problems: tuple[Problem, ...]
    new: tuple[str, ...] = ()


class History:
    """The revisions of the repository that holds the manifests of a run."""

    def __init__(self, options: Options, registry: Registry, now: datetime, present: Present | None = None) -> None:
        """
        Find the repository.

        Args:
            options: Of the run; a target or a label chooses nothing here.
            registry: The kinds that are known.
            now: For telling dates in the past.
            present: The manifests of the run, where all are valid: what they have in common with a commit is not read
                again.

        Raises:
            UsageError: The manifests are in none, or in several, or git does not read it.
            PathError: The manifests, or a folder above them, cannot be read.
        """
        self._registry = registry
        self._now = now
        self._paths = [filesystem.real(path) for path in options.paths if path != "-"]
        first = self._paths[0] if self._paths else filesystem.working_folder()
        folder = next(path for path in (first, *first.parents) if filesystem.sort_of(path) is Sort.FOLDER)
        self._repository = Repository.around(folder)
        self._top = self._repository.top
        self._options = replace(options, targets=(), labels={}, republish=(), resume=(), repair=(), allow_empty=True)
        self._past: dict[str, Past] = {}
        self._present = present if "-" not in options.paths else None
        self._entries: dict[bytes, Blob | None] = {}

    def base(self, revision: str) -> str:
        """
        Return the commit where HEAD left the history of *revision*: later commits there are not edits of this branch.

        Raises:
            UsageError: This clone does not hold it.
        """
        commit = self._repository.commit_of(revision)
        if commit is None:
            message = f"{revision}: revision not found in this clone: {_FETCH}"
            raise UsageError(message)
        base = self._repository.merge_base(commit)
        if base is None:
            message = f"{revision}: its common ancestor with HEAD is not in this clone: {_FETCH}"
            raise UsageError(message)
        return base

    def at(self, commit: str) -> Past:
        """
        Return the resources that were declared at *commit*; read once.

        Raises:
            UsageError: Its files are not all in this clone, or there is no room to unpack them.
        """
        if commit not in self._past:
            try:
                with filesystem.temporary_folder() as folder:
                    self._past[commit] = self._read(commit, folder)
            except PathError as error:
                message = f"commit {commit[:12]} cannot be unpacked: {error}"
                raise UsageError(message) from None
        return self._past[commit]

    @cached_property
    def _carried(self) -> Carried | None:
        present = self._present
        if present is None:
            return None
        folders = {item.source.file.rpartition("/")[0] for item in present.desired}
        start = self._paths[0] if filesystem.sort_of(self._paths[0]) is Sort.FOLDER else self._paths[0].parent
        files = (path for path in self._paths if filesystem.sort_of(path) is not Sort.FOLDER)
        return Carried(
            present,
            str(self._top),
            {folder: str(filesystem.real(folder or ".")) for folder in folders},
            PurePosixPath(self._inside(start)),
            frozenset(self._inside(path).as_posix() for path in files),
        )

    def _read(self, commit: str, folder: Path) -> Past:
        blobs = self._repository.blobs(commit, self._needed, self._entries)
        require_room(commit, blobs)
        known = self._carried.at({blob.path: blob.name for blob in blobs}) if self._carried is not None else {}
        if known:
            few = folder / "changed"
            self._write_changed(commit, blobs, known, few)
            items = tuple(item for found in known.values() for item in found)
            past = self._declared(commit, few, Settled(items, frozenset(str(few / path) for path in known)))
            if not past.problems and not past.new:
                return past  # a commit with mistakes is read as a whole, so that they are told as they are
        self._repository.write(commit, blobs, folder / "whole")
        return self._declared(commit, folder / "whole", NOTHING)

    def _write_changed(self, commit: str, blobs: Sequence[Blob], known: Collection[str], folder: Path) -> None:
        """Write the manifests of a commit that are not *known*, the files that they name, and the folders of all."""
        for path in {blob.path.rpartition("/")[0] for blob in blobs}:
            filesystem.make_folder(folder / path)
        changed = [blob for blob in blobs if blob.path not in known and is_readable(blob.path)]
        named: set[str] = set()
        for blob, content in self._repository.contents(commit, changed):
            filesystem.create(folder / blob.path, content)
            named.update(texts_named(content, blob.path))
        named -= {blob.path for blob in changed}
        self._repository.write(commit, [blob for blob in blobs if blob.path in named], folder)

    def _declared(self, commit: str, folder: Path, settled: Settled) -> Past:
        """Return what the files of a commit in *folder* declare, with the resources of those that are not there."""
        filesystem.make_folder(folder / ".git")  # the search for a project file ends here
        places = {filesystem.relative(path): folder / self._inside(path) for path in self._paths}
        new = tuple(name for name, path in places.items() if not filesystem.is_there(path))
        new += ("standard input",) if "-" in self._options.paths else ()
        paths = tuple(str(path) for path in places.values() if filesystem.is_there(path))
        if not paths:
            return Past(commit, {}, (), new)
        try:
            then = replace(self._options, paths=paths, config=self._config(folder))
            found = survey(then, self._registry, self._now, settled=settled)
            desired, problems = found.desired, found.problems
        except (ManifestError, UsageError) as error:
            desired = ()
            problems = error.problems if isinstance(error, ManifestError) else (_broken(str(error)),)
        named = {item.key: self._named(item, folder) for item in desired}
        problems = tuple(self._problem(each, folder) for each in problems)
        return Past(commit, named, problems, new)

    def _config(self, folder: Path) -> str | None:
        config = self._options.config
        then = folder / self._inside(filesystem.real(config)) if config else None
        return str(then) if then and filesystem.sort_of(then) is Sort.FILE else None

    @cached_property
    def _needed(self) -> list[str]:
        """Return the paths to look at: the project's folder, or the manifests', and project files above."""
        found = find_project(self._options.paths, self._options.config)
        roots = [filesystem.real(found).parent] if found else []
        folders = [path if filesystem.sort_of(path) is Sort.FOLDER else path.parent for path in self._paths]
        inside = {self._inside(path) for path in (*roots, *folders)}
        above = {parent / FILE_NAME for path in inside for parent in path.parents}
        return [] if Path() in inside else sorted(path.as_posix() for path in inside | above)

    def _inside(self, path: Path) -> Path:
        if not path.is_relative_to(self._top):
            message = f"{path}: not in the repository {self._top}, so it has no history there"
            raise UsageError(message)
        return path.relative_to(self._top)

    def _named(self, desired: Desired, folder: Path) -> Desired:
        if not desired.source.file.startswith(str(folder)):
            return desired
        return replace(desired, source=replace(desired.source, file=self._name(desired.source.file, folder)))

    def _problem(self, problem: Problem, folder: Path) -> Problem:
        """Return a problem as it was in the repository: its message, too, may name a file."""
        message = problem.message.replace(f"{folder}{os.sep}", "")
        return replace(problem, file=self._name(problem.file, folder), message=message)

    def _name(self, file: str, folder: Path) -> str:
        """Return a file as a user in the working folder would name it."""
        path = Path(file)
        return filesystem.relative(self._top / path.relative_to(folder)) if path.is_relative_to(folder) else file


def _broken(message: str) -> Problem:
    return Problem(FILE_NAME, None, None, "", "usage", message)
