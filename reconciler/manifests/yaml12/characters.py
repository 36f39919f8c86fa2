"""Bytes into text, and the characters that must not reach the parser."""

from __future__ import annotations

import codecs
import re
from itertools import chain, islice
from typing import Final

from reconciler.manifests.yaml12.limits import FILE, MAX_PROBLEMS, Bounds
from reconciler.problems import Problem

# Line breaks that editors do not show as such (U+0085, U+2028, U+2029), controls, characters without width and those
# that turn the direction of writing: each can make a manifest read other than it looks.
HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_PLAIN_BYTES: Final = b"\t\n" + bytes(range(0x20, 0x7F))
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
# libyaml compares each %TAG line with all before it, so that 300 kB of them take seconds; they only serve tags.
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG[ \t]", re.MULTILINE)


def decode(data: bytes, file: str, bounds: Bounds = FILE) -> tuple[str, list[Problem]]:
    """Return the text of a file, or the problems of its bytes and characters."""
    if len(data) > bounds.size:
        message = f"the {bounds.what} is larger than {bounds.size:,} bytes"
        return "", [Problem(file, None, None, "", "limit", message, bounds.fix)]
    if not data.translate(None, _PLAIN_BYTES) and b"%TAG" not in data:
        return data.decode("ascii"), []
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        text = str(memoryview(data)[mark:], "utf-8")
    except UnicodeDecodeError as error:
        before = data[mark : mark + error.start].decode()
        message = f"byte {mark + error.start} (counted from 0) is not UTF-8"
        problem = Problem(file, *_position(before, len(before)), "", "encoding", message, "save the file as UTF-8")
        return "", [problem]
    return text, _raw_problems(text, file)


def _raw_problems(text: str, file: str) -> list[Problem]:
    """Return the problems of characters that must not reach the parser, comments included."""
    returns = _LONE_RETURN.finditer(text) if "\r" in text else ()
    directives = _TAG_DIRECTIVE.finditer(text) if "%TAG" in text else ()
    found = islice(chain(HIDDEN.finditer(text), returns, directives), MAX_PROBLEMS)
    return [_raw_problem(text, file, match) for match in sorted(found, key=re.Match.start)]


def _raw_problem(text: str, file: str, match: re.Match[str]) -> Problem:
    line, column = _position(text, match.start())
    if match[0].startswith("%"):
        message = "tags and `%TAG` directives are not supported"
        return Problem(file, line, column, "", "tag", message, "remove this line")
    if match[0] == "\r":
        message = "a carriage return without a line feed: YAML ends the line here, other tools do not"
        return Problem(file, line, column, "", "character", message, "end lines with LF or CRLF")
    return Problem(file, line, column, "", "character", hidden_message(match[0]), "remove it")


def hidden_message(char: str) -> str:
    """Return the message about a character that HIDDEN matches."""
    return f"the character U+{ord(char):04X} is not allowed: it is invisible, or changes how text around it is shown"


def _position(text: str, index: int) -> tuple[int, int]:
    """Return the line and column, from 1, of the character at *index*."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
