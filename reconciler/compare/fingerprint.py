"""Digests of values, and of the meaning of manifests. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.compare.normalize import normalized
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.variables import named

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired


def digest_of(value: Any) -> str:
    """Return a digest of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def rules_digest(kind: Kind) -> str:
    """Return a digest of a kind's schema."""
    return digest_of(kind.schema)


def fingerprint(desired: Desired) -> str:
    """Return a digest of the meaning of a manifest: equal for every spelling of it."""
    body = normalized(desired.kind.rules, named(desired))
    return digest_of({"body": body, "nulls": _nulls(desired.body), "content": desired.digest})


def _nulls(value: Any, path: str = "") -> list[str]:
    """Return the paths of nulls, which mean "must not be set" and are not in the normal form."""
    if isinstance(value, Mapping):
        return sorted(found for name, item in value.items() for found in _nulls(item, f"{path}.{name}"))
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _nulls(item, f"{path}[{index}]")]
    return [path] if value is None else []
