"""
Reads every text, however odd, and reports every problem with its place.

Also finds positions in valid texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import yaml

from reconciler.manifests.yaml12 import parser as yaml_parser
from reconciler.manifests.yaml12.causes import Cause, cause_of
from reconciler.manifests.yaml12.characters import HIDDEN, hidden_message
from reconciler.manifests.yaml12.document_path import format_document_path
from reconciler.manifests.yaml12.kept_text import Kept
from reconciler.manifests.yaml12.limits import (
    FILE,
    MAX_ALIASES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MAX_PROBLEMS,
    MAX_TEXT,
    is_too_long,
)
from reconciler.manifests.yaml12.places import place
from reconciler.manifests.yaml12.scalars import plain
from reconciler.problems import UNREAD, Document, Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.manifests.yaml12.limits import Bounds
    from reconciler.manifests.yaml12.parser import Event, Mark
    from reconciler.values import FieldPath

# Named in messages. Any other tag may be a value that begins with "!", such as a password that was not quoted.
_KNOWN_TAG: Final = re.compile(
    r"tag:yaml\.org,2002:(python/[a-z]+|(?:str|int|float|bool|null|seq|map|binary|timestamp|set|omap|pairs)$)"
)
# From the first quotation mark to the last one, a reason may quote the file.
_QUOTED: Final = re.compile(r"""['"`](?:.*['"`])?""", re.DOTALL)
# The words of libyaml from PyYAML 6.0.4 on, whose scanner refuses 1,000 open brackets before it hands out the first.
_TOO_DEEP: Final = "exceeded maximum nesting depth"
_DOCUMENT: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_MOST_BROKEN: Final = 20
"""Documents with broken syntax in one file after which the reader continues with the next document."""
_MOST_MENDED: Final = 100_000
"""Characters of a document with broken syntax that is read on as it is meant."""
_MOST_SINGLE: Final = 4
"""Places of one document that are looked for one by one."""
_OPEN: Final = object()
"""Stands for the value of an anchor whose collection is still being read."""


class _StopError(Exception):
    """The rest of the file is not worth reading, or not safe to read; the problem is already noted."""


class _Frame:
    """A list or mapping that is being read."""

    __slots__ = ("anchor", "key", "lines", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None  # of the entry whose value comes next; None while a key is awaited
        self.lines: dict[str, int] = {}  # where each key is written

    @property
    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.value, dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """
    The content of one file.

    Attributes:
        documents: Those without a problem.
        problems: Every one found.
        flawed: Documents that hold a problem and were read to their end; *reported* has the paths of their problems.
    """

    documents: list[Document]
    problems: list[Problem]
    flawed: list[Document] = field(default_factory=list)


def read(text: str, file: str) -> tuple[list[Document], list[Problem]]:
    """Return the documents without a problem, and every problem found."""
    reading = read_file(text, file)
    return reading.documents, reading.problems


def read_file(text: str, file: str, bounds: Bounds = FILE) -> Reading:
    """Return everything that a text holds, right or wrong."""
    reader = _Reader(text, file, bounds)
    reader.read()
    reading = Reading(reader.documents, reader.problems, reader.flawed)
    mends = _MOST_BROKEN
    for _ in range(_MOST_BROKEN):
        mends = _read_mended(text, reader, reading, mends)
        following = _DOCUMENT.search(text, _start_of(text, reader.broken_line)) if reader.broken_line else None
        if following is None:
            break
        # Blank lines replace the text that was read, so that every line keeps its number.
        rest = "\n" * text.count("\n", 0, following.start()) + text[following.start() :]
        reader = _Reader(rest, file, bounds, follows=reader.progress)
        reader.read()
        reading.documents.extend(reader.documents)
        reading.problems.extend(reader.problems)
        reading.flawed.extend(reader.flawed)
    return reading


def _read_mended(text: str, reader: _Reader, reading: Reading, mends: int) -> int:
    """
    Read on in a document whose syntax is broken, as it is meant, so that its other mistakes are reported with the slip.

    Args:
        text: Of the whole file.
        reader: Stopped at the slip.
        reading: Receives the documents and problems.
        mends: Slips of the file that may still be passed.

    Returns:
        How many may be passed in the rest of the file.
    """
    if not reader.broken_line:
        return mends
    behind = _start_of(text, reader.broken_line)
    start = max((found.start() for found in _DOCUMENT.finditer(text, 0, behind)), default=0)
    following = _DOCUMENT.search(text, behind)
    end = following.start() if following else len(text)
    if end - start > _MOST_MENDED:
        return mends
    meant: str | None = "\n" * text.count("\n", 0, start) + text[start:end]
    again = reader
    passed: set[int | None] = set()
    while mends and again.cause and meant is not None and (meant := again.cause.mended(meant)) is not None:
        mends -= 1
        passed.add(again.cause.line)
        again = reader.again(meant)
        again.read()
        if again.broken_line and (again.cause is None or again.cause.line in passed):
            break  # the slip may be another one than it seems
        told = {(problem.line, problem.code, problem.path) for problem in reading.problems}
        found = [each for each in again.problems if (each.line, each.code, each.path) not in told]
        found = [each for each in found if each.code != "not-a-mapping"]  # it may be one all the same
        reading.problems.extend(found)
        if not again.broken_line:
            for document in (*again.documents, *again.flawed):
                reading.flawed.append(replace(document, reported=document.reported | {""}))
            break
    return mends


def _start_of(text: str, line: int) -> int:
    """Return the index at which the line after *line*, counted from 1, begins."""
    at = -1
    for _ in range(line):
        at = text.find("\n", at + 1)
        if at < 0:
            return len(text)
    return at + 1


class Positions:
    """
    Finds where the parts of one document are written, by reading its text again when asked.

    The first few places of an ordinary document are looked for one by one, which ends at the place; then all are kept.
    """

    __slots__ = ("_end", "_found", "_kept", "_line", "_numbers", "_single", "_start")

    def __init__(self, text: Kept, start: int, end: int, line: int, single: int) -> None:
        """
        Keep the text, and where in it the document begins and ends.

        Args:
            text: Of the whole file.
            start: Index of the line in which the document begins.
            end: Index of its end.
            line: Its number, from 0.
            single: How many places are looked for one by one.
        """
        self._single = single
        self._kept = text
        self._start = start
        self._end = end
        self._line = line
        self._found: dict[FieldPath, tuple[int, int]] | None = None
        self._numbers: dict[FieldPath, str] | None = None

    def state(self) -> tuple[str, int, int]:
        """Return all that :meth:`restored` needs, as plain values."""
        return self._kept.text[self._start : self._end], self._line, self._single

    @classmethod
    def restored(cls, state: tuple[str, int, int]) -> Positions:
        """Return the positions of which *state* is the state."""
        text, line, single = state
        return cls(Kept(text, packs=False), 0, len(text), line, single)

    @classmethod
    def between(cls, text: Kept, start: Mark, end: Mark, *, is_ordinary: bool = False) -> Positions:
        """
        Return the positions of the document between two marks.

        Args:
            text: Of the whole file.
            start: Of the document.
            end: Likewise.
            is_ordinary: Whether the document has no alias, and no key twice.
        """
        single = _MOST_SINGLE if is_ordinary else 0
        return cls(text, start.index - start.column, end.index, start.line, single)

    def __call__(self, path: FieldPath) -> tuple[int, int]:
        """Return the line and column of the key or element at *path*, else of the nearest ancestor that is written."""
        if self._found is None and self._single:
            self._single -= 1
            line, column = place(self._kept.text[self._start : self._end], path)
            return line + self._line, column
        if self._found is None:
            self._found = {}
            _Reader(self._kept.text[self._start : self._end], "", positions=self._found).read()
        while path and path not in self._found:
            path = path[:-1]
        line, column = self._found[path]
        return line + self._line, column

    def written(self, path: FieldPath) -> str | None:
        """Return the number at *path* as it is spelled, such as 1.10; None where no number is written."""
        if self._numbers is None:
            self._numbers = {}
            _Reader(self._kept.text[self._start : self._end], "", numbers=self._numbers).read()
        return self._numbers.get(path)


class _Reader:
    """Builds the documents of one file from the parser's events, without recursion: nesting is the author's choice."""

    def __init__(
        self,
        text: str,
        file: str,
        bounds: Bounds = FILE,
        positions: dict[FieldPath, tuple[int, int]] | None = None,
        numbers: dict[FieldPath, str] | None = None,
        *,
        follows: tuple[int, int] = (-1, 0),
    ) -> None:
        self.documents: list[Document] = []
        self.flawed: list[Document] = []
        self.problems: list[Problem] = []
        self._text = text
        self._kept = Kept(text)
        self._file = file
        self._bounds = bounds
        self._positions = positions
        self._numbers = numbers
        self.broken_line = 0  # where the syntax is broken, from 1; another reader continues after it
        self.cause: Cause | None = None  # of the broken syntax, where it is recognized
        self._index, self._file_nodes = follows
        self._is_open = False
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceStartEvent: self._open,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._start,
            yaml.DocumentEndEvent: self._end,
            yaml.StreamStartEvent: lambda _: None,
            yaml.StreamEndEvent: lambda _: None,
        }

    @property
    def progress(self) -> tuple[int, int]:
        """The index of the last document, and the keys and values read so far."""
        return self._index, self._file_nodes

    def again(self, text: str) -> _Reader:
        """Return a reader of *text* in the place of the document that this one has not read to its end."""
        return _Reader(text, self._file, self._bounds, follows=(self._index - self._is_open, self._file_nodes))

    def read(self) -> None:
        """Fill *documents* and *problems*."""
        handlers = self._handlers
        try:
            parser = yaml_parser.PARSER(self._text)
            try:
                while (event := parser.get_event()) is not None:
                    handlers[type(event)](event)
            finally:
                parser.dispose()
        except _StopError:
            pass
        except yaml.YAMLError as error:
            self._syntax(error)

    def _start(self, event: Event) -> None:
        self._index += 1
        self._is_open = True
        self._ambiguous: set[str] = set()
        self._root: list[Any] = []
        self._stack = [_Frame(self._root, None)]
        self._anchors: dict[str, tuple[int, Any]] = {}
        self._nodes = self._aliases = self._alias_text = 0
        self._line: int | None = None
        self._is_empty = False
        self._document_start = self._root_start = event.start_mark
        self._problems_before = len(self.problems)
        bounds = self._bounds
        if self._index >= bounds.documents:
            self._stop(event, "limit", f"more than {bounds.documents:,} documents in one {bounds.what}", bounds.fix)

    def _end(self, event: Event) -> None:
        self._file_nodes += self._nodes
        self._is_open = False
        found = self.problems[self._problems_before :]
        if self._is_empty:
            return
        value = self._root[0]
        if not isinstance(value, dict):
            if found:
                return
            self._note(self._root_start, "not-a-mapping", "the document is not a mapping", "write `key: value` pairs")
            return
        line = self._line or self._root_start.line + 1
        locate = Positions.between(self._kept, self._document_start, event.end_mark)
        reported = frozenset(problem.path for problem in found)
        ambiguous = frozenset(self._ambiguous)
        source = Source(self._file, line, self._index)
        (self.flawed if found else self.documents).append(Document(value, source, locate, None, reported, ambiguous))

    def _scalar(self, event: Event) -> None:
        self._admit(event)
        if is_too_long(event.value):
            fix = "move long texts out of the manifest"
            self._stop(event, "limit", f"a text is longer than {MAX_TEXT:,} characters", fix)
        frame = self._stack[-1]
        if frame.awaits_key:
            self._key(frame, event)
            value = event.value
        else:
            value = self._text_of(event) if event.style else self._plain(event)
            if self._numbers is not None and isinstance(value, int | float):
                self._numbers[self._path()] = event.value
            self._put(value)
            self._is_empty = len(self._stack) == 1 and not (event.value or event.style or event.anchor)
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.start_mark.line, value)

    def _open(self, event: Event) -> None:
        self._admit(event)
        if self._stack[-1].awaits_key:
            self._stop(event, "key", "a key is a list or a mapping", "use a string as the key")
        if len(self._stack) > MAX_DEPTH:
            self._stop(event, "limit", f"nested deeper than {MAX_DEPTH} levels", "flatten the document")
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.start_mark.line, _OPEN)
        self._stack.append(_Frame({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _close(self, _: Event) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (self._anchors[frame.anchor][0], frame.value)
        self._put(frame.value)

    def _put(self, value: Any) -> None:
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
        else:
            frame.value[cast("str", frame.key)] = value
            frame.key = None

    def _key(self, frame: _Frame, event: Event) -> None:
        key = self._text_of(event)
        frame.key = key
        line = event.start_mark.line + 1
        if self._line is None:
            self._line = line
            self._locate(event, depth=0)
        self._locate(event)
        if key == "<<" and not event.style:
            fix = "write the merged keys out"
            self._note(event.start_mark, "merge-key", "merge keys (`<<`) are not supported", fix)
        first = frame.lines.setdefault(key, line)
        if key in frame.value:
            self._ambiguous.add(format_document_path(self._path()[:-1]))
            message = f"duplicate key, in lines {first} and {line}"
            self._note(event.start_mark, "duplicate-key", message, "remove one of the two")

    def _text_of(self, event: Event) -> str:
        text: str = event.value
        # The raw text holds no such character, so it is written as an escape.
        if event.style == '"' and (hidden := HIDDEN.search(text)):
            self._note(event.start_mark, "character", hidden_message(hidden[0]), "remove its escape")
        return text

    def _plain(self, event: Event) -> Any:
        try:
            return plain(event.value)
        except ValueError as error:
            self._note(event.start_mark, "number", str(error), "quote it if it is text")
            return UNREAD

    def _alias(self, event: Event) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, "limit", f"more than {MAX_ALIASES} aliases in one document", "write the values out")
        if self._stack[-1].awaits_key:
            self._stop(event, "key", "a key is an alias", "write the key out")
        _, value = self._anchors.get(event.anchor, (0, None))
        if event.anchor not in self._anchors:
            self._note(event.start_mark, "alias", "the alias has no anchor before it", "write the value out")
        elif value is _OPEN:
            self._stop(event, "alias", "the alias refers to a value that contains it", "write the value out")
        self._expand(event, value)
        self._put(value)

    def _expand(self, event: Event, value: Any) -> None:
        """Count the value of the alias: every later walk of the document visits it here once more."""
        nodes, text, depth = _weigh(value)
        self._count(event, nodes)
        self._alias_text += text
        if self._alias_text > MAX_BYTES:
            message = f"aliases expand to more than {MAX_BYTES:,} characters"
            self._stop(event, "limit", message, "write the values out")
        if len(self._stack) - 1 + depth > MAX_DEPTH:
            self._stop(event, "limit", f"an alias nests deeper than {MAX_DEPTH} levels", "flatten the document")

    def _admit(self, event: Event) -> None:
        """Count and check a scalar, list or mapping."""
        self._count(event, 1)
        if event.tag is not None:
            known = _KNOWN_TAG.match(event.tag)
            message = f"the tag `!!{known[1]}` is not supported" if known else "tags (`!`) are not supported"
            self._note(event.start_mark, "tag", message, "remove the tag; quote the value if the `!` is part of it")
        if event.anchor in self._anchors and event.anchor is not None:
            lines = f"in lines {self._anchors[event.anchor][0] + 1} and {event.start_mark.line + 1}"
            self._stop(event, "alias", f"duplicate anchor, {lines}", "rename one of the two")

    def _count(self, event: Event, nodes: int) -> None:
        """Count the next value, and keep its position."""
        if isinstance(self._stack[-1].value, list):  # in a mapping, the key's position counts
            self._locate(event)
        if self._nodes == 0:
            self._root_start = event.start_mark
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop(event, "limit", f"more than {MAX_NODES:,} keys and values in one document", "split the document")
        bounds = self._bounds
        if self._nodes + self._file_nodes > bounds.nodes:
            self._stop(event, "limit", f"more than {bounds.nodes:,} keys and values in one {bounds.what}", bounds.fix)

    def _path(self) -> FieldPath:
        parts = (len(f.value) if isinstance(f.value, list) else f.key for f in self._stack[1:])
        return tuple(part for part in parts if part is not None)

    def _locate(self, event: Event, depth: int | None = None) -> None:
        if self._positions is not None:
            self._positions[self._path()[:depth]] = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _note(self, mark: Mark, code: str, message: str, fix: str) -> None:
        path = format_document_path(self._path())
        self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, path, code, message, fix))
        if len(self.problems) == MAX_PROBLEMS:
            message = f"more than {MAX_PROBLEMS - 1} problems in one file; the rest was not read"
            fix = "correct the others first"
            self.problems[-1] = replace(self.problems[-1], path="", code="limit", message=message, fix=fix)
            raise _StopError

    def _stop(self, event: Event, code: str, message: str, fix: str) -> NoReturn:
        self._note(event.start_mark, code, message, fix)
        raise _StopError

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "the text could not be read"
        self.broken_line = mark.line + 1 if mark and problem != _TOO_DEEP else 0
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        if problem == _TOO_DEEP:
            message = f"nested deeper than {MAX_DEPTH} levels"
            self.problems.append(Problem(self._file, line, column, "", "limit", message, "flatten the document"))
            return
        cause = self.cause = cause_of(self._text, error)
        if cause is None:
            reason = _QUOTED.sub("…", problem)
            fix = "correct the YAML here or just before; indent with spaces, quote texts with special characters"
            cause = Cause(line, column, reason, fix)
        message = f"invalid YAML: {cause.message}"
        self.problems.append(Problem(self._file, cause.line, cause.column, "", "syntax", message, cause.fix))


def _weigh(value: Any) -> tuple[int, int, int]:
    """Return the keys and values in *value*, the characters in them, and how deep it nests."""
    nodes = text = deepest = 0
    todo = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        nodes += 1
        if isinstance(item, dict):
            nodes += len(item)
            text += sum(map(len, item))
            todo.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            todo.extend((child, depth + 1) for child in item)
        elif isinstance(item, str):
            text += len(item)
        deepest = max(deepest, depth + isinstance(item, (dict, list)))
    return nodes, text, deepest
