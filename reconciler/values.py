"""Values that every stage handles: JSON, paths into it, and the mark of an absent value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object; read-only by convention: stages return new bodies."""


FieldPath: TypeAlias = tuple[str | int, ...]
"""Where a value is in a body as written: keys of objects and indexes of lists."""


class Missing(Enum):
    """The absence of a value, which is not the same as null."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
