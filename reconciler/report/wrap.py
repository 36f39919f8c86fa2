"""Lines of text folded to the width of a terminal: at blanks, with a hanging indent, colors carried over. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE: Final = re.compile(r"\x1b\[[0-9;]*m")
_RESET: Final = "\x1b[0m"
_STEPS: Final = tuple(
    re.compile(rf"(?:\x1b\[[0-9;]*m|[^\x1b{after}])*[{after}]+|(?:\x1b\[[0-9;]*m|[^\x1b{after}])+")
    for after in ("/?&", "/?&,;=:._-")
)
"""Parts of a long word, such as a resource id, each up to a character after which it may be divided: the best first."""
_CHUNK: Final = re.compile(r"( +)?([^ ]+)")
_HANG: Final = 4
_NARROWEST: Final = 20


def folded(line: str, width: int | None, *, divide: bool = True) -> Iterator[str]:
    """
    Yield *line* as lines of at most *width* columns; those after the first are indented further.

    Args:
        line: One line, in which codes of colors do not count.
        width: None to leave the line as it is.
        divide: Whether a word that is wider than the terminal is divided, after a slash for instance. A word without
            such a place, and every word that fits on a line, stays whole.
    """
    if width is None or _size(line) <= width:
        yield line
        return
    plain = _CODE.sub("", line)
    indent = len(plain) - len(plain.lstrip(" "))
    hang = min(indent + _HANG, max(width - _NARROWEST, 0))
    made, size, style = "", 0, ""
    for blanks, chunk in _chunks(line, width - hang, divide=divide):
        if size > indent and size + len(blanks) + _size(chunk) > width:
            yield f"{made}{_RESET}" if style else made
            made, size = f"{' ' * hang}{style}{chunk}", hang + _size(chunk)
        else:
            made += blanks + chunk
            size += len(blanks) + _size(chunk)
        style = _style_after(chunk, style)
    yield made


def _chunks(line: str, room: int, *, divide: bool) -> Iterator[tuple[str, str]]:
    """Yield blanks and what follows them: a word, or the first part of one that is divided."""
    for blanks, word in _CHUNK.findall(line):
        if not divide or _size(word) <= room:
            yield blanks, word
            continue
        for place, piece in enumerate(_pieces(word, room)):
            yield ("" if place else blanks), piece


def _pieces(word: str, room: int) -> Iterator[str]:
    best, more = _STEPS
    for piece in best.findall(word):
        yield from (piece,) if _size(piece) <= room else more.findall(piece)


def _style_after(chunk: str, style: str) -> str:
    codes = _CODE.findall(chunk)
    return style if not codes else "" if codes[-1] == _RESET else codes[-1]


def _size(text: str) -> int:
    return len(_CODE.sub("", text))
