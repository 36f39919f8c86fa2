"""
Outside text made safe to print: names, values and messages come from git and from ARM, and may be hostile.

Three steps: :func:`masked` is the second net under secrets that were hidden long before, :func:`visible` shows what a
reader could not see, and :func:`inert` takes the meaning from what a CI runner would obey. The first two are done for a
whole report at once, in its view; the last one by each format that may end up in a log, on finished lines.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.secret.text import scrub

_CODES: Final = r"(?:\x1b\[[0-9;]*m)*"
"""The only control sequences that a report writes itself: those of colors."""

_PAIR: Final = re.compile(rf"(?<=:)({_CODES}):|(?<=#)({_CODES})#")

_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that ``str.isprintable`` lets pass and that leave no ink (Unicode's Default_Ignorable_Code_Point)."""

_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    r"""
    Return *text* on one line, with an escape such as ``\x1b`` for every character that is not plainly seen.

    That is every control, format (bidi, zero-width), separator other than the space, private, unassigned and surrogate
    character, and the letters that leave no ink. A backslash stays one: the escapes are for eyes, not for parsers.
    """
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(char if char.isprintable() and not _BLANK.match(char) else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if char <= "\xff":
        return _SHORT.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if char <= "\uffff" else f"\\U{code:08x}"


def inert(line: str) -> str:
    r"""
    Return a finished line in which no CI runner finds a command.

    GitHub's runner obeys ``::`` at the start of a line and ``##[`` anywhere in it (actions/runner, ActionCommand.cs),
    Azure DevOps obeys ``##vso[`` and ``##[``. Every colon after a colon becomes ``\x3a`` and every hash after a hash
    ``\x23``: the notation of the other escapes, nothing lost, and no need to know what commands there are. Done on the
    whole line, since two harmless pieces can make a command; color codes between them do not count.
    """
    return _PAIR.sub(lambda pair: f"{pair[1]}\\x3a" if pair[1] is not None else f"{pair[2]}\\x23", line)


def inert_lines(text: str) -> str:
    """Return text of any number of lines, each of them inert."""
    return "\n".join(map(inert, text.split("\n")))


def inert_html(text: str) -> str:
    """Return a page that shows the same, in which no CI runner finds a command; its style and script hold no pair."""
    return _PAIR.sub(lambda pair: "&#58;" if pair[1] is not None else "&#35;", text)


def inert_json(text: str) -> str:
    r"""Return the same JSON, in which no CI runner finds a command: ``\u003a`` is a colon to every parser."""
    return _PAIR.sub(lambda pair: "\\u003a" if pair[1] is not None else "\\u0023", text)


def masked(text: str) -> str:
    """Return finished *text* without what looks like a secret, wherever it came from."""
    return scrub(text)
