"""
Why a text is not YAML, in words that name the slip: the parser knows only where it lost its way.

Looks at the line of the fault and the one before it. Quotes nothing: it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TAB: Final = re.compile(r"[ ]*\t")
_ENTRY: Final = re.compile(
    r"""(?P<indent> *(?:- +)*)(?P<key>[^\s:'"#{\[][^:#]*?|"[^"]*"|'[^']*')(?P<colon>:)(?=\s|$)"""
)
_CLOSE_COLON: Final = re.compile(r" *(?:- +)*[A-Za-z$_][\w.$-]*:(?![\s/])\S")
_CLOSE_DASH: Final = re.compile(r" *-[A-Za-z\"'{]")
_NO_COLON: Final = re.compile(r" *(?:- +)*[A-Za-z_][\w.-]*(?: +\S.*)?$")
_REFERENCE: Final = re.compile(r"\s*\$(file|env):")
_OPENING: Final = {"a flow mapping": "{", "a flow sequence": "["}
_CLOSING: Final = {"{": "}", "[": "]"}
_FAR: Final = 200  # lines above a fault that are looked at
_NO_START: Final = "@`%|>"
_ODD_BLANKS: Final = re.compile(r" *[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_CONFLICT: Final = re.compile(r"<{7}(?: |$)")
_BLOCK_TEXT: Final = re.compile(r"(?:: +|- +)[|>][+-]?[0-9]?$")
_TAB_SIZES: Final = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class Cause:
    """
    One mistake, and its place.

    Attributes:
        line: From 1; None where the parser names none.
        column: From 1.
        mends: Lines as they are meant, by their number from 0; none where that is not known.
    """

    line: int | None
    column: int | None
    message: str
    fix: str
    mends: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def mended(self, text: str) -> str | None:
        """Return *text*, where the fault was found, without it; None where that is not known."""
        lines = text.split("\n")
        if not self.mends or len(lines) - (not lines[-1]) != len(text.splitlines()):
            return None  # a line ends in another way, and is counted in another way
        for index, line in self.mends.items():
            lines[index] = line
        return "\n".join(lines)


def cause_of(text: str, error: Any) -> Cause | None:
    """
    Return the slip behind a fault of the parser; None where none of the known ones is recognized.

    Args:
        text: The parsed text.
        error: As the parser raised it.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return None
    lines = text.splitlines()
    fault = _Fault(
        lines=lines,
        at=min(mark.line, len(lines)),
        column=mark.column,
        problem=getattr(error, "problem", None) or "",
        context=getattr(error, "context", None) or "",
        start=getattr(error, "context_mark", None),
    )
    return next(fault.causes(), None)


@dataclass(frozen=True, slots=True)
class _Fault:
    """
    A fault, and its surroundings.

    Attributes:
        at: Line, from 0.
        column: From 0.
        start: Mark of the construct that the parser was in.
    """

    lines: list[str]
    at: int
    column: int
    problem: str
    context: str
    start: Any

    def causes(self) -> Iterator[Cause]:
        """Yield the causes that are recognized, the surest first."""
        yield from self._conflicts()
        yield from self._blanks()
        yield from self._tabs()
        yield from self._unclosed()
        yield from self._characters()
        before = self._before()
        if before is not None:
            yield from self._block_texts(before)
            yield from self._slips(before)
        yield from self._slips(self.at)
        yield from self._colons()
        yield from self._lists()
        if before is not None:
            yield from self._hyphens(before)
        if before is not None:
            yield from self._indents(before)

    def _conflicts(self) -> Iterator[Cause]:
        for index in range(max(0, self.at - _FAR), min(len(self.lines), self.at + 1)):
            if _CONFLICT.match(self.lines[index]):
                yield _cause(index, 0, "a merge conflict begins here", "resolve it, and delete git's conflict markers")

    def _lists(self) -> Iterator[Cause]:
        """Yield the hyphen before a document that continues as a mapping."""
        above = range(self.at - 1, max(-1, self.at - _FAR), -1)
        first = next((i for i in above if self._line(i)[:1] not in {"", " ", "#"}), None)
        line = self._line(self.at)
        is_entry = _ENTRY.match(line) and not line.startswith((" ", "-"))
        if first is not None and is_entry and self._line(first).startswith("- "):
            message = "the document begins with a hyphen, but a manifest is not a list"
            yield _cause(first, 0, message, "remove the `- `", {first: self._line(first)[2:].lstrip()})

    def _blanks(self) -> Iterator[Cause]:
        for index in (self.at, self.at - 1):
            line = self._line(index)
            if index >= 0 and (match := _ODD_BLANKS.match(line)):
                rest = line.lstrip()
                mended = " " * (len(line) - len(rest)) + rest
                message = "the line is indented with a character other than a space, such as a no-break space"
                yield _cause(index, match.end() - 1, message, "indent it with spaces", {index: mended})

    def _tabs(self) -> Iterator[Cause]:
        for index in (self.at, self.at - 1):
            match = _TAB.match(self._line(index)) if index >= 0 else None
            if match and (index == self.at or "tab" in self.problem):
                mends = self._untabbed(index)
                yield _cause(index, match.end() - 1, "the line is indented with a tab", "indent it with spaces", mends)
        if "cannot start any token" in self.problem and self._char() == "\t":
            mends = {self.at: self._line(self.at).replace("\t", " ")}
            yield _cause(self.at, self.column, "a tab is not allowed here", "write spaces instead", mends)

    def _untabbed(self, index: int) -> dict[int, str]:
        """Return a line with spaces for tabs; nothing where the lines around it leave open how many."""
        line = self._line(index)
        text = line.lstrip("\t ")
        blanks = line[: len(line) - len(text)]
        above, below = self._line(index - 1), self._line(index + 1)
        fitting = [_key_column(above)]
        if above.rstrip().endswith(":"):
            fitting.insert(0, _key_column(above) + 2)
        widths = [width for size in _TAB_SIZES if (width := len(blanks.expandtabs(size))) in fitting]
        if text.rstrip().endswith(":") and _indent(below) >= len(blanks) + 2:
            widths = [_indent(below) - 2]
        return {index: " " * widths[0] + text} if widths else {}

    def _unclosed(self) -> Iterator[Cause]:
        if "quoted scalar" in self.context and self.start is not None and "end of stream" in self.problem:
            message = "this quotation mark is not closed"
            line = self._line(self.start.line).rstrip()
            mends = {self.start.line: line + line[self.start.column : self.start.column + 1]}
            yield _cause(self.start.line, self.start.column, message, "add the closing quotation mark", mends)
        opening = next((char for words, char in _OPENING.items() if words in self.context), None)
        if opening is None or self.start is None:
            return
        closing = _CLOSING[opening]
        if self.start.line != self.at:
            message = f"this `{opening}` is not closed"
            mends = {self.start.line: self._line(self.start.line).rstrip() + closing}
            yield _cause(self.start.line, self.start.column, message, f"add `{closing}`", mends)
        yield _cause(
            self.at, self.column, f"a comma or `{closing}` is missing before this", f"add a comma or `{closing}`"
        )

    def _characters(self) -> Iterator[Cause]:
        char = self._char()
        if "escape" in self.problem:
            fix = "write `/` or `\\\\` instead, or put the text in single quotation marks"
            message = "a backslash in double quotation marks begins an escape"
            mends = {self.at: self._line(self.at).replace("\\", "\\\\")}
            yield _cause(self.at, self.column, message, fix, mends)
        if char and char in _NO_START and "cannot start any token" in self.problem:
            message = "a text cannot begin with this character"
            yield _cause(self.at, self.column, message, "put it in quotation marks", self._quoted(self.column))

    def _block_texts(self, before: int) -> Iterator[Cause]:
        above = self._line(before - 1).rstrip()
        if _BLOCK_TEXT.search(above) and _indent(self._line(before)) <= _key_column(above):
            message = "a line of a text is not indented further than the line that begins the text"
            yield _cause(before, _indent(self._line(before)), message, f"indent it by {_key_column(above) + 2} spaces")

    def _slips(self, index: int) -> Iterator[Cause]:
        """Yield the problems of a single line."""
        line = self._line(index)
        if match := _CLOSE_COLON.match(line):
            column = match.group().rindex(":")
            mends = {index: f"{line[: column + 1]} {line[column + 1 :]}"}
            yield _cause(index, column, "a space is missing after this colon", "add a space after the colon", mends)
        if _CLOSE_DASH.match(line):
            fix = "write `- ` before each element of a list"
            mends = {index: line.replace("-", "- ", 1)}
            yield _cause(index, line.index("-"), "a space is missing after this hyphen", fix, mends)
        if "expected ':'" not in self.problem.replace('"', "'") or self._lacks_hyphen(index):
            return
        if _NO_COLON.match(line):
            key, *rest = line[_key_column(line) :].split(maxsplit=1)
            mends = {index: f"{line[: _key_column(line)]}{key}: {''.join(rest)}"}
            yield _cause(index, _indent(line), "a colon is missing in this line", "write it as `key: value`", mends)

    def _hyphens(self, before: int) -> Iterator[Cause]:
        """Yield the line of a list that should begin with a hyphen."""
        first = next((index for index in (before, self.at) if self._lacks_hyphen(index)), None)
        if first is None and self._is_element(self.at) and not self._line(before).rstrip().endswith(":"):
            own = min(_indent(self._line(self.at)), _indent(self._line(before)))
            above = range(before, max(-1, self.at - _FAR), -1)
            block = [i for i in takewhile(lambda i: _indent(self._line(i)) >= own, above) if self._line(i).strip()]
            elements = [i for i in block if self._is_element(i)]
            first = block[-1] if block and not elements else None
        if first is None:
            return
        line = self._line(first)
        own = min(_indent(line), _indent(self._line(self.at))) if self._is_element(self.at) else _indent(line)
        mends = {first: f"{' ' * own}- {line.lstrip(' ')}"}
        message = "a hyphen is missing: this is an element of a list"
        yield _cause(first, _indent(line), message, "begin it with `- `", mends)

    def _lacks_hyphen(self, index: int) -> bool:
        """Whether the line before this one, of those indented alike, is an element of a list, and this one is none."""
        line = self._line(index)
        if not line.strip() or line.lstrip().startswith(("-", "#")) or not line.startswith(" "):
            return False
        own = _indent(line)
        for other in range(index - 1, max(-1, index - _FAR), -1):
            above = self._line(other)
            if above.strip() and not above.lstrip().startswith("#") and _indent(above) <= own:
                return _indent(above) == own and self._is_element(other)
        return False

    def _is_element(self, index: int) -> bool:
        return self._line(index).lstrip().startswith("- ")

    def _colons(self) -> Iterator[Cause]:
        """Yield the problems of a value that contains a colon."""
        if "mapping values" not in self.problem:
            return
        entry = _ENTRY.match(self._line(self.at))
        if entry is None or entry.end() > self.column:
            return
        if reference := _REFERENCE.match(self._line(self.at)[entry.end() :]):
            fix = f"write it as `{'{$file: path}' if reference[1] == 'file' else '{$env: NAME}'}`, with braces"
            line = self._line(self.at)
            mends = {self.at: f"{line[: entry.end()]} {{{line[entry.end() :].split(' #')[0].strip()}}}"}
            yield _cause(self.at, entry.end() + 1, "a reference without braces", fix, mends)
        message = "the value contains a colon followed by a space"
        yield _cause(self.at, self.column, message, "put the value in quotation marks", self._quoted(entry.end() + 1))

    def _quoted(self, column: int) -> dict[int, str]:
        line = self._line(self.at)
        value = line[column:].strip().replace("'", "''")
        return {self.at: f"{line[:column]}'{value}'"}

    def _indents(self, before: int) -> Iterator[Cause]:
        line, above = self._line(self.at), self._line(before)
        own, other = _indent(line), _indent(above)
        opening = self._line(before - 1)
        if own > other == _indent(opening) and opening.rstrip().endswith(":") and _ENTRY.match(above):
            message = f"this line is indented by {other}, line {self.at + 1} below it by {own}"
            fix = f"indent it by {own}: lines of one mapping have the same indent"
            yield _cause(before, other, message, fix, {before: " " * (own - other) + above})
        if own == other:
            entry = _ENTRY.match(above)
            rest = above[entry.end() :].strip() if entry else ""
            if rest[:1] in {'"', "'"} and rest.find(rest[0], 1) not in {-1, len(rest) - 1}:
                yield _cause(
                    before, entry.end() + 1 if entry else 0, "text follows a closing quotation mark", "delete the text"
                )
            return
        near = self._fitting_indent(own, _key_column(above))
        message = f"this line is indented by {own}, line {before + 1} above it by {other}"
        is_element = above.lstrip().startswith("- ")
        more = ", or begin the element above with `- `" if own > other and not is_element else ""
        fix = f"indent it by {near}{more}: lines of one mapping have the same indent"
        yield _cause(self.at, own, message, fix, self._shifted(own, near))

    def _shifted(self, own: int, near: int) -> dict[int, str]:
        """Return the lines of the fault's block as they are if it begins at *near*, one column from *own*."""
        mends: dict[int, str] = {}
        if abs(own - near) > 1:
            return mends  # it may belong to another mapping
        for index in range(self.at, len(self.lines)):
            line = self.lines[index]
            if line.strip() and _indent(line) < own:
                break
            if line.strip() and (near < own or _indent(line) < near):
                mends[index] = " " * (_indent(line) + near - own) + line.lstrip(" ")
        return mends

    def _fitting_indent(self, own: int, above: int) -> int:
        """Return the indent in use that is nearest to *own*; of two as near, that of the line above."""
        used = {
            column
            for line in self.lines[max(0, self.at - _FAR) : self.at]
            if line.strip() and not line.lstrip().startswith("#")
            for column in (_indent(line), _key_column(line))
            if column != own
        }
        return min(used, key=lambda each: (abs(each - own), each != above, each), default=0)

    def _before(self) -> int | None:
        """Return the nearest line above the fault that is neither empty nor a comment."""
        above = range(self.at - 1, max(-1, self.at - _FAR), -1)
        return next((i for i in above if (line := self._line(i).strip()) and not line.startswith("#")), None)

    def _line(self, index: int) -> str:
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def _char(self) -> str:
        return self._line(self.at)[self.column : self.column + 1]


def _cause(line: int, column: int, message: str, fix: str, mends: Mapping[int, str] | None = None) -> Cause:
    return Cause(line + 1, column + 1, message, fix, mends or {})


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _key_column(line: str) -> int:
    """Return the column of the key of a line, behind the hyphens before it."""
    return len(line) - len(line.lstrip("- ")) if line.lstrip().startswith("- ") else _indent(line)
