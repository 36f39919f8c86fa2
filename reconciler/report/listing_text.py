"""A list for a terminal: a table for each kind, or blocks where the terminal is too narrow for one."""

from __future__ import annotations

from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Final

from reconciler.report.lines import INDENT, Look, problem_lines
from reconciler.report.problems import counted
from reconciler.report.text import paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.report.listing import ListView

_HEAD: Final = ("name", "version", "regions", "last modified", "owner")
_GAP: Final = "  "


def render(view: ListView, *, color: bool = False, width: int | None = None, **_: object) -> str:
    """Return *view* as lines of text, for a terminal of *width* columns."""
    return paragraph([*_lines(view, Look(color), width)], width)


def _lines(view: ListView, look: Look, width: int | None) -> Iterator[str]:
    yield look.paint(view.words.verdict, "bold")
    for problem in view.words.problems:
        yield ""
        yield from problem_lines(problem, "error", look)
    for warning in counted(view.warnings):
        yield ""
        yield from problem_lines(warning.problem, "warning", look, warning.places)
    for kind, resources in groupby(view.resources, key=lambda each: each.kind):
        yield ""
        yield look.paint(kind, "bold")
        yield from _table([each.words.cells for each in resources], look, width)
    if view.missing:
        yield ""
        yield look.paint("Not live", "bold")
        yield from (f"{INDENT}{each.kind} {each.name}" for each in view.missing)
    for unread in view.words.unread:
        yield ""
        yield f"{look.paint(f'? {unread.kind} {unread.name}', 'red')}  {unread.place}"
        yield from (f"{INDENT}{line}" for line in unread.lines)
        if unread.fix:
            yield f"{INDENT}fix: {unread.fix}"
    yield ""
    yield view.words.budget


def _table(rows: Sequence[tuple[tuple[str, ...], ...]], look: Look, width: int | None) -> Iterator[str]:
    """Yield the rows under a head; as blocks, one line for each cell, where the terminal is too narrow for a table."""
    columns = zip(((title,) for title in _HEAD), *rows, strict=True)
    widths = [max(len(line) for cell in column for line in cell) for column in columns]
    if width is not None and sum(widths) + len(_GAP) * len(widths) + len(INDENT) > width:
        for row in rows:
            yield f"{INDENT}{look.paint(row[0][0], 'bold')}"
            for title, cell in zip(_HEAD[1:], row[1:], strict=True):
                yield f"{INDENT * 2}{title}: {', '.join(cell)}"
        return
    yield INDENT + look.paint(_padded(_HEAD, widths), "dim")
    for row in rows:
        for line in zip_longest(*row, fillvalue=""):
            yield INDENT + _padded(line, widths)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()
