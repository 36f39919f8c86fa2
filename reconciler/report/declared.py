"""Declared values of a resource that does not exist yet, or that this run created: a few of its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.summary import Element, summary_of
from reconciler.model.change import Action
from reconciler.report.values import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.model.change import Change

_LONGEST: Final = 200
"""Characters of one value."""
_MOST: Final = 50
"""Elements of one list."""


def declared(change: Change) -> Iterator[tuple[str, str]]:
    """Yield label and text of each value that a report shows of a resource to create; nothing of any other."""
    if change.action is not Action.CREATE:
        return
    for shown, value in summary_of(change.desired.kind.summary, change.desired.body):
        yield shown.label, _text(value)


def declared_values(change: Change) -> dict[str, Any]:
    """Return the same for programs: the manifest's values by their paths."""
    if change.action is not Action.CREATE:
        return {}
    return {
        ".".join(shown.path): [_plain(each) for each in value] if isinstance(value, tuple) else value
        for shown, value in summary_of(change.desired.kind.summary, change.desired.body)
    }


def _plain(element: Element) -> dict[str, Any]:
    return {"name": element.name, **dict(element.parts)}


def _text(value: Any) -> str:
    if not isinstance(value, tuple):
        return literal(value, _LONGEST)
    more = f", and {len(value) - _MOST} more" if len(value) > _MOST else ""
    return ", ".join(map(_element, value[:_MOST])) + more


def _element(element: Element) -> str:
    parts = ", ".join(f"{label}: {literal(value, _LONGEST)}" for label, value in element.parts)
    return f"{literal(element.name, _LONGEST)} ({parts})" if parts else literal(element.name, _LONGEST)
