"""Finds where one value of an ordinary text is written, and reads the text no further than that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from reconciler.manifests.yaml12 import parser as yaml_parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.manifests.yaml12.parser import Event
    from reconciler.values import FieldPath

_MAPPING: Final[Any] = yaml.MappingStartEvent
_SEQUENCE: Final[Any] = yaml.SequenceStartEvent
_STARTS: Final = frozenset({_MAPPING, _SEQUENCE})
_ENDS: Final[Any] = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})


def place(text: str, path: FieldPath) -> tuple[int, int]:
    """
    Return the line and column of the key or element at *path*, else of the nearest ancestor that is written.

    Args:
        text: Of one document, without aliases, and without a key that is written twice.
        path: In the document.
    """
    events = yaml_parser.PARSER(text)
    try:
        following: Callable[[], Event] = events.get_event
        following()  # the start of the stream
        following()  # the start of the document
        value = following()
        first = following()
        mark, rest = first.start_mark, [*reversed(path)]
        while rest and (found := _within(value, first, rest.pop(), following)) is not None:
            mark, value = found
            first = following() if rest and type(value) in _STARTS else value
        return mark.line + 1, mark.column + 1
    finally:
        events.dispose()


def _within(value: Event, first: Event, step: str | int, following: Callable[[], Event]) -> tuple[Any, Event] | None:
    """Return where the entry of a collection at *step* is written, and its value; None if there is none."""
    if type(value) is _MAPPING:
        return _entry(first, step, following)
    return _element(first, step, following) if type(value) is _SEQUENCE else None


def _entry(key: Event, name: str | int, following: Callable[[], Event]) -> tuple[Any, Event] | None:
    while type(key) not in _ENDS:
        value = following()
        if key.value == name:
            return key.start_mark, value
        if type(value) in _STARTS:
            _pass(following)
        key = following()
    return None


def _element(value: Event, index: str | int, following: Callable[[], Event]) -> tuple[Any, Event] | None:
    at = 0
    while type(value) not in _ENDS:
        if at == index:
            return value.start_mark, value
        if type(value) in _STARTS:
            _pass(following)
        value = following()
        at += 1
    return None


def _pass(following: Callable[[], Event]) -> None:
    """Read to the end of a collection that has begun."""
    depth = 1
    while depth:
        kind = type(following())
        depth += (kind in _STARTS) - (kind in _ENDS)
