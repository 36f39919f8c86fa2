"""A resource that exists, with the kind and the names of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.live import Live


@dataclass(frozen=True, slots=True)
class Found:
    """
    A resource that exists.

    Attributes:
        params: The URI parameters.
        live: The answer, secrets sealed.
    """

    kind: Kind
    params: Mapping[str, str]
    live: Live

    @property
    def key(self) -> str:
        """The folded id."""
        return self.kind.resource_id(self.params).lower()
