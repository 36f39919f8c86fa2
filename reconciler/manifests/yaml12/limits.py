"""Limits of the YAML reader: more than any manifest needs, and less than exhausts the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 8 * 1024 * 1024
"""Of one file."""
MAX_DOCUMENTS: Final = 1_000
"""In one file, empty ones included."""
MAX_DEPTH: Final = 64
"""Of lists and mappings in one document, aliases replaced by their values."""
MAX_NODES: Final = 50_000
"""Keys and values in one document, aliases replaced by their values."""
MAX_FILE_NODES: Final = 250_000
"""Keys and values in one file."""
MAX_ALIASES: Final = 100
"""Uses of aliases in one document."""
MAX_TEXT: Final = 1024 * 1024
"""Characters of one text."""
MAX_JSON: Final = 4 * 1024 * 1024
"""Characters of a text that begins as a JSON object does, or with a comment before it: the text of a template."""
MAX_PROBLEMS: Final = 100
"""Reported of one file."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    How much one source of documents may hold.

    Attributes:
        size: In bytes.
        documents: Empty ones included.
        nodes: Keys and values.
        what: A word for the source.
        fix: The fix where it holds more.
    """

    size: int
    documents: int
    nodes: int
    what: str
    fix: str


FILE: Final = Bounds(MAX_BYTES, MAX_DOCUMENTS, MAX_FILE_NODES, "file", "split the file")
STREAM: Final = Bounds(4 * MAX_BYTES, 100_000, 1_000_000, "stream", "write it to files, and name their folder")
"""Standard input, which holds a whole estate, as tools render it, and cannot be split."""


def is_too_long(text: str) -> bool:
    """Whether a text is beyond its limit."""
    if len(text) <= MAX_TEXT:
        return False
    return len(text) > MAX_JSON or not text.lstrip().startswith(("{", "/"))
