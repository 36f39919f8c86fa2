"""
Reads YAML by the core schema of YAML 1.2 into plain values, and refuses what misleads a reader or exhausts the machine.

Knows no file system and no manifest. No message quotes the text that was read: it may hold a secret.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

import yaml

from reconciler.model import Document, Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.model import FieldPath

MAX_BYTES: Final = 8 * 1024 * 1024
"""Of one file."""
MAX_DOCUMENTS: Final = 1_000
"""In one file, empty ones included."""
MAX_DEPTH: Final = 64
"""Of lists and mappings in one document, aliases replaced by what they stand for."""
MAX_NODES: Final = 50_000
"""Keys and values in one document, aliases replaced by what they stand for."""
MAX_FILE_NODES: Final = 250_000
"""Keys and values in one file."""
MAX_ALIASES: Final = 100
"""Uses of aliases in one document."""
MAX_TEXT: Final = 1024 * 1024
"""Characters of one text."""
MAX_PROBLEMS: Final = 100
"""Reported of one file."""

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Only for its event stream: as a loader it dies of a signal on nested brackets, and keeps duplicate keys silently."""

# Line breaks that editors do not show as such (U+0085, U+2028, U+2029), controls, characters without width and those
# that turn the direction of writing: each can make a manifest read other than it looks.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
# libyaml compares each %TAG line with all before it, so that 300 kB of them take seconds; they only serve tags.
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG[ \t]", re.MULTILINE)
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<radix>0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<infinite>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_INT64: Final = range(-(2**63), 2**63)
_INT64_DIGITS: Final = 19
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Named in messages. Any other tag may be a value that begins with "!", such as a password that was not quoted.
_KNOWN_TAG: Final = re.compile(
    r"tag:yaml\.org,2002:(python/[a-z]+|(?:str|int|float|bool|null|seq|map|binary|timestamp|set|omap|pairs)$)"
)
# From the first quotation mark to the last one, a reason may quote the file.
_QUOTED: Final = re.compile(r"""['"`](?:.*['"`])?""", re.DOTALL)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_SHOWN: Final = 80
_INFINITE: Final = (float("inf"), float("-inf"))
_Event: TypeAlias = Any
_Mark: TypeAlias = Any
"""Untyped in PyYAML, or typed as if every mark could be missing: both parsers set all of them."""
_OPEN: Final = object()
"""Stands for the value of an anchor whose collection is still being read."""


def read_documents(data: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """
    Give the documents of a file that have no problem, and every problem found; never an exception.

    Empty documents are passed over, though they count in ``Source.document``. After broken syntax or a limit, the rest
    of the file is not read.

    Args:
        data: UTF-8, with or without byte order mark.
        file: Named in the result.
    """
    text, problems = _decode(data, file)
    if problems:
        return [], problems
    reader = _Reader(text, file)
    reader.read()
    return reader.documents, reader.problems


def is_readable(text: str) -> bool:
    """Whether a document may hold *text*, quoted or with escapes: no character of it is refused."""
    return _HIDDEN.search(text) is None


def format_document_path(path: FieldPath) -> str:
    """Give *path* as problems show it, such as ``spec.items[0].name`` or ``metadata.annotations["a.b/c"]``."""
    return "".join(map(_path_part, path)).removeprefix(".")


def _path_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    key = part if len(part) <= _MAX_SHOWN else part[:_MAX_SHOWN] + "…"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=not key.isprintable())}]"


def _decode(data: bytes, file: str) -> tuple[str, list[Problem]]:
    if len(data) > MAX_BYTES:
        fix = "Split the file"
        return "", [Problem(file, None, None, "", "limit", f"The file is larger than {MAX_BYTES:,} bytes", fix)]
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        text = str(memoryview(data)[mark:], "utf-8")
    except UnicodeDecodeError as error:
        before = data[mark : mark + error.start].decode()
        message = f"Byte {mark + error.start} (counted from 0) is not UTF-8"
        problem = Problem(file, *_position(before, len(before)), "", "encoding", message, "Save the file as UTF-8")
        return "", [problem]
    return text, _raw_problems(text, file)


def _raw_problems(text: str, file: str) -> list[Problem]:
    """Find what must not reach the parser, wherever it is, comments included."""
    returns = _LONE_RETURN.finditer(text) if "\r" in text else ()
    directives = _TAG_DIRECTIVE.finditer(text) if "%TAG" in text else ()
    found = islice(chain(_HIDDEN.finditer(text), returns, directives), MAX_PROBLEMS)
    return [_raw_problem(text, file, match) for match in sorted(found, key=re.Match.start)]


def _raw_problem(text: str, file: str, match: re.Match[str]) -> Problem:
    line, column = _position(text, match.start())
    if match[0].startswith("%"):
        return Problem(file, line, column, "", "tag", "Tags are not read, nor are %TAG directives", "Remove this line")
    if match[0] == "\r":
        message = "A carriage return without a line feed: YAML ends the line here, other tools do not"
        return Problem(file, line, column, "", "character", message, "End lines with LF or CRLF")
    return Problem(file, line, column, "", "character", _hidden_message(match[0]), "Remove it")


def _hidden_message(char: str) -> str:
    return f"The character U+{ord(char):04X} is not allowed: it cannot be seen, or changes how the text around it reads"


def _position(text: str, index: int) -> tuple[int, int]:
    """Give the line and column, from 1, of the character at *index*."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


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


class _Positions:
    """Finds where the parts of one document are written, by reading its text again when first asked."""

    __slots__ = ("_end", "_found", "_line", "_start", "_text")

    def __init__(self, text: str, start: _Mark, end: _Mark) -> None:
        self._text = text  # of the whole file: one object for all its documents
        self._start = start.index - start.column
        self._end = end.index
        self._line = start.line
        self._found: dict[FieldPath, tuple[int, int]] | None = None

    def __call__(self, path: FieldPath) -> tuple[int, int]:
        """Give the line and column of the key, or list element, at *path*; of the nearest ancestor that is written."""
        if self._found is None:
            self._found = {}
            _Reader(self._text[self._start : self._end], "", self._found).read()
        while path and path not in self._found:
            path = path[:-1]
        line, column = self._found[path]
        return line + self._line, column


class _Reader:
    """Builds the documents of one file from the parser's events, without recursion: nesting is the author's choice."""

    def __init__(self, text: str, file: str, positions: dict[FieldPath, tuple[int, int]] | None = None) -> None:
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._positions = positions
        self._index = -1
        self._file_nodes = 0
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

    def read(self) -> None:
        """Fill *documents* and *problems*."""
        handlers = self._handlers
        try:
            parser = PARSER(self._text)
            try:
                while (event := parser.get_event()) is not None:
                    handlers[type(event)](event)
            finally:
                parser.dispose()
        except _StopError:
            pass
        except yaml.YAMLError as error:
            self._syntax(error)

    def _start(self, event: _Event) -> None:
        self._index += 1
        self._root: list[Any] = []
        self._stack = [_Frame(self._root, None)]
        self._anchors: dict[str, tuple[int, Any]] = {}
        self._nodes = self._aliases = self._alias_text = 0
        self._line: int | None = None
        self._is_empty = False
        self._document_start = self._root_start = event.start_mark
        self._problems_before = len(self.problems)
        if self._index >= MAX_DOCUMENTS:
            self._stop(event, "limit", f"More than {MAX_DOCUMENTS:,} documents in one file", "Split the file")

    def _end(self, event: _Event) -> None:
        self._file_nodes += self._nodes
        if self._is_empty or len(self.problems) > self._problems_before:
            return
        value = self._root[0]
        if not isinstance(value, dict):
            self._note(self._root_start, "not-a-mapping", "The document is not a mapping", "Write key: value pairs")
            return
        line = self._line or self._root_start.line + 1
        locate = _Positions(self._text, self._document_start, event.end_mark)
        self.documents.append(Document(value, Source(self._file, line, self._index), locate))

    def _scalar(self, event: _Event) -> None:
        self._admit(event)
        if len(event.value) > MAX_TEXT:
            fix = "Keep long texts elsewhere"
            self._stop(event, "limit", f"A text is longer than {MAX_TEXT:,} characters", fix)
        frame = self._stack[-1]
        if frame.awaits_key:
            self._key(frame, event)
            value = event.value
        else:
            value = self._text_of(event) if event.style else self._plain(event)
            self._put(value)
            self._is_empty = len(self._stack) == 1 and not (event.value or event.style or event.anchor)
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.start_mark.line, value)

    def _open(self, event: _Event) -> None:
        self._admit(event)
        if self._stack[-1].awaits_key:
            self._stop(event, "key", "A key is a list or a mapping", "Write the key as text")
        if len(self._stack) > MAX_DEPTH:
            self._stop(event, "limit", f"Nested deeper than {MAX_DEPTH} levels", "Flatten the document")
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.start_mark.line, _OPEN)
        self._stack.append(_Frame({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _close(self, _: _Event) -> None:
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

    def _key(self, frame: _Frame, event: _Event) -> None:
        key = self._text_of(event)
        frame.key = key
        line = event.start_mark.line + 1
        if self._line is None:
            self._line = line
            self._locate(event, depth=0)
        self._locate(event)
        if key == "<<" and not event.style:
            self._note(event.start_mark, "merge-key", "Merge keys (<<) are not read", "Write the merged keys out")
        first = frame.lines.setdefault(key, line)
        if key in frame.value:
            message = f"The key is written twice, in line {first} and in line {line}"
            self._note(event.start_mark, "duplicate-key", message, "Remove one of the two")

    def _text_of(self, event: _Event) -> str:
        text: str = event.value
        # The raw text holds no such character, so it is written as an escape.
        if event.style == '"' and (hidden := _HIDDEN.search(text)):
            self._note(event.start_mark, "character", _hidden_message(hidden[0]), "Remove its escape")
        return text

    def _plain(self, event: _Event) -> Any:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        try:
            return _number(text)
        except ValueError as error:
            self._note(event.start_mark, "number", str(error), "Quote it if it is text")
            return None

    def _alias(self, event: _Event) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, "limit", f"More than {MAX_ALIASES} aliases in one document", "Write the values out")
        if self._stack[-1].awaits_key:
            self._stop(event, "key", "A key is an alias", "Write the key out")
        _, value = self._anchors.get(event.anchor, (0, None))
        if event.anchor not in self._anchors:
            self._note(event.start_mark, "alias", "The alias has no anchor before it", "Write the value out")
        elif value is _OPEN:
            self._stop(event, "alias", "The alias stands for a value that contains it", "Write the value out")
        self._expand(event, value)
        self._put(value)

    def _expand(self, event: _Event, value: Any) -> None:
        """Count what the alias stands for: whoever walks the document later meets it here once more."""
        nodes, text, depth = _weigh(value)
        self._count(event, nodes)
        self._alias_text += text
        if self._alias_text > MAX_BYTES:
            message = f"Aliases stand for more than {MAX_BYTES:,} characters"
            self._stop(event, "limit", message, "Write the values out")
        if len(self._stack) - 1 + depth > MAX_DEPTH:
            self._stop(event, "limit", f"An alias nests deeper than {MAX_DEPTH} levels", "Flatten the document")

    def _admit(self, event: _Event) -> None:
        """Count and check what scalars, lists and mappings have in common."""
        self._count(event, 1)
        if event.tag is not None:
            known = _KNOWN_TAG.match(event.tag)
            message = f"The tag !!{known[1]} is not read" if known else "Tags are not read, and a tag begins with !"
            self._note(event.start_mark, "tag", message, "Remove the tag; quote the value if the ! is part of it")
        if event.anchor in self._anchors and event.anchor is not None:
            lines = f"in line {self._anchors[event.anchor][0] + 1} and in line {event.start_mark.line + 1}"
            self._stop(event, "alias", f"The anchor is written twice, {lines}", "Rename one of the two")

    def _count(self, event: _Event, nodes: int) -> None:
        """Count, and keep the position, of what is about to be read."""
        if isinstance(self._stack[-1].value, list):  # in a mapping, the key's position counts
            self._locate(event)
        if self._nodes == 0:
            self._root_start = event.start_mark
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop(event, "limit", f"More than {MAX_NODES:,} keys and values in one document", "Split the document")
        if self._nodes + self._file_nodes > MAX_FILE_NODES:
            self._stop(event, "limit", f"More than {MAX_FILE_NODES:,} keys and values in one file", "Split the file")

    def _path(self) -> FieldPath:
        parts = (len(f.value) if isinstance(f.value, list) else f.key for f in self._stack[1:])
        return tuple(part for part in parts if part is not None)

    def _locate(self, event: _Event, depth: int | None = None) -> None:
        if self._positions is not None:
            self._positions[self._path()[:depth]] = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _note(self, mark: _Mark, code: str, message: str, fix: str) -> None:
        path = format_document_path(self._path())
        self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, path, code, message, fix))
        if len(self.problems) == MAX_PROBLEMS:
            message = f"More than {MAX_PROBLEMS - 1} problems in one file; the rest was not read"
            self.problems[-1] = replace(self.problems[-1], path="", code="limit", message=message, fix="Mend these")
            raise _StopError

    def _stop(self, event: _Event, code: str, message: str, fix: str) -> NoReturn:
        self._note(event.start_mark, code, message, fix)
        raise _StopError

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None)
        reason = _QUOTED.sub("…", getattr(error, "problem", None) or "it cannot be read")
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        fix = "Correct the YAML here or just before; indent by spaces, quote texts that hold special characters"
        self.problems.append(Problem(self._file, line, column, "", "syntax", f"Not YAML: {reason}", fix))


def _number(text: str) -> Any:
    """Give the number that a plain scalar is, or the text itself; ValueError says what is wrong with a number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match.lastgroup == "infinite":
        message = "This is read as infinity or not-a-number, which JSON cannot hold"
        raise ValueError(message)
    value: float | None = None
    if match.lastgroup == "float":
        value = float(text)
    elif match.lastgroup == "radix":
        value = int(text, 0)
    elif len(digits := text.lstrip("+-0")) <= _INT64_DIGITS:  # int() of thousands is slow, and refused by Python itself
        value = int(text[0].strip("+0123456789") + (digits or "0"))
    if value is None or (isinstance(value, int) and value not in _INT64) or value in _INFINITE:
        message = "This is read as a number that is too large for 64 bits"
        raise ValueError(message)
    return value


def _weigh(value: Any) -> tuple[int, int, int]:
    """Give the keys and values in *value*, the characters in them, and how deep it nests."""
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
