"""Walking and copying JSON bodies along paths of keys, where ``*`` stands for every element of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.values import MISSING

Path: TypeAlias = tuple[str, ...]


def at(body: Any, path: Path) -> Any:
    """Return the value at a path of object keys; MISSING if it, or something above it, is absent."""
    for key in path:
        if not isinstance(body, Mapping) or key not in body:
            return MISSING
        body = body[key]
    return body


def holders(body: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Yield every object that holds the last key of *path*, which has one at least."""
    key, *rest = path
    if key == "*":
        for item in body if isinstance(body, list) else ():
            yield from holders(item, tuple(rest))
    elif isinstance(body, dict) and key in body:
        if rest:
            yield from holders(body[key], tuple(rest))
        else:
            yield body


def put(body: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at a path of object keys, making the objects above it."""
    *above, key = path
    for step in above:
        body = body.setdefault(step, {})
    body[key] = value


def without_nulls(value: Any) -> Any:
    """Return a copy without the keys that are null: the service reads null as left out."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def copied(value: Any) -> Any:
    """Return a deep copy of a JSON value."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
