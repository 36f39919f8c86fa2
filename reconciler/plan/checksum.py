"""
Files that one run writes and another one reads: JSON under a schema of its own, with a digest of itself.

Between the two anybody may have held it. The digest tells accidents and careless edits, not intent: who can write the
file can compute it. So nothing that is read is believed beyond what its schema says. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import orjson

from reconciler.compare.fingerprint import digest_of
from reconciler.json.size import require_few_values
from reconciler.kinds.spelling import is_deeper_than

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.values import JsonObject

MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_VALUES: Final = 5_000_000
_DEEPEST: Final = 110
"""Levels: those of the file, around those of a body, of which ARM's are never read deeper than 100."""


def sealed_text(content: Mapping[str, Any]) -> str:
    """Return the text of a file that holds *content*."""
    sealed = {**content, "digest": digest_of(content)}
    return orjson.dumps(sealed, option=orjson.OPT_INDENT_2).decode() + "\n"


def opened(content: bytes, what: str, schema: JsonObject, versions: Mapping[str, object]) -> dict[str, Any]:
    """
    Return what a file holds, without its digest.

    Args:
        content: Of the file, whoever wrote it.
        what: The word for such a file.
        schema: Of such a file.
        versions: Keys that say by what it was written, and the one value of each that can be read.

    Raises:
        ValueError: Says, as a clause, why it cannot be used.
    """
    try:
        require_few_values(content, _MOST_VALUES)
        found = orjson.loads(content)
    except ValueError:
        found = None
    not_one = f"it is not a {what} file"
    if not isinstance(found, dict) or not isinstance(found.get("digest"), str) or is_deeper_than(found, _DEEPEST):
        raise ValueError(not_one)
    held = {name: value for name, value in found.items() if name != "digest"}
    if found["digest"] != digest_of(held):
        message = "it was changed after it was written"
        raise ValueError(message)
    if any(name in held and held[name] != value for name, value in versions.items()):
        message = "another version of the reconciler wrote it"
        raise ValueError(message)
    if not jsonschema_rs.Draft202012Validator(dict(schema)).is_valid(found):
        raise ValueError(not_one)
    return held
