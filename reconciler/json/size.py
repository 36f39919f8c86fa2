"""The number of values in JSON text, before it is parsed: two bytes of ``[]`` become thirty times as many. Pure."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 1_000_000
"""Values in one text: of ordinary ones, no more than fit into the bytes that are read of it."""
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def values_in(content: bytes) -> int:
    """Return how many values JSON *content* holds at most; exactly so many where they are many."""
    number = _count(content)
    return number if number <= MOST // 10 else _count(_STRING.sub(b'""', content))


def require_few_values(content: bytes, most: int = MOST) -> None:
    """
    Refuse JSON that would need far more memory than its size suggests.

    Args:
        content: The text.
        most: How many values it may hold.

    Raises:
        ValueError: It holds too many values.
    """
    if values_in(content) > most:
        message = f"it holds more than {most:,} values"
        raise ValueError(message)


def _count(content: bytes) -> int:
    return 1 + sum(map(content.count, (b",", b"[", b"{")))
