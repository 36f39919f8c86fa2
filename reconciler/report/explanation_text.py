"""An explanation for a terminal: the verdict, then each field with its values and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.lines import COLORS, INDENT, Look
from reconciler.report.text import paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.report.explanation import ExplanationView, Field

_STYLES: Final = {
    "change": "yellow",
    "immutable": "red",
    "unverified": "yellow",
    "undeclared": "cyan",
    "ignored": "cyan",
    "equal": "green",
}


def render(view: ExplanationView, *, color: bool = False, width: int | None = None, **_: object) -> str:
    """Return *view* as lines of text; a value is never divided."""
    return paragraph([*_lines(view, Look(color))], width, divide=False)


def _lines(view: ExplanationView, look: Look) -> Iterator[str]:
    words = view.words
    yield look.paint(words.verdict, "bold")
    yield ""
    named = look.paint(f"{words.mark} {view.kind} {view.name}", COLORS[words.mark])
    yield f"{named}  {look.paint(f'{view.source.file}:{view.source.line}', 'dim')}"
    yield f"{INDENT}{view.id}"
    yield f"{INDENT}{words.reason}"
    yield from (f"{INDENT}{line}" for line in words.rollout)
    if view.error is not None:
        first, *more = view.error.lines
        yield f"{INDENT}error[{view.error.code}]: {first}"
        yield from (f"{INDENT * 2}{line}" for line in more)
        if view.error.fix:
            yield f"{INDENT}fix: {view.error.fix}"
    if view.fix:
        yield f"{INDENT}fix: {view.fix}"
    for field in view.fields:
        yield ""
        yield from _field_lines(field, look)
    yield ""
    yield words.counts


def _field_lines(field: Field, look: Look) -> Iterator[str]:
    yield f"{look.paint(field.verdict, _STYLES.get(field.verdict, 'dim'))}  {look.paint(field.path, 'bold')}"
    for value in field.words.values:
        place = f"  {look.paint(value.place, 'dim')}" if value.place else ""
        layer = f"  ({value.layer})" if value.layer else ""
        yield f"{INDENT}{value.label}: {value.text}{place}{layer}"
        yield from (f"{INDENT * 2}| {line}" for line in value.lines)
    if field.words.compared:
        yield f"{INDENT}compared: {field.words.compared}"
    if field.words.first:
        yield f"{INDENT * 2}{field.words.first}"
    yield f"{INDENT}class: {'; '.join((field.class_, *field.rules))}"
    yield f"{INDENT}why: {field.why}"
