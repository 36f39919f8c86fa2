"""How long a request may take, and how large its answer may be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    Upper bounds of one request, of its answer and of one list.

    Attributes:
        connect_s: Seconds until there is a connection.
        silence_s: Seconds without a byte.
        whole_s: Seconds from the first byte sent to the last one read, however steadily they drip.
        answer_bytes: Bytes of a body, decompressed; parsing takes up to twelve times as many.
        list_items: Items of a list, all of its pages together.
        list_bytes: Bytes of a list, decompressed.
        list_values: JSON values in a list; each takes about a hundred bytes once it is parsed.
    """

    connect_s: float = 20.0
    silence_s: float = 120.0
    whole_s: float = 300.0
    answer_bytes: int = 32 * 1024 * 1024
    list_items: int = 100_000
    list_bytes: int = 256 * 1024 * 1024
    list_values: int = 10_000_000


USUAL: Final = Bounds()
