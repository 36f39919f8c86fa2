"""Words for whom a plan affects. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.verdict import count

if TYPE_CHECKING:
    from reconciler.model.impact import Followers, Pinned

UNKNOWN: Final = "unknown"
"""Stands for an impact that Resource Graph did not tell."""


def followers_of(impact: Followers | str, before: str | None) -> str:
    """Return whom a move of ``latest`` concerns, as a clause."""
    if isinstance(impact, str):
        return "impact unknown: Resource Graph did not answer, or the identity may not ask it"
    both = f"{count(impact.machines, 'machine')} and {count(impact.scale_sets, 'scale set')}"
    pins = f"; {impact.pinned} pin {before}" if before is not None else ""
    return f"{both} follow latest there, {impact.automatic} upgrade by themselves{pins}"


def pinned_of(impact: Pinned | str) -> str:
    """Return who names a version that goes out of use, as a clause."""
    if isinstance(impact, str):
        return "impact unknown: Resource Graph did not answer, or the identity may not ask it"
    return f"{count(impact.machines, 'machine')} and {count(impact.scale_sets, 'scale set')} pin this version"
