"""How much of a report a format has room for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    The room of one format.

    Attributes:
        for_people: Whether the view has words; without them it is exact, and holds everything.
        resources: The number of resources; None for all.
        in_sync: Whether resources of which there is nothing to report are among them.
        line: Characters of a line, which path, values and remarks of a difference share; 0 without lines.
        value: Characters of a value, for a format that wraps them.
        lines: Lines of the difference between two texts.
    """

    for_people: bool = True
    resources: int | None = None
    in_sync: bool = False
    line: int = 0
    value: int = 0
    lines: int = 0
