"""Resources that manifests beside an export already declare: an export skips them, so that none is declared twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import UsageError
from reconciler.manifests.estate import Options, find_project, survey
from reconciler.manifests.files import has_manifests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reconciler.cli.export import ExportRun
    from reconciler.manifests.identity import Identity
    from reconciler.model.desired import Desired


_DEFAULT_PATH: Final = "manifests"
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Declared:
    """
    Resources that other files declare.

    Attributes:
        places: The file and line of each resource, by folded id.
        addresses: ``KIND/NAME`` of their manifests, in lower case.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()


def declared_beside(run: ExportRun, written: Sequence[Path]) -> Declared:
    """
    Return what the tree that a later plan reads declares, the files that are to be written apart.

    Args:
        run: Names the folder.
        written: Files that will be written over.
    """
    top = _top(run)
    if filesystem.sort_of(top) is not filesystem.Sort.FOLDER:
        return Declared()
    try:
        found = survey(Options(paths=(str(top),), config=run.config), run.registry, run.clock.now())
    except UsageError:  # a project that wants an environment: what it declares depends on which
        return Declared()
    own = {filesystem.absolute(path) for path in written}
    every: tuple[Desired | Identity, ...] = (*found.desired, *found.others)
    beside = [item for item in every if filesystem.absolute(item.source.file) not in own]
    places = {item.key: f"{item.source.file}:{item.source.line}" for item in beside if item.key is not None}
    return Declared(places, frozenset(item.address.casefold() for item in beside if item.address is not None))


def _top(run: ExportRun) -> Path:
    """Return the folder that a later plan reads: the outermost around the export that has manifests of its own."""
    project = find_project((str(run.folder),), run.config)
    folder = filesystem.absolute(run.folder)
    for root in (filesystem.absolute(project).parent if project else None, filesystem.working_folder()):
        if root is not None and folder != root and folder.is_relative_to(root):
            above = [root.joinpath(*folder.relative_to(root).parts[: index + 1]) for index in range(_DEEPEST)]
            return next((each for each in above if each == root / _DEFAULT_PATH or has_manifests(each)), run.folder)
    return run.folder
