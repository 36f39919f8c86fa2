"""
Files that one run writes and another one reads: JSON under a schema of its own, with a digest of itself.

The file may have been edited in between. The digest shows accidents and careless edits, not intent: every writer of
the file can compute it. So its content is trusted no further than its schema goes. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import orjson

from reconciler.compare.fingerprint import digest_of
from reconciler.json.size import require_few_values
from reconciler.kinds.normal_forms import is_deeper_than

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
    Return the content of a file, without its digest.

    Args:
        content: The bytes of the file, trusted in nothing.
        what: The word for such a file.
        schema: Of such a file.
        versions: Keys that name the versions of its writer, and the value of each that can be read.

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
