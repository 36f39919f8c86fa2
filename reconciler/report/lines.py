"""The lines of plain text for the parts of a view: for terminals, and for the messages of other formats. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.report.resource_view import Change, Error, Resource
    from reconciler.report.view import Problem

_STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "alarm": "91",
}
COLORS: Final = {"+": "green", "~": "yellow", "!": "red", "?": "red", "…": "cyan", "=": "blue", "*": "dim"}
"""The style of each mark."""
_GOOD: Final = frozenset({"created", "updated", "in sync"})
_LONG: Final = 300
"""Characters of an error that is shown for every resource; a longer one is shown once, and the others point at it."""
INDENT: Final = " " * 4


@dataclass(frozen=True, slots=True)
class Look:
    """
    The look of the lines.

    Attributes:
        color: Whether parts are wrapped in ANSI codes; the text without them is the same.
        ids: Whether the id of each resource is shown.
    """

    color: bool = False
    ids: bool = False

    def paint(self, text: str, style: str) -> str:
        """Return *text* in a style of *_STYLES*."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text


PLAIN: Final = Look()


def problem_lines(problem: Problem, level: str, look: Look = PLAIN, places: str = "") -> Iterator[str]:
    """Yield the lines of one error or warning; *places* means that other places have it too."""
    name = look.paint(f"{level}[{problem.code}]", "red" if level == "error" else "yellow")
    yield f"{look.paint(place_of(problem), 'bold')}: {name}: {problem.message}{f' ({places})' if places else ''}"
    yield from advice_lines(problem, places)


def advice_lines(problem: Problem, places: str = "") -> Iterator[str]:
    """Yield the lines below the first one of a problem."""
    if problem.path and not places:
        yield f"{INDENT}at: {problem.path}"
    if problem.fix:
        yield f"{INDENT}fix: {problem.fix}"


def place_of(problem: Problem) -> str:
    """Return file, line and column of a problem."""
    return ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)


def head_line(resource: Resource, look: Look = PLAIN, state: str = "") -> str:
    """Return the line that names a resource: its mark, kind and name, how it ended, and where it is declared."""
    mark, source = resource.words.mark, resource.source
    ending = f"  {look.paint(state, 'green' if state in _GOOD else 'bold')}" if state else ""
    place = f"  {look.paint(f'{source.file}:{source.line}', 'dim')}" if source else f"  {resource.words.why}"
    return f"{look.paint(f'{mark} {resource.kind} {resource.name}', COLORS[mark])}{ending}{place}"


def resource_lines(resource: Resource, look: Look = PLAIN, told: dict[Error, str] | None = None) -> Iterator[str]:
    """
    Yield the lines below the one that names a resource: why, what differs, and the fix.

    Args:
        resource: The resource.
        look: The look of the lines.
        told: The long errors of the resources before, each with the address of its resource; a new one is entered.
    """
    if look.ids or resource.source is None:
        yield f"{INDENT}{resource.id}"
    yield from (f"{INDENT}{each.label}: {each.text}" for each in resource.words.declared)
    yield from (f"{INDENT}{note.text}" for note in resource.words.notes)
    for change in resource.changes:
        yield from _change_lines(change, look)
    error = resource.error
    if error is not None:
        address = f"{resource.kind}/{resource.name}"
        is_short = told is None or len(error.message) <= _LONG
        first = address if told is None or is_short else told.setdefault(error, address)
        yield from error_lines(error, look) if first == address else _as_before(error, first, look)
    if resource.fix and (error is None or resource.fix != error.fix):
        yield f"{INDENT}fix: {resource.fix}"


def _change_lines(change: Change, look: Look) -> Iterator[str]:
    words = change.words
    sign, style = words.sign, {"+": "green", "-": "red"}.get(words.sign, "yellow")
    if words.blocks:
        sign, style = f"!{sign}".rstrip(), "alarm"
    parts = (
        look.paint(f"{sign} {change.path}: {' → '.join(words.sides)}", style),
        f"({words.note})" if words.note else "",
        look.paint(words.place, "dim"),
    )
    yield f"{INDENT}{'  '.join(part for part in parts if part)}"
    if words.first:
        yield f"{INDENT * 2}{words.first}"


def error_lines(error: Error, look: Look = PLAIN) -> Iterator[str]:
    """Yield the lines of the failure of a resource."""
    first, *more = error.words.lines
    yield f"{INDENT}{_coded(error, look)}: {first}"
    yield from (f"{INDENT * 2}{line}" for line in more)
    if error.words.place:
        yield f"{INDENT * 2}at: {error.path}  {look.paint(error.words.place, 'dim')}"
    if answer := answer_of(error):
        yield f"{INDENT * 2}{answer}"
    if error.fix:
        yield f"{INDENT}fix: {error.fix}"


def answer_of(error: Error) -> str:
    """Return the HTTP status and the request id of the answer; empty without an answer."""
    status = f"HTTP {error.status}" if error.status is not None else ""
    request = f"request id {error.request_id}" if error.request_id else ""
    return ", ".join(part for part in (status, request) if part)


def _as_before(error: Error, first: str, look: Look) -> Iterator[str]:
    yield f"{INDENT}{_coded(error, look)}: the same as for {first}"


def _coded(error: Error, look: Look) -> str:
    return look.paint(f"error[{error.code}]", "red")
