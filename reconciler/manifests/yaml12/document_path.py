"""How problems show where something is in a document."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from reconciler.values import FieldPath

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_SHOWN: Final = 80


def format_document_path(path: FieldPath) -> str:
    """Return *path* as problems show it, such as ``spec.items[0].name`` or ``metadata.annotations["a.b/c"]``."""
    return "".join(map(_path_part, path)).removeprefix(".")


@lru_cache(maxsize=1024)
def _path_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    key = scrub(part)  # before it is cut: half a secret has no shape to recognize it by
    key = key if len(key) <= _MAX_SHOWN else f"{key[:_MAX_SHOWN]}…"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=not key.isprintable())}]"
