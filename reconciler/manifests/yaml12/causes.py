"""
Why a text is not YAML, in words that name the slip: the parser knows only where it lost its way.

Looks at the line of the fault and the one before it. Quotes nothing: it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAB: Final = re.compile(r"[ ]*\t")
_ENTRY: Final = re.compile(
    r"""(?P<indent> *(?:- +)*)(?P<key>[^\s:'"#{\[][^:#]*?|"[^"]*"|'[^']*')(?P<colon>:)(?=\s|$)"""
)
_CLOSE_COLON: Final = re.compile(r" *(?:- +)*[A-Za-z$_][\w.$-]*:(?![\s/])\S")
_CLOSE_DASH: Final = re.compile(r" *-[A-Za-z\"'{]")
_NO_COLON: Final = re.compile(r" *(?:- +)*[A-Za-z_][\w.-]*(?: +\S.*)?$")
_REFERENCE: Final = re.compile(r"\s*\$(?:file|env):")
_OPENING: Final = {"a flow mapping": "{", "a flow sequence": "["}
_CLOSING: Final = {"{": "}", "[": "]"}
_FAR: Final = 200  # lines above a fault that are looked at
_NO_START: Final = "@`%|>"


@dataclass(frozen=True, slots=True)
class Cause:
    """
    One mistake, and its place.

    Attributes:
        line: From 1; None where the parser names none.
        column: From 1.
    """

    line: int | None
    column: int | None
    message: str
    fix: str


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
    A fault, and what is around it.

    Attributes:
        at: Line, from 0.
        column: From 0.
        start: Mark of what the parser was in.
    """

    lines: list[str]
    at: int
    column: int
    problem: str
    context: str
    start: Any

    def causes(self) -> Iterator[Cause]:
        """Yield the causes that are recognized, the surest first."""
        yield from self._tabs()
        yield from self._unclosed()
        yield from self._characters()
        before = self._before()
        if before is not None:
            yield from self._slips(before)
        yield from self._slips(self.at)
        yield from self._colons()
        if before is not None:
            yield from self._indents(before)

    def _tabs(self) -> Iterator[Cause]:
        for index in (self.at, self.at - 1):
            match = _TAB.match(self._line(index)) if index >= 0 else None
            if match and (index == self.at or "tab" in self.problem):
                yield _cause(index, match.end() - 1, "a tab indents this line", "indent it by spaces")
        if "cannot start any token" in self.problem and self._char() == "\t":
            yield _cause(self.at, self.column, "a tab stands here", "write spaces in its place")

    def _unclosed(self) -> Iterator[Cause]:
        if "quoted scalar" in self.context and self.start is not None and "end of stream" in self.problem:
            message = "the quotation mark that opens here is not closed"
            yield _cause(self.start.line, self.start.column, message, "write the closing quotation mark")
        opening = next((char for words, char in _OPENING.items() if words in self.context), None)
        if opening is None or self.start is None:
            return
        closing = _CLOSING[opening]
        if self.start.line != self.at:
            yield _cause(
                self.start.line, self.start.column, f"{opening} opens here and is not closed", f"write {closing}"
            )
        yield _cause(
            self.at, self.column, f"a comma or {closing} is missing before this", f"write a comma or {closing}"
        )

    def _characters(self) -> Iterator[Cause]:
        char = self._char()
        if "escape" in self.problem:
            fix = "write / or \\\\ in its place, or put the text in single quotation marks"
            yield _cause(self.at, self.column, "a backslash in double quotation marks begins an escape", fix)
        if char and char in _NO_START and "cannot start any token" in self.problem:
            yield _cause(self.at, self.column, "a text may not begin with this character", "put it in quotation marks")

    def _slips(self, index: int) -> Iterator[Cause]:
        """Yield what is wrong with a line by itself."""
        line = self._line(index)
        if match := _CLOSE_COLON.match(line):
            column = match.group().rindex(":")
            yield _cause(index, column, "no space follows this colon", "write a space after the colon")
        if _CLOSE_DASH.match(line):
            yield _cause(
                index, line.index("-"), "no space follows this hyphen", "write `- ` before each element of a list"
            )
        if _NO_COLON.match(line) and "expected ':'" in self.problem.replace('"', "'"):
            yield _cause(index, _indent(line), "a colon is missing in this line", "write it as key: value")

    def _colons(self) -> Iterator[Cause]:
        """Yield what is wrong with a value that holds a colon."""
        if "mapping values" not in self.problem:
            return
        entry = _ENTRY.match(self._line(self.at))
        if entry is None or entry.end() > self.column:
            return
        if _REFERENCE.match(self._line(self.at)[entry.end() :]):
            fix = "write it as {$file: path}, in braces"
            yield _cause(self.at, entry.end() + 1, "a reference stands here without braces", fix)
        yield _cause(self.at, self.column, "a colon and a space within a value", "put the value in quotation marks")

    def _indents(self, before: int) -> Iterator[Cause]:
        line, above = self._line(self.at), self._line(before)
        own, other = _indent(line), _indent(above)
        if own == other:
            entry = _ENTRY.match(above)
            rest = above[entry.end() :].strip() if entry else ""
            if rest[:1] in {'"', "'"} and rest.find(rest[0], 1) not in {-1, len(rest) - 1}:
                yield _cause(
                    before, entry.end() + 1 if entry else 0, "text follows a closing quotation mark", "delete it"
                )
            return
        near = self._fitting_indent(own, _key_column(above))
        message = f"this line is indented by {own}, line {before + 1} above it by {other}"
        is_element = above.lstrip().startswith("- ")
        more = ", or begin the element above with `- `" if own > other and not is_element else ""
        fix = f"indent it by {near}{more}: lines of one mapping are indented alike"
        yield _cause(self.at, own, message, fix)

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


def _cause(line: int, column: int, message: str, fix: str) -> Cause:
    return Cause(line + 1, column + 1, message, fix)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _key_column(line: str) -> int:
    """Return the column of the key of a line, behind the hyphens before it."""
    return len(line) - len(line.lstrip("- ")) if line.lstrip().startswith("- ") else _indent(line)
