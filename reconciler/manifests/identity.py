"""Which resource a document is about, also where the rest of the document is invalid. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.kinds.paths import get
from reconciler.problems import UNREAD

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.problems import Document, Source


@dataclass(frozen=True, slots=True)
class Identity:
    """
    One resource, as an invalid document names it.

    Attributes:
        address: ``KIND/NAME``; None where the name of the manifest is not known.
        key: The folded id; None where a URI parameter is not known.
        source: Where the document is written.
    """

    kind: Kind
    address: str | None
    key: str | None
    source: Source


def identify(document: Document, kind: Kind) -> Identity | None:
    """Return the known parts of a document's identity; None if no part is known."""
    name = get(document.value, ("metadata", "name"))
    params = {param: get(document.value, ("spec", param)) for param in kind.parameters}
    address = f"{kind.name}/{name}" if _is_known(name) else None
    key = kind.resource_id(params).lower() if all(map(_is_known, params.values())) else None
    return Identity(kind, address, key, document.source) if address or key else None


def _is_known(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value != UNREAD
