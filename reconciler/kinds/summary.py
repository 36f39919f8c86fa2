"""
The main values of a kind, by the annotation ``x-summary``. Pure.

Reports show them of a created resource, which has no live side to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.kinds.annotations import dotted
from reconciler.kinds.replication import at
from reconciler.secret.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Shown:
    """
    One value of a kind's summary.

    Attributes:
        label: In reports.
        path: Of the value in the body.
        name: Path of the name within an element, for a list.
        parts: Labels and paths of other values within an element.
    """

    label: str
    path: tuple[str, ...]
    name: tuple[str, ...] = ()
    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """
    One element of a list in a summary.

    Attributes:
        name: Such as that of a region.
        parts: Labels and values of its other parts.
    """

    name: Any
    parts: tuple[tuple[str, Any], ...] = ()


def compile_summary(annotation: Mapping[str, Any]) -> tuple[Shown, ...]:
    """
    Compile ``x-summary``.

    Raises:
        KeyError: A part of an entry is missing.
    """
    return tuple(_shown(label, entry) for label, entry in annotation.items())


def _shown(label: str, entry: str | Mapping[str, Any]) -> Shown:
    if isinstance(entry, str):
        return Shown(label, dotted(entry))
    parts = tuple((name, dotted(path)) for name, path in entry.get("parts", {}).items())
    return Shown(label, dotted(entry["path"]), dotted(entry["name"]), parts)


def summary_of(summary: tuple[Shown, ...], body: JsonObject) -> Iterator[tuple[Shown, Any]]:
    """Yield the values in *body* of a kind's *summary*, without secrets; for a list, a tuple of its elements."""
    for shown in summary:
        value = printable(at(body, shown.path), shown.path)
        if value is None or value == []:
            continue
        if shown.name and isinstance(value, list):
            yield shown, tuple(_element(shown, each) for each in value if isinstance(each, Mapping))
        else:
            yield shown, value


def _element(shown: Shown, value: JsonObject) -> Element:
    parts = ((label, at(value, path)) for label, path in shown.parts)
    return Element(at(value, shown.name), tuple((label, part) for label, part in parts if part is not None))
