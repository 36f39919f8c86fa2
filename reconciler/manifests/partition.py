"""
An estate in partitions: each is read and decided by itself, and the results are added. Pure.

Any cut gives the same plan, provided that one partition holds a resource, its selected parents, and the selected
resources of the same list: all resources of a subscription below one root, or in the list of one root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired


@dataclass(frozen=True, slots=True)
class Partition:
    """
    Resources that are read and decided together.

    Attributes:
        key: The subscription, and the folded id of the root or of its list; both empty for the whole estate.
        desired: The selected resources.
    """

    key: tuple[str, str]
    desired: Sequence[Desired]


Cut: TypeAlias = "Callable[[Estate], Sequence[Partition]]"


def whole(estate: Estate) -> tuple[Partition]:
    """Return the selected resources of an estate as one partition."""
    return (Partition(("", ""), estate.selected),)
