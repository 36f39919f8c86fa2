"""
Reads YAML by the core schema of YAML 1.2 into plain values. Refuses text that misleads readers or exhausts the machine.

Knows no file system and no manifest. No message quotes the text that was read: it may hold a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.manifests.yaml12 import careful, quick
from reconciler.manifests.yaml12.careful import Reading
from reconciler.manifests.yaml12.characters import HIDDEN, decode
from reconciler.manifests.yaml12.document_path import format_document_path
from reconciler.manifests.yaml12.limits import FILE, MAX_BYTES, STREAM, Bounds

if TYPE_CHECKING:
    from reconciler.problems import Document, Problem

__all__ = [
    "FILE",
    "MAX_BYTES",
    "STREAM",
    "Reading",
    "format_document_path",
    "is_readable",
    "read_documents",
    "read_file",
]


def read_documents(data: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """Return the documents of a file that have no problem, and every problem found, as :func:`read_file` does."""
    reading = read_file(data, file)
    return reading.documents, reading.problems


def read_file(data: bytes, file: str, bounds: Bounds = FILE) -> Reading:
    """
    Return the documents of a file, and every problem found; never an exception.

    Empty documents are skipped, though they count in ``Source.document``. After broken syntax the file is
    read on from the next document, after a limit it is not.

    Args:
        data: UTF-8, with or without byte order mark.
        file: Named in the result.
        bounds: How much there may be.
    """
    text, problems = decode(data, file, bounds)
    if problems:
        return Reading([], problems)
    documents = quick.read(text, file, bounds)
    return Reading(documents, []) if documents is not None else careful.read_file(text, file, bounds)


def is_readable(text: str) -> bool:
    """Whether a document may hold *text*, quoted or with escapes: no character of it is refused."""
    return HIDDEN.search(text) is None
