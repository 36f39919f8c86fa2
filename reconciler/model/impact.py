"""Who a plan affects: the machines and scale sets behind each move of ``latest``, and behind versions it retires."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.change import LatestMove


@dataclass(frozen=True, slots=True)
class Followers:
    """
    Those in one region that a move of ``latest`` concerns.

    Attributes:
        machines: Machines that name ``latest``.
        scale_sets: Scale sets that do.
        automatic: Those of both that upgrade by themselves.
        pinned: Machines and scale sets that name the version before by its number.
    """

    machines: int
    scale_sets: int
    automatic: int
    pinned: int


@dataclass(frozen=True, slots=True)
class Pinned:
    """Those that name a version by its number, in any region."""

    machines: int
    scale_sets: int


@dataclass(frozen=True, slots=True)
class Impact:
    """
    The impact of a plan.

    Attributes:
        moves: By move; None where Resource Graph did not tell.
        retired: By folded id of a version that goes out of use; likewise.
    """

    moves: Mapping[LatestMove, Followers | None] = field(default_factory=dict)
    retired: Mapping[str, Pinned | None] = field(default_factory=dict)
