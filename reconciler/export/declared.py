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
    from datetime import datetime
    from pathlib import Path

    from reconciler.kinds.registry import Registry
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


def declared_beside(
    folder: Path, config: str | None, registry: Registry, now: datetime, written: Sequence[Path]
) -> Declared:
    """
    Return the declarations of the tree that a later plan reads, except those of the files to be written.

    Args:
        folder: For the export.
        config: The project file; None to look for one.
        registry: The kinds, and the schemas of other files.
        now: Decides which dates are past.
        written: Files that will be replaced.
    """
    top = _top(folder, config)
    if filesystem.sort_of(top) is not filesystem.Sort.FOLDER:
        return Declared()
    try:
        found = survey(Options(paths=(str(top),), config=config), registry, now)
    except UsageError:  # the project wants an environment, which decides what is declared
        return Declared()
    own = {filesystem.absolute(path) for path in written}
    every: tuple[Desired | Identity, ...] = (*found.desired, *found.others)
    beside = [item for item in every if filesystem.absolute(item.source.file) not in own]
    places = {item.key: f"{item.source.file}:{item.source.line}" for item in beside if item.key is not None}
    return Declared(places, frozenset(item.address.casefold() for item in beside if item.address is not None))


def _top(export: Path, config: str | None) -> Path:
    """Return the folder that a later plan reads: the outermost around the export that has manifests of its own."""
    project = find_project((str(export),), config)
    folder = filesystem.absolute(export)
    for root in (filesystem.absolute(project).parent if project else None, filesystem.working_folder()):
        if root is not None and folder != root and folder.is_relative_to(root):
            above = [root.joinpath(*folder.relative_to(root).parts[: index + 1]) for index in range(_DEEPEST)]
            return next((each for each in above if each == root / _DEFAULT_PATH or has_manifests(each)), export)
    return export
