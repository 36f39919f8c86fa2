"""
Documents that an earlier run found without any mistake or warning, by a digest of everything that this follows from.

Pure. A document with a secret in it is never remembered: not even its digest is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.kinds.normal_forms import canonical
from reconciler.secret.text import holds_secret

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.tracking import Tracking
    from reconciler.problems import Document


@dataclass(slots=True)
class Sound:
    """
    Digests of documents.

    Attributes:
        release: The version of the tool.
        known: Those of earlier runs.
        kept: Those of this run.
    """

    release: str
    known: frozenset[str] = frozenset()
    kept: set[str] = field(default_factory=set)
    _schemas: dict[str, str] = field(default_factory=dict, repr=False)

    def digest(self, document: Document, kind: Kind, tracking: Tracking) -> str:
        """Return the digest of a document, its kind's schema, and the tags that it must not declare."""
        if kind.name not in self._schemas:
            self._schemas[kind.name] = canonical(kind.schema)
        parts = [self.release, self._schemas[kind.name], tracking.prefix, str(tracking.tags), canonical(document.value)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def has(self, digest: str) -> bool:
        """Return whether an earlier run found the document sound, and remember it for a later one."""
        if digest in self.known:
            self.kept.add(digest)
        return digest in self.known

    def keep(self, digest: str, document: Document, kind: Kind) -> None:
        """Remember a sound document, unless it holds a secret or the name of a variable with one."""
        spec = document.value.get("spec")
        if isinstance(spec, Mapping) and not holds_secret(kind.seal(dict(spec))):
            self.kept.add(digest)
