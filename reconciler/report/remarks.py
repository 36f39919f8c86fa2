"""Remarks of a view on each place in the manifests, for formats that point at lines. Pure; knows no format."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import join, normpath
from typing import TYPE_CHECKING, Final

from reconciler.report.lines import advice_lines, resource_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.report.resource_view import Resource
    from reconciler.report.view import Problem, View

LEVELS: Final = ("error", "warning", "note")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Remark:
    """
    One remark on one place.

    Attributes:
        level: One of *LEVELS*.
        rule: The stable name of its rule: the code of a problem, a reason, or how an apply ended.
        title: The subject, on one line.
        file: From the root of the repository, where that is known.
        line: From 1; None where no line can be named.
        column: From 1.
        subject: A key that stays the same from run to run: the id of the resource, or the path in the document.
        tell: Returns the text.
    """

    level: str
    rule: str
    title: str
    file: str
    line: int | None
    column: int | None
    subject: str
    tell: Callable[[], str]

    @property
    def text(self) -> str:
        """Return the text, in lines of plain text; most remarks of many are only counted."""
        return self.tell()


def remarks(view: View, base: str) -> tuple[Remark, ...]:
    """
    Return the remarks of *view* that have a place: errors, warnings, then resources in plan order.

    Args:
        view: The report. Resources that no manifest declares have no place.
        base: The working folder, from the root of the repository; empty if it is the root, or there is none.
    """
    return (
        *(_of_problem(problem, "error", base) for problem in view.errors),
        *(_of_problem(problem, "warning", base) for problem in view.warnings),
        *(_of_resource(resource, base) for resource in view.noteworthy),
    )


def limited(found: Iterable[Remark], level: str, most: int) -> tuple[tuple[Remark, ...], int]:
    """Return the remarks of *level*, and how many are left out so that one more line makes at most *most*."""
    chosen = tuple(remark for remark in found if remark.level == level)
    shown = chosen if len(chosen) <= most else chosen[: most - 1]
    return shown, len(chosen) - len(shown)


def text_of(resource: Resource) -> str:
    """Return the state of a resource, then the lines about it."""
    return "\n".join((resource.words.state, *resource_lines(resource)))


def _of_resource(resource: Resource, base: str) -> Remark:
    words = resource.words
    return Remark(
        level=words.level,
        rule=words.rule,
        title=f"{resource.kind} {resource.name}",
        file=_from_root(base, words.place.file) if words.place else "",
        line=words.place.line if words.place else None,
        column=None,
        subject=resource.id.lower(),  # case-insensitive in ARM
        tell=lambda: text_of(resource),
    )


def _of_problem(problem: Problem, level: str, base: str) -> Remark:
    return Remark(
        level=level,
        rule=problem.code,
        title=problem.code,
        file=_from_root(base, problem.file),
        line=problem.line,
        column=problem.column,
        subject=problem.path,
        tell=lambda: "\n".join((problem.message, *advice_lines(problem))),
    )


def _from_root(base: str, file: str) -> str:
    return normpath(join(base, file))
