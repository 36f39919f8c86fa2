"""The text of a file, kept small: few texts are read again, and all stay until the report is written. Pure."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

_SMALL: Final = 2048
"""Characters of a text that is kept as it is: packing a shorter one costs more than it saves."""
_QUICK: Final = 1


class Kept:
    """One text, which all documents of its file share."""

    __slots__ = ("_packed",)

    def __init__(self, text: str) -> None:
        """Keep *text*."""
        is_small = len(text) < _SMALL
        self._packed = text if is_small else zlib.compress(text.encode("utf-8", "surrogatepass"), _QUICK)

    @property
    def text(self) -> str:
        """The text as it was."""
        return self._packed if isinstance(self._packed, str) else _unpacked(self._packed)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> str:
    """Return a text again; the places of one file are asked for one after the other."""
    return zlib.decompress(packed).decode("utf-8", "surrogatepass")
