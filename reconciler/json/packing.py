"""
Plain values packed small, each by itself: values that are much alike share a pattern. Pure, and within one process.

Of a hundred thousand manifests nearly all are in sync, and few values are asked for twice. The packed form is for its
own process alone, and is never written anywhere.
"""

from __future__ import annotations

import marshal
import zlib
from typing import Any, Final

_LEVEL: Final = 6
_MEMORY: Final = 5  # of 9; a smaller state is quicker to begin with
_SHORT: Final = 12
"""Bits of the window for most values: what costs most is to begin with a window."""
_LONG: Final = 15
"""Bits of the window for values that are longer than the short one."""
_MOST: Final = 16
"""Patterns of one window."""
_POOR: Final = 8
"""A value that shrinks to more than this part of it is unlike the pattern, and becomes part of the next one."""
_BRIEF: Final = 128
"""Bytes that are not worth a pattern."""


class Press:
    """
    Packs values that are much alike.

    Plain values are None, booleans, numbers, texts, and lists, tuples and objects of them, of no subclass.
    """

    def __init__(self) -> None:
        """Begin without a pattern."""
        self._short, self._long = _Window(_SHORT), _Window(_LONG)

    def pack(self, value: Any) -> bytes:
        """
        Return *value* packed.

        Raises:
            ValueError: It is not plain.
        """
        raw = marshal.dumps(value)
        return b"s" + self._short.pack(raw) if len(raw) < 1 << _SHORT else b"l" + self._long.pack(raw)

    def unpack(self, packed: bytes) -> Any:
        """Return a value that this press has packed."""
        window = self._short if packed[:1] == b"s" else self._long
        return marshal.loads(window.unpack(memoryview(packed)[1:]))  # noqa: S302 (made above, in this process)


class _Window:
    """Packs bytes, with a look back at a pattern."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._patterns = [b""]
        self._begun = self._begin()

    def pack(self, raw: bytes) -> bytes:
        packed = self._packed(raw)
        if len(packed) * _POOR > len(raw) > _BRIEF and len(self._patterns) < _MOST:
            self._patterns.append((self._patterns[-1] + raw)[-(1 << self._bits) :])
            self._begun = self._begin()
            if len(self._patterns) > 2:  # noqa: PLR2004 (the first pattern has itself to compare with)
                packed = self._packed(raw)
        return packed

    def unpack(self, packed: memoryview) -> bytes:
        return zlib.decompressobj(self._bits, self._patterns[packed[0]]).decompress(packed[1:])

    def _packed(self, raw: bytes) -> bytes:
        writer = self._begun.copy()
        return b"".join((bytes((len(self._patterns) - 1,)), writer.compress(raw), writer.flush()))

    def _begin(self) -> zlib._Compress:
        pattern = self._patterns[-1]
        return zlib.compressobj(_LEVEL, zlib.DEFLATED, self._bits, _MEMORY, zlib.Z_DEFAULT_STRATEGY, pattern)
