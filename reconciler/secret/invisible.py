"""
Characters that leave no ink, which an author, an editor or a chat puts into the middle of a credential. Pure.

They are left out where credentials are looked for, as they are and in the escapes of JSON, HTML and URLs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from reconciler.secret.late import late

# Unicode's Default_Ignorable_Code_Point, without the fillers of Hangul, which have a width
_INVISIBLE: Final = late(
    "["
    "\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
    r"|\\+u(?:00ad|200[b-f]|202[a-e]|206[0-9a-f]|feff)"
    r"|\\+x(?:ad|e2\\+x80\\+x8[b-f]|e2\\+x81\\+xa[0-9a-f]|ef\\+xbb\\+xbf)"
    r"|&(?:\#(?:173|820[3-7]|828[89]|65279|x0*(?:ad|200[b-f]|206[0-4]|feff))|shy|zwnj|zwj);"
    r"|%(?:25)*(?:C2%(?:25)*AD|E2%(?:25)*80%(?:25)*8[B-F]|E2%(?:25)*81%(?:25)*A[0-9A-F]|EF%(?:25)*BB%(?:25)*BF)",
    re.IGNORECASE,
)
_ESCAPES: Final = ("\\u", "\\x", "&#", "&shy", "&zw", "%e2%", "%E2%", "%25", "%ef%", "%EF%", "%c2%", "%C2%")


class Bare:
    """
    A text without its invisible characters, and where each of its characters was.

    Attributes:
        text: The remaining characters.
    """

    __slots__ = ("_starts", "_taken", "text")

    def __init__(self, text: str) -> None:
        """Take the invisible characters out of *text*."""
        self._starts: list[int] = []
        """Places in the remaining text where characters were taken out; beside them, how many up to there."""
        self._taken: list[int] = []
        self.text = text
        if text.isascii() and not ("\\" in text or "&" in text or "%" in text):  # nearly always
            return
        if text.isascii() and not any(escape in text for escape in _ESCAPES):
            return
        parts, at, taken = [], 0, 0
        for found in _INVISIBLE.finditer(text):
            parts.append(text[at : found.start()])
            self._starts.append(found.start() - taken)
            taken += found.end() - found.start()
            self._taken.append(taken)
            at = found.end()
        if parts:
            self.text = "".join([*parts, text[at:]])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters from *start* to *end* of the remaining text are in the whole one."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, index: int) -> int:
        found = bisect_right(self._starts, index)
        return index + self._taken[found - 1] if found else index


def without_invisible(text: str) -> str:
    """Return *text* without characters that leave no ink."""
    return Bare(text).text
