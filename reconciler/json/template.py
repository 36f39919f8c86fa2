"""
Reads JSON as Azure Resource Manager reads the text of a template, into strict JSON of the same meaning. Pure.

ARM accepts ``//`` and ``/* */`` comments, a comma after the last element, and strings over several lines ("Template
structure and syntax", learn.microsoft.com). No library reads that and no more: json5, pyjson5, hjson and commentjson
reject strings over several lines, keep the last of two equal keys, round decimals, and two of them take seconds for a
template of 600 kB. The reader is linear, calls itself nowhere, and stops at its bounds. No message quotes a value.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one template, as UTF-8: the limit of ARM itself."""
MAX_DEPTH: Final = 128
"""Of lists and objects within each other."""
MAX_NODES: Final = 500_000
"""Keys and values of one template."""
_MAX_NUMBER: Final = 1_000
_INT64: Final = range(-(2**63), 2**63)
_INT64_DIGITS: Final = 19
_INFINITE: Final = (float("inf"), float("-inf"))
_MAX_KEY_SHOWN: Final = 80
"""Longer ones are not quoted: half a secret has no shape to recognize it by, and this package knows no shapes."""

_SKIPPED: Final = re.compile(r"(?:[ \t\r\n]++|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_PLAIN: Final = r'[^"\\\x00-\x08\x0b\x0c\x0e-\x1f]*+'
_ESCAPE: Final = r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})'
_STRING: Final = re.compile(rf'"{_PLAIN}(?:{_ESCAPE}{_PLAIN})*+"')
_SCALAR: Final = re.compile(
    r"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)(?![0-9A-Za-z_.+-])"
)
_WORD: Final = re.compile(r"[^\s\[\]{},:\"'/]+")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_BREAKS: Final = str.maketrans({"\t": "\\t", "\n": "\\n"})
_HALF: Final = re.compile(
    r"(?:\\\\|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|(?P<half>\\u[dD][89a-fA-F][0-9A-Fa-f]{2}|[\ud800-\udfff])"
)
_SMART_QUOTES: Final = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb")
_CLOSING: Final = {"[": "]", "{": "}"}
_NAMES: Final = {"[": "list", "{": "object"}
_WORDS: Final = frozenset({"true", "false", "null"})


class TemplateError(ValueError):
    """
    The text is not JSON as ARM reads templates.

    Attributes:
        line: Where the fault is, from 1.
        column: From 1.
        cause: The mistake there.
        fix: The fix, in the imperative.
    """

    def __init__(self, line: int, column: int, cause: str, fix: str) -> None:
        """Keep the position, the cause and the fix."""
        super().__init__(f"{cause} in line {line}, column {column}")
        self.line = line
        self.column = column
        self.cause = cause
        self.fix = fix


def strict_json(text: str) -> str:
    """
    Return strict JSON of the same meaning as *text*, on one line: every number and every escape as it is written.

    A line break in a string becomes an escape, CRLF that of LF.

    Raises:
        TemplateError: At the first fault.
    """
    if len(text) > MAX_BYTES or (not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES):
        raise TemplateError(1, 1, f"the text is larger than {MAX_BYTES:,} bytes", "make it shorter")
    return _Reader(text.removeprefix("\ufeff")).read()


def _is_too_large(number: str) -> bool:
    """Whether 64 bits cannot hold a number: those who read it into fewer digits would each see another one."""
    if not number.lstrip("-").isdecimal():
        return float(number) in _INFINITE
    return len(number.lstrip("-")) > _INT64_DIGITS or int(number) not in _INT64


class _Reader:
    """One pass over a text. Open objects and lists are on a stack, so that nesting costs no calls."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out: list[str] = []
        self._open: list[tuple[str, int, set[str]]] = []  # the bracket, its place, and the keys of an object
        self._nodes = 0
        self._broken_string: int | None = None  # where the string just read begins, if it runs over several lines

    def read(self) -> str:
        self._skip()
        if self._at == len(self._text):
            self._fail("the text is empty", "write a JSON object")
        self._value()
        while self._open:
            self._element()
        self._skip()
        if self._at < len(self._text):
            self._fail("more text after the end of the JSON", "delete it, or remove a closing bracket before it")
        return "".join(self._out)

    def _element(self) -> None:
        """Read the next element of the open list or object, or its end."""
        bracket, _, keys = self._open[-1]
        first = self._out[-1] == bracket
        self._skip()
        if not first and self._peek() == ",":
            self._at += 1
            self._skip()
            self._refuse_comma()
            if self._peek() not in {"]", "}"}:
                self._out.append(",")
        elif self._peek() == ",":
            self._refuse_comma()
        elif not first and self._peek() not in {"]", "}"}:
            self._refuse_unseparated()
        if self._peek() in {"]", "}"}:
            self._close(bracket)
            return
        if bracket == "{":
            self._key(keys)
        self._value()

    def _value(self) -> None:
        """Read a scalar, or the beginning of a list or an object."""
        char = self._peek()
        self._count()
        self._broken_string = None
        if char in _CLOSING:
            if len(self._open) == MAX_DEPTH:
                self._fail(f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            self._open.append((char, self._at, set()))
            self._out.append(char)
            self._at += 1
        elif char == '"':
            self._out.append(self._string())
        elif match := _SCALAR.match(self._text, self._at):
            if len(match[0]) > _MAX_NUMBER:
                self._fail(f"a number of more than {_MAX_NUMBER} characters", "quote it if it is text")
            if match[0] not in _WORDS and _is_too_large(match[0]):
                self._fail("a number that is too large for 64 bits", "quote it if it is text")
            self._out.append(match[0])
            self._at = match.end()
        else:
            self._refuse_value(char)

    def _key(self, keys: set[str]) -> None:
        if self._peek() != '"':
            self._refuse_key()
        start = self._at
        lexeme = self._string()
        self._count()
        key = json.loads(lexeme) if "\\" in lexeme else lexeme[1:-1]
        if key in keys:
            shown = f"`{key}`" if len(key) <= _MAX_KEY_SHOWN else f"of {len(key)} characters"
            self._fail(f"duplicate key {shown} in one object", "remove one of the two", start)
        keys.add(key)
        self._skip()
        if self._peek() != ":":
            self._refuse_after_broken_string()
            self._fail("a colon is missing after the key", "write `:` between key and value")
        self._at += 1
        self._out.append(f"{lexeme}:")
        self._skip()

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._refuse_string()
        lexeme = match[0]
        if "\\" in lexeme or not lexeme.isascii():
            for found in _HALF.finditer(lexeme):
                if found["half"]:
                    self._fail("half of a surrogate pair", "write the whole character", self._at + found.start())
        self._broken_string = self._at if _LINE_END.search(lexeme) else None
        self._at = match.end()
        return _LINE_END.sub("\n", lexeme).translate(_BREAKS) if not lexeme.isprintable() else lexeme

    def _close(self, bracket: str) -> None:
        found = self._peek()
        if found != _CLOSING[bracket]:
            line = self._position(self._open[-1][1])[0]
            wanted = _CLOSING[bracket]
            self._fail(f"{found} where {wanted} closes the {_NAMES[bracket]} of line {line}", f"write {wanted}")
        self._out.append(found)
        self._open.pop()
        self._at += 1

    def _skip(self) -> None:
        match = _SKIPPED.match(self._text, self._at)
        self._at = match.end() if match else self._at
        if self._text.startswith("/*", self._at):
            self._fail("the comment is not closed", "end it with */")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fail(f"more than {MAX_NODES:,} keys and values", "make it shorter")

    # -------------------------------------------------------------------------------------------------------- faults

    def _refuse_comma(self) -> None:
        if self._peek() != ",":
            return
        after = _SKIPPED.match(self._text, self._at + 1)
        end = after.end() if after else self._at + 1
        closing = self._text[end : end + 1]
        if closing in {"]", "}"}:
            self._fail(f"a comma before {closing}", "remove it")
        self._fail("a comma without a value before it", "remove it, or write the value")

    def _refuse_unseparated(self) -> NoReturn:
        self._refuse_end()
        self._refuse_after_broken_string()
        if self._peek() == ":":
            self._fail("a colon without a key before it", "write the key in quotation marks, or a comma")
        self._refuse_odd(self._peek())
        self._fail("a comma is missing before this", "write a comma between the two")

    def _refuse_key(self) -> NoReturn:
        self._refuse_end()
        char = self._peek()
        self._refuse_odd(char)
        if char == ":":
            self._fail("a colon without a key before it", "write the key in quotation marks")
        if char in _CLOSING:
            self._fail("a key is missing before this value", 'write "key": before it')
        self._fail("a key without quotation marks", 'write it as "key"')

    def _refuse_value(self, char: str) -> NoReturn:
        self._refuse_end()
        self._refuse_odd(char)
        if char in {",", "]", "}"}:
            self._fail(f"a value is missing before {char}", "write the value")
        if char == ":":
            self._fail("a colon where a value begins", "remove it, or write the key before it")
        match = _WORD.match(self._text, self._at)
        word = match[0] if match else char
        if word.lower() in _WORDS:
            self._fail("`true`, `false` and `null` are written in lower case", f"write `{word.lower()}`")
        if word[0] in "+-.0123456789":
            self._fail("not a number of JSON", "write digits without leading zeros, or quote it if it is text")
        self._fail("a value that is not JSON", "put text in double quotation marks")

    def _refuse_odd(self, char: str) -> None:
        """Refuse characters that JSON allows in strings only."""
        if char == "'" or char in _SMART_QUOTES:
            kind = "single" if char == "'" else "typographic"
            self._fail(f"{kind} quotation marks", 'use " instead')
        if char == "#":
            self._fail("a comment that begins with #", "begin it with //")
        if char in {"/", "*"}:
            self._fail("neither a comment nor a value", "begin a comment with // or /*")
        if not char.isprintable():
            self._fail(f"the character U+{ord(char):04X} outside of a string", "remove it")

    def _refuse_after_broken_string(self) -> None:
        """Refuse the text after a string over several lines: a quotation mark is missing there."""
        if self._broken_string is not None and self._out[-1:] != [","]:
            line = self._position(self._at)[0]
            cause = f"a quotation mark is missing in this string, which runs up to line {line}"
            self._fail(cause, 'write the missing "', self._broken_string)

    def _refuse_end(self) -> None:
        if self._at < len(self._text):
            return
        if not self._open:
            self._fail("the text is empty", "write a JSON object")
        bracket, place, _ = self._open[-1]
        line, column = self._position(place)
        cause = f"the text ends within the {_NAMES[bracket]} that begins in line {line}, column {column}"
        self._fail(cause, f"write the missing `{_CLOSING[bracket]}`")

    def _refuse_string(self) -> NoReturn:
        """Report the fault of the string that begins here."""
        plain, escape = re.compile(_PLAIN), re.compile(_ESCAPE)
        start, at = self._at, self._at + 1
        while True:
            match = plain.match(self._text, at)
            at = match.end() if match else at
            char = self._text[at : at + 1]
            if not char:
                self._fail("the string that begins here is not closed", 'write the missing "', start)
            if char != "\\":
                cause = f"the character U+{ord(char):04X} in a string"
                self._fail(cause, f"write it as \\u{ord(char):04x}, or remove it", at)
            if (match := escape.match(self._text, at)) is None:
                self._fail("a backslash that begins no escape of JSON", "write \\\\ for a backslash", at)
            at = match.end()

    def _position(self, index: int) -> tuple[int, int]:
        """Return line and column, from 1, of the character at *index*; CRLF, LF and CR end a line."""
        ends = [match.end() for match in _LINE_END.finditer(self._text, 0, index)]
        return len(ends) + 1, index - (ends[-1] if ends else 0) + 1

    def _fail(self, cause: str, fix: str, index: int | None = None) -> NoReturn:
        line, column = self._position(self._at if index is None else index)
        raise TemplateError(line, column, cause, fix)
