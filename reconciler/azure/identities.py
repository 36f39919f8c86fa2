"""
Finds out whether Azure can read the packages of a resource with a managed identity: that of its top-level parent.

A gallery with an identity reads packages from private storage by plain links ("Create and deploy VM applications",
learn.microsoft.com). Galleries whose identity the run does not know yet are read once, and only when it matters.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler.errors import RequestError
from reconciler.kinds.kind import folded_id
from reconciler.manifests.access import has_identity, top_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.azure.client import ArmReader
    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired

_LOG: Final = logging.getLogger("reconciler.azure")


@dataclass(slots=True)
class Identities:
    """
    The managed identities of one run.

    Attributes:
        arm: Reads the top-level resources that are not known.
        kinds: By name.
        known: By folded id of a top-level resource, whether it has an identity.
    """

    arm: ArmReader
    kinds: Mapping[str, Kind]
    known: dict[str, bool] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def exist_for(self, desired: Desired) -> bool:
        """Return whether the top-level parent of a resource has an identity; False where that cannot be read."""
        top = top_level(desired.id)
        key = folded_id(top)
        async with self._lock:
            if key not in self.known:
                self.known[key] = await self._is_live(top, desired.kind)
            return self.known[key]

    async def _is_live(self, top: str, kind: Kind) -> bool:
        while kind.parent is not None:
            kind = self.kinds[kind.parent]
        try:
            return has_identity(await self.arm.get_newest(kind, top))
        except RequestError as error:
            _LOG.info("%s: it cannot be read (%s); assuming that it has no managed identity", top, error.info.code)
            return False
