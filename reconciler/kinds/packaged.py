"""
Reads the schemas that the package ships. The one module of this package that opens files.

For the edges of a process: the stages between them take a registry, or the kinds of one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from reconciler.kinds.registry import Registry, compile_registry

_PACKAGED: Final = Path(__file__).parent.parent / "schemas"
_CHECKOUT: Final = Path(__file__).parent.parent.parent / "schemas"
_SUFFIX: Final = ".schema.json"


@cache
def packaged() -> Registry:
    """Return the registry of the shipped schemas, in alphabetical order; read and compiled once in a process."""
    return compile_registry({path.name.removesuffix(_SUFFIX): _read(path) for path in schema_files()})


def schema_files() -> list[Path]:
    """Return the schema files: inside the package where it was installed from a wheel, else those of the checkout."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads(path.read_bytes())
    return schema
