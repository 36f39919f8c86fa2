"""
Where the values of a valid text are written, from their first character to their last, so that text can be replaced.

Positions for messages are in :mod:`reconciler.manifests.yaml12.careful`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from reconciler.manifests.yaml12 import parser as yaml_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.manifests.yaml12.parser import Event
    from reconciler.values import FieldPath


@dataclass(frozen=True, slots=True)
class Span:
    """
    The text of one value, without its anchor.

    Attributes:
        start: Index of its first character.
        end: Index after its last one; of a block collection, where its first key or element begins.
        is_flow: Whether it is a list or mapping in brackets.
        quote: The quotation mark around it; empty without one.
        is_alias: Whether it repeats an anchor.
    """

    start: int
    end: int
    is_flow: bool = False
    quote: str = ""
    is_alias: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """
    One document of a text.

    Attributes:
        start: Index of the first character after the line that begins it; 0 without such a line.
        end: Index of the line that ends it or begins the next one.
        spans: By path, each value that is written; the content of an alias is not.
    """

    start: int
    end: int
    spans: dict[FieldPath, Span]


def written(text: str) -> Iterator[Written]:
    """
    Yield the documents of a text that is known to be valid, each with the places of its values.

    Raises:
        ValueError: It is not valid.
    """
    parser = yaml_parser.PARSER(text)
    try:
        starts = 0
        while (event := parser.get_event()) is not None:
            if type(event) is yaml.DocumentStartEvent:
                head = _end(event) if event.explicit else starts
                spans, end = _document(parser, text)
                starts = end
                yield Written(head, end, spans)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        parser.dispose()


def _document(parser: Any, text: str) -> tuple[dict[FieldPath, Span], int]:
    """Return the values of the document that the parser has begun, and where its text ends."""
    spans: dict[FieldPath, Span] = {}
    path: list[str | int | None] = []  # a step for each open collection: None in a mapping that awaits a key
    while True:
        event = parser.get_event()
        if isinstance(event, yaml.DocumentEndEvent):
            return spans, _start(event)
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            path.pop()
            _advance(path)
            continue
        if path and path[-1] is None:  # a key; a collection is none in a valid manifest
            path[-1] = str(getattr(event, "value", ""))
            continue
        spans[tuple(step for step in path if step is not None)] = _span(event, text)
        if isinstance(event, yaml.MappingStartEvent):
            path.append(None)
        elif isinstance(event, yaml.SequenceStartEvent):
            path.append(0)
        else:
            _advance(path)


def _advance(path: list[str | int | None]) -> None:
    """Go on after a value: to the next element, or to the next key."""
    if path:
        step = path[-1]
        path[-1] = step + 1 if isinstance(step, int) else None


def _start(event: Event) -> int:
    return int(event.start_mark.index)


def _end(event: Event) -> int:
    return int(event.end_mark.index)


def _span(event: Event, text: str) -> Span:
    start, end = _start(event), _end(event)
    if isinstance(event, yaml.AliasEvent):
        return Span(start, end, is_alias=True)
    if event.anchor is not None:
        start += len(event.anchor) + 1
        start += len(text[start:end]) - len(text[start:end].lstrip())
    if isinstance(event, yaml.ScalarEvent):
        return Span(start, end, quote=event.style or "")
    return Span(start, end, is_flow=bool(event.flow_style))
