"""Resources that are known before their manifests are read: those of files that did not change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.model.desired import Desired


@dataclass(frozen=True, slots=True)
class Settled:
    """
    Resources whose manifests are not read again.

    Attributes:
        desired: The resources.
        files: Their manifests, by the absolute paths where they would be read.
    """

    desired: tuple[Desired, ...] = ()
    files: frozenset[str] = frozenset()

    @property
    def identities(self) -> frozenset[tuple[str, str]]:
        """Kind and name of each."""
        return frozenset((item.kind.name, item.name) for item in self.desired)


NOTHING: Final = Settled()
