"""
Reads ordinary manifests fast; of an unusual one it reports only that it is unusual.

No tags, anchors, aliases or merge keys, no key twice, everything within the limits: any other text, and any mistake,
is read again and explained by the careful reader. The result is the one that the careful reader would return.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, Final

import yaml

from reconciler.manifests.yaml12 import parser as yaml_parser
from reconciler.manifests.yaml12.careful import Positions
from reconciler.manifests.yaml12.characters import HIDDEN
from reconciler.manifests.yaml12.kept_text import Kept
from reconciler.manifests.yaml12.limits import FILE, MAX_DEPTH, MAX_NODES, is_too_long
from reconciler.manifests.yaml12.scalars import plain
from reconciler.problems import Document, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.manifests.yaml12.limits import Bounds
    from reconciler.manifests.yaml12.parser import Event

_LONGEST: Final = 1024 * 1024  # characters: a longer text, which takes seconds to refuse, is not read twice
_SHARED: Final = 256
"""Characters of texts that manifests repeat: names, regions, short scripts."""
_SCALAR: Final[Any] = yaml.ScalarEvent
_MAPPING: Final[Any] = yaml.MappingStartEvent
_MAPPING_END: Final[Any] = yaml.MappingEndEvent
_SEQUENCE: Final[Any] = yaml.SequenceStartEvent
_SEQUENCE_END: Final[Any] = yaml.SequenceEndEvent
_DOCUMENT: Final[Any] = yaml.DocumentStartEvent


def read(text: str, file: str, bounds: Bounds = FILE) -> list[Document] | None:
    """Return the documents of a text; None where anything in it is unusual, its length included."""
    if len(text) > _LONGEST:
        return None
    events = yaml_parser.PARSER(text)
    try:
        return list(_Quick(events.get_event).documents(text, file, bounds))
    except (_UnusualError, ValueError, yaml.YAMLError):
        return None
    finally:
        events.dispose()


class _UnusualError(Exception):
    """Something for the careful reader."""


class _Quick:
    """Builds values from events, with recursion for nested ones."""

    __slots__ = ("_all_nodes", "_event", "_nodes")

    def __init__(self, event: Callable[[], Event]) -> None:
        self._event = event
        self._nodes = self._all_nodes = 0

    def documents(self, text: str, file: str, bounds: Bounds) -> Iterator[Document]:
        """Yield document after document."""
        self._event()  # the start of the stream
        index, kept = 0, Kept(text)
        while type(start := self._event()) is _DOCUMENT:
            value, line = self._root()
            end = self._event()
            locate = Positions.between(kept, start.start_mark, end.end_mark, is_ordinary=True)
            yield Document(value, Source(file, line, index), locate)
            index += 1
            self._all_nodes += self._nodes
            if index > bounds.documents or self._nodes > MAX_NODES or self._all_nodes > bounds.nodes:
                raise _UnusualError

    def _root(self) -> tuple[dict[str, Any], int]:
        """Return the mapping that a document is, and the line of its first key."""
        root = self._event()
        first = self._event()
        if type(root) is not _MAPPING or type(first) is not _SCALAR:
            raise _UnusualError
        self._nodes = 1
        return self._mapping(root, first, 1), first.start_mark.line + 1

    def _mapping(self, start: Event, event: Event, depth: int) -> dict[str, Any]:
        """Return a mapping; *event* is the first within it."""
        _admit(start, depth)
        found: dict[str, Any] = {}
        while type(event) is _SCALAR:
            key = _text(event)
            if key in found or key == "<<":
                raise _UnusualError
            found[intern(key)] = self._value(self._event(), depth)
            event = self._event()
        if type(event) is not _MAPPING_END:
            raise _UnusualError
        self._nodes += len(found)
        return found

    def _sequence(self, start: Event, depth: int) -> list[Any]:
        _admit(start, depth)
        found = []
        while type(event := self._event()) is not _SEQUENCE_END:
            found.append(self._value(event, depth))
        return found

    def _value(self, event: Event, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _UnusualError
        if type(event) is _SCALAR:
            value = _text(event) if event.style else plain(_text(event))
            return _shared(value) if type(value) is str and len(value) <= _SHARED else value
        if type(event) is _MAPPING:
            return self._mapping(event, self._event(), depth + 1)
        if type(event) is _SEQUENCE:
            return self._sequence(event, depth + 1)
        raise _UnusualError


_TEXTS: Final[dict[str, str]] = {}
_MOST_TEXTS: Final = 4096


def _shared(text: str) -> str:
    """Return the one object for a text that manifests repeat."""
    if len(_TEXTS) >= _MOST_TEXTS:
        _TEXTS.clear()
    return _TEXTS.setdefault(text, text)


def _admit(start: Event, depth: int) -> None:
    if start.tag is not None or start.anchor is not None or depth > MAX_DEPTH:
        raise _UnusualError


def _text(event: Event) -> str:
    text: str = event.value
    if event.tag is not None or event.anchor is not None or is_too_long(text):
        raise _UnusualError
    if event.style == '"' and HIDDEN.search(text):
        raise _UnusualError
    return text
