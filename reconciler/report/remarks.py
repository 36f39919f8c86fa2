"""Remarks of a report on each place in the manifests, for formats that point at lines. Pure; knows no format."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import join, normpath
from typing import TYPE_CHECKING

from reconciler.model.change import Finding
from reconciler.plan.states import Level, ending_of, is_applied, level_of, noteworthy, place_of, state_of
from reconciler.report.escape import masked, visible
from reconciler.report.text import Look, item_lines, problem_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.problems import Problem


@dataclass(frozen=True, slots=True)
class Remark:
    """
    One remark on one place.

    Attributes:
        rule: The stable name of its rule: the code of a problem, a reason, or how an apply ended.
        title: The subject, on one line.
        file: From the root of the repository, where that is known.
        line: From 1; None where no line can be named.
        column: From 1.
        subject: A key that stays the same from run to run: the id of the resource, or the path in the document.
        tell: Returns the text.
    """

    level: Level
    rule: str
    title: str
    file: str
    line: int | None
    column: int | None
    subject: str
    tell: Callable[[], str]

    @property
    def text(self) -> str:
        """Return the text, in the lines of the text report; most remarks of many are only counted."""
        return masked(self.tell())


def remarks(report: Report, base: str) -> tuple[Remark, ...]:
    """
    Return the remarks of *report* that have a place: errors, warnings, then resources in plan order.

    Args:
        report: The report. Undeclared resources have no place.
        base: The working folder, from the root of the repository; empty if it is the root, or there is none.
    """
    return (
        *(_of_problem(problem, Level.ERROR, base) for problem in report.errors),
        *(_of_problem(problem, Level.WARNING, base) for problem in report.warnings),
        *(_of_item(item, report, base) for item in noteworthy(report)),
    )


def limited(found: Iterable[Remark], level: Level, most: int) -> tuple[tuple[Remark, ...], int]:
    """Return the remarks of *level*, and how many are left out so that one more line makes at most *most*."""
    chosen = tuple(remark for remark in found if remark.level is level)
    shown = chosen if len(chosen) <= most else chosen[: most - 1]
    return shown, len(chosen) - len(shown)


def words_for(item: Item, report: Report) -> str:
    """Return the words for what a plan says of a resource, or for how it ended: in an apply, or a check of a plan."""
    return ending_of(item) if is_applied(report) or item.outcome is not None else state_of(item.change)


def rule_of(item: Item, report: Report) -> str:
    """Return the stable name for what is said of a resource."""
    words = words_for(item, report)
    is_planned = item.outcome is None and not is_applied(report)
    return str(item.change.reason) if is_planned or words == str(item.change.action) else words.replace(" ", "-")


def text_of(item: Item, report: Report) -> str:
    """Return what there is to say of a resource: its state, then the lines that the text report has below its name."""
    _, *lines = item_lines(item, Look(), applied=is_applied(report))
    return "\n".join((words_for(item, report), *lines))


def _of_item(item: Item, report: Report, base: str) -> Remark:
    desired = item.change.desired
    file, line = _place(item)
    return Remark(
        level=level_of(item, report),
        rule=rule_of(item, report),
        title=masked(visible(f"{desired.kind.name} {desired.name}")),
        file=_from_root(base, file),
        line=line,
        column=None,
        subject=desired.key,
        tell=lambda: text_of(item, report),
    )


def _place(item: Item) -> tuple[str, int]:
    """Return the line that states what the remark is about: what Azure refuses before what merely differs."""
    if found := place_of(item):
        return found[1].file, found[1].line
    source = item.change.desired.source
    differing = (field for field in item.change.fields if field.finding in {Finding.CHANGE, Finding.IMMUTABLE})
    for field in sorted(differing, key=lambda field: field.refusal is None):
        if field.line is not None:
            return source.file, field.line
        if field.where is not None:
            return field.where.file, field.where.line
    return source.file, source.line


def _of_problem(problem: Problem, level: Level, base: str) -> Remark:
    return Remark(
        level=level,
        rule=problem.code,
        title=masked(visible(problem.code)),
        file=_from_root(base, problem.file),
        line=problem.line,
        column=problem.column,
        subject=problem.path,
        tell=lambda: "\n".join(_problem_text(problem, level)),
    )


def _problem_text(problem: Problem, level: Level) -> Iterator[str]:
    _, *more = problem_lines(problem, level, Look())
    yield visible(problem.message)
    yield from more


def _from_root(base: str, file: str) -> str:
    return normpath(join(base, file))
