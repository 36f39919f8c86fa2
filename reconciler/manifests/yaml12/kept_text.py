"""The text of a file, kept small: few texts are read again, and all stay until the report is written. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from reconciler.json.packing import Press

_SMALL: Final = 2048
"""Characters of a text that is kept as it is: packing a shorter one costs more than it saves."""
_PRESS: Final = Press()


class Kept:
    """One text, which all documents of its file share."""

    __slots__ = ("_packed",)

    def __init__(self, text: str, *, packs: bool = True) -> None:
        """Keep *text*; packed where it is long, unless it is kept for a moment only."""
        self._packed = text if len(text) < _SMALL or not packs else _PRESS.pack(text)

    @property
    def text(self) -> str:
        """The text as it was."""
        return self._packed if isinstance(self._packed, str) else _unpacked(self._packed)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> str:
    """Return a text again; the places of one file are asked for one after the other."""
    text: str = _PRESS.unpack(packed)
    return text
