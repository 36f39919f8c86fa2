"""
Finds the documents of one environment: the base, its own folders and its overlay, also where PATH names only a part.

A folder that environments name belongs to them only. Of nested folders the innermost one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from reconciler import filesystem
from reconciler.manifests.files import RefusedError, Root
from reconciler.manifests.load import Loaded, load
from reconciler.manifests.project import Project, identity
from reconciler.manifests.schema_errors import problem
from reconciler.manifests.settled import NOTHING, Settled
from reconciler.manifests.sources import Sources
from reconciler.problems import Document, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from reconciler.manifests.memo import Memo

_MOST_NAMED: Final = 10
"""Files that a message names; of the others, their number."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """
    The documents of one environment, those with mistakes included.

    Attributes:
        base: Of the base and of the environment's own folders.
        overlay: To be merged onto them.
        problems: Of reading them.
        warnings: Of folders that hold nothing.
        is_incomplete: Whether a file was not read to its end, so that a document may be missing.
        others: Environments that documents below PATH belong to, where these are not the environment's.
        sources: The files and folders that were read.
    """

    base: tuple[Document, ...]
    overlay: tuple[Document, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    is_incomplete: bool
    others: frozenset[str]
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True, slots=True)
class Tree:
    """
    Which folders below the project file belong to which environments.

    Attributes:
        root: The folder of the project file; None without one.
        document: The project file.
        environment: The environment of the run; None for the base only.
        folders: Each folder that an environment names, with the environment, and whether it is an overlay.
    """

    root: Path | None = None
    project: Project = field(default_factory=Project)
    document: Document | None = None
    environment: str | None = None
    folders: tuple[tuple[Path, str, bool], ...] = ()

    @classmethod
    def of(cls, root: Path | None, project: Project, document: Document | None, environment: str | None) -> Tree:
        """Return the tree of a project."""
        named = [(path, name, False) for name, env in project.environments.items() for path in env.paths]
        named += [(env.overlay, name, True) for name, env in project.environments.items() if env.overlay]
        folders = ((_absolute(str(root / path)), name, is_overlay) for path, name, is_overlay in named) if root else ()
        return cls(root, project, document, environment, tuple(folders))

    def gather(
        self,
        paths: Sequence[str],
        stdin: Callable[[int], bytes] | None,
        memo: Memo | None = None,
        settled: Settled = NOTHING,
    ) -> Gathered:
        """Read the documents of *paths* that are of the environment, and those that it has elsewhere."""
        loaded = load(paths, self.root, stdin, memo)
        found = [item for item in (*loaded.documents, *loaded.flawed) if not self.folders or self._has(item)]
        problems = [item for item in loaded.problems if not self._others(item.file)]
        warnings: list[Problem] = []
        sources = loaded.sources
        for index, folder in enumerate(self._own()):
            if self._is_left_out(folder, paths) or _has_any(folder, [*found, *problems], settled):
                continue
            inner = load([folder], self.root, memo=memo)
            sources |= inner.sources
            found += filter(self._has, (*inner.documents, *inner.flawed))
            problems += self._at_key(inner.problems, folder, ("paths", index))
            is_empty = not inner.problems and not _has_any(folder, found, settled)
            warnings += self._empty(folder, index) if is_empty else ()
        overlay = self._overlay(memo)
        patches = [item for item in (*overlay.documents, *overlay.flawed) if self._is_patch(item.source.file)]
        known = {*settled.identities, *map(identity, found)} if patches else set()
        if any(identity(item) not in known for item in patches):  # PATH may name a part of the tree without the base
            passed = self.elsewhere() - known
            patches = [item for item in patches if identity(item) not in passed]
        return Gathered(
            base=tuple(found),
            overlay=tuple(patches),
            problems=(*problems, *self._overlay_problems(overlay)),
            warnings=tuple(warnings),
            is_incomplete=any(not item.path for item in loaded.problems),
            others=frozenset(
                name for item in loaded.documents if self.folders for name in self._others(item.source.file)
            ),
            sources=sources | overlay.sources,
        )

    def _has(self, document: Document) -> bool:
        return self.holds(document.source.file)

    def holds(self, file: str) -> bool:
        """Whether a file holds manifests of the environment: of the base, or in one of its own folders."""
        owners = self._owners(file)
        return not owners or (self.environment, False) in owners

    def elsewhere(self, *, of_all: bool = False) -> frozenset[tuple[str, str]]:
        """
        Return kind and name of every manifest below the folder of the project file, whether PATH names it or not.

        Args:
            of_all: Whether those of every environment count, not only of this one.
        """
        everything = load([str(self.root)], self.root)
        documents = (*everything.documents, *everything.flawed)
        if of_all:
            chosen = (item for item in documents if not any(overlay for _, overlay in self._owners(item.source.file)))
        else:
            chosen = (item for item in documents if self.holds(item.source.file))
        return frozenset(map(identity, chosen))

    def passed_over(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the files below *paths*, and in the environment's own folders, that are not read for their suffix."""
        found: list[str] = []
        for path in (*paths, *self._own()):
            if path != "-":
                found += _passed_over(path, self.root)
        return tuple(dict.fromkeys(found))

    def _own(self) -> tuple[str, ...]:
        """Return the environment's own folders, as a user in the working folder would name them."""
        own = self.project.environments.get(self.environment or "")
        return tuple(str(self.root / path) for path in own.paths) if own and self.root else ()

    def _owners(self, file: str) -> frozenset[tuple[str, bool]]:
        """Return the environments that the innermost folder around *file* belongs to, and whether as an overlay."""
        if not self.folders or file == "-":
            return frozenset()
        place = _absolute(file)
        around = [each for each in self.folders if place.is_relative_to(each[0])]
        innermost = max((len(folder.parts) for folder, *_ in around), default=0)
        return frozenset((name, is_overlay) for folder, name, is_overlay in around if len(folder.parts) == innermost)

    def _others(self, file: str) -> frozenset[str]:
        """Return the other environments that *file* holds manifests of; empty where it holds this one's too."""
        owners = self._owners(file)
        names = frozenset(name for name, is_overlay in owners if not is_overlay)
        return frozenset() if self.environment in names or len(names) < len(owners) else names

    def _is_patch(self, file: str) -> bool:
        return (self.environment, True) in self._owners(file)

    def _is_left_out(self, folder: str, paths: Sequence[str]) -> bool:
        """Whether PATH names files, or a part of the tree that *folder* is in, and so leaves it out."""
        root, place = _absolute(str(self.root)), _absolute(folder)
        given = [_absolute(path) for path in paths if path != "-"]
        if len(given) < len(paths) or any(place.is_relative_to(path) for path in given):
            return False
        folders = [path for path in given if filesystem.sort_of(path) is filesystem.Sort.FOLDER]
        return all(_top(path, root) == _top(place, root) for path in folders)

    def _empty(self, folder: str, index: int) -> Iterator[Problem]:
        message = f"`{folder}` contains no manifest{_listed(self.passed_over([folder]))}"
        fix = "add manifests for this environment only, or remove the folder from the list"
        yield self._problem(("paths", index), "no-manifests", message, fix)

    def _problem(self, key: tuple[str | int, ...], code: str, message: str, fix: str | None) -> Problem:
        """Return a problem at a key of the environment, which only a project file can have."""
        path = ("spec", "environments", self.environment or "", *key)
        return problem(cast("Document", self.document), path, code, message, fix)

    def _overlay(self, memo: Memo | None) -> Loaded:
        own = self.project.environments.get(self.environment or "")
        if own is None or own.overlay is None or self.root is None:
            return Loaded((), ())
        return load([str(self.root / own.overlay)], self.root, memo=memo)

    def _overlay_problems(self, overlay: Loaded) -> Iterator[Problem]:
        own = self.project.environments.get(self.environment or "")
        folder = str(self.root / own.overlay) if own and own.overlay and self.root else ""
        yield from self._at_key(overlay.problems, folder, ("overlay",))

    def _at_key(self, problems: Iterable[Problem], folder: str, key: tuple[str | int, ...]) -> Iterator[Problem]:
        """Yield *problems*; those of the folder itself at the line of the project file that names it."""
        for item in problems:
            is_folder = item.file == folder
            yield self._problem(key, item.code, f"{item.file}: {item.message}", item.fix) if is_folder else item


def nothing_found(tree: Tree, paths: Sequence[str], others: Iterable[str]) -> Problem:
    """Return the error of a run that finds no manifest at all."""
    named = ", ".join("standard input" if path == "-" else _printable(path) for path in paths)
    message = f"no manifest in {named}{_listed(tree.passed_over(paths))}"
    fix = "name a folder with `.yaml` or `.yml` files, or pass `--allow-empty` if there is nothing to declare"
    if owners := sorted(others):
        message += f": the manifests there belong to environment {', '.join(owners)}"
        fix = f"pass `--environment {owners[0]}`, or name another folder"
    return Problem(_printable(paths[0]), None, None, "", "no-manifests", message, fix)


def _listed(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" (skipped because of the suffix: {', '.join(names[:_MOST_NAMED])}{more})"


def _passed_over(path: str, root: Path | None) -> Iterator[str]:
    try:
        with Root(root) if root is not None else Root.around(path) as opened:
            start = opened.relative(path)
            if opened.is_folder(start):
                yield from (_printable(f"{path.rstrip('/')}/{name}") for name in opened.passed_over(start))
    except RefusedError:  # reported where it is read
        return


def _has_any(folder: str, found: Iterable[Document | Problem], settled: Settled) -> bool:
    place = _absolute(folder)
    files = (item.source.file if isinstance(item, Document) else item.file for item in found)
    return any(_absolute(file).is_relative_to(place) for file in (*files, *settled.files))


def _top(path: Path, root: Path) -> str:
    """Return the first step from the root to *path*; empty for the root, or a path outside of it."""
    return path.relative_to(root).parts[0] if path.is_relative_to(root) and path != root else ""


def _absolute(path: str) -> Path:
    return filesystem.absolute(path)


def _printable(name: str) -> str:
    return name if name.isprintable() else name.encode("unicode_escape", "backslashreplace").decode()
