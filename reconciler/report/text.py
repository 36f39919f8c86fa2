"""The report for a terminal or a log: the verdict, resources that are not plainly in sync, and the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.escape import inert
from reconciler.report.lines import INDENT, Look, head_line, problem_lines, resource_lines
from reconciler.report.problems import counted
from reconciler.report.verdict import count
from reconciler.report.wrap import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.report.resource_view import Error, Resource
    from reconciler.report.view import View

_STYLES: Final = {"failed": "red", "complete": "green", "running": "cyan"}


def render(view: View, *, color: bool = False, width: int | None = None, verbose: bool = False, **_: object) -> str:
    """
    Return *view* as lines of text, without any control character but line ends and, if asked for, colors.

    Args:
        view: The report.
        color: Whether parts are colored.
        width: Columns of the terminal, to which lines are folded; None where there is no terminal.
        verbose: Whether the id of each resource is shown.
    """
    look = Look(color, verbose)
    first, body, last = look.paint(view.words.verdict, "bold"), [*_body(view, look)], view.words.budget
    lines = [first, "", *body, *((last,) if last else ()), *((first,) if body else ())]
    return paragraph(lines, width)


def paragraph(lines: list[str], width: int | None, *, divide: bool = True) -> str:
    """Return finished lines as text for a terminal of *width* columns, in which no CI runner finds a command."""
    text = "".join(f"{part}\n" for line in lines for part in folded(inert(line), width, divide=divide))
    return text.rstrip("\n") + "\n"


def _body(view: View, look: Look) -> Iterator[str]:
    lines = [*_lines(view, look)]
    yield from lines
    if lines:
        yield ""


def _lines(view: View, look: Look) -> Iterator[str]:
    for problem in view.errors:
        yield from problem_lines(problem, "error", look)
    for warning in counted(view.warnings):
        yield from problem_lines(warning.problem, "warning", look, warning.places)
    told: dict[Error, str] = {}
    for resource in (*view.noteworthy, *view.unmanaged):
        yield head_line(resource, look, resource.words.state if view.words.is_applied and resource.source else "")
        yield from resource_lines(resource, look, told)
    if view.words.left_out:
        yield ""
        yield f"{count(view.words.left_out, 'more resource')} not shown: --report json=FILE writes all of them"
    for move in view.latest:
        yield move.words if move.after else look.paint(move.words, "red")
    for resource in view.replicated:
        yield from _copies(resource, look)


def _copies(resource: Resource, look: Look) -> Iterator[str]:
    """Yield a line for a resource whose replication was read, and one for each of its regions."""
    copies = resource.words.copies
    if copies is not None:
        title = f"replication of {resource.kind} {resource.name}: {copies.state}"
        yield look.paint(title, _STYLES[copies.result])
        yield from (f"{INDENT}{line}" for line in copies.regions)
