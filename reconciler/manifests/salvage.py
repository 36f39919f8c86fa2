"""The valid parts of an invalid project file, so that the manifests are checked in the same run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.paths import get
from reconciler.manifests.project import Project, parse_project
from reconciler.manifests.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.problems import Document, Problem

_LAID_OVER: Final = frozenset({"defaults", "environments", "tracking"})
"""Keys of ``spec`` that change the manifests, or the rules that hold for them."""
_DEPENDENT: Final = frozenset(
    {"missing", "must-contain", "duplicate", "overlay-without-base", "reserved-tag", "too-many-tags", "unknown-parent"}
)
"""Codes of problems that a manifest may have only because a part of the project file is not known."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """
    A project file, valid or not.

    Attributes:
        project: The declared project; of an invalid file, the valid parts.
        document: As read; None if it could not be read, or if there is none.
        problems: Every one.
        is_known: Whether all is known that changes the manifests.
        sources: The files and folders that were read.
    """

    project: Project = field(default_factory=Project)
    document: Document | None = None
    problems: tuple[Problem, ...] = ()
    is_known: bool = True
    sources: Sources = field(default_factory=Sources)

    def independent(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the problems of manifests that do not depend on the unknown parts of this file."""
        return [item for item in problems if self.is_known or item.code not in _DEPENDENT]


def salvage(document: Document | None, problems: Sequence[Problem]) -> ProjectFile:
    """Return the project file that a document is, without the parts that have problems."""
    if document is None:
        return ProjectFile(Project(), None, tuple(problems), is_known=False)
    if not problems:
        return ProjectFile(parse_project(document), document)
    spec = get(document.value, ("spec",))
    spec = spec if isinstance(spec, Mapping) else {}
    bad = {name for name in spec if any(_is_about(problem.path, str(name)) for problem in problems)}
    kept: dict[str, Any] = {name: value for name, value in spec.items() if name not in bad}
    name = get(document.value, ("metadata", "name"))
    value = {"metadata": {"name": name if isinstance(name, str) else None}, "spec": kept}
    is_known = not bad & _LAID_OVER and not any(_may_hide_a_part(problem, bad) for problem in problems)
    return ProjectFile(parse_project(replace(document, value=value)), document, tuple(problems), is_known)


def _is_about(path: str, name: str) -> bool:
    prefix = f"spec.{name}"
    return path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def _may_hide_a_part(problem: Problem, bad: set[str]) -> bool:
    """Whether a part that changes the manifests may be misspelt, in another place, or lost altogether."""
    if problem.code == "unknown-key":
        return problem.path.count(".") <= 1
    return not problem.path.startswith("metadata") and not any(_is_about(problem.path, name) for name in bad)
