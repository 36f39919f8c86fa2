"""A table of versions and their users for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.lines import INDENT, Look
from reconciler.report.text import paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.report.usage import UsageView

_HEAD: Final = ("application", "version", "latest in", "machines", "scale sets", "managed")
_GAP: Final = "  "


def render(view: UsageView, *, color: bool = False, width: int | None = None, **_: object) -> str:
    """Return *view* as lines of text, for a terminal of *width* columns."""
    return paragraph([*_lines(view, Look(color))], width)


def _lines(view: UsageView, look: Look) -> Iterator[str]:
    yield look.paint(view.words.verdict, "bold")
    rows = [_HEAD, *(each.words.cells for each in view.usage)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if view.usage:
        yield ""
    for row in rows if view.usage else ():
        yield INDENT + _GAP.join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
    for each in view.usage:
        if each.words.lines:
            yield ""
            yield f"{each.words.place}: to end the life of {each.words.cells[0]} {each.version}, add"
            yield from (INDENT + line for line in each.words.lines)
    if view.words.limits:
        yield ""
        yield from view.words.limits
    for line in view.words.unread:
        yield look.paint(f"? {line}", "red")
    yield ""
    yield view.words.budget
