"""Where a rollout stands: the step that a version is at, what it waits for, and the steps to come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Awaited(StrEnum):
    """A condition that the end of a step waits for."""

    REPLICATION = "replication"
    SOAK = "soak"
    WINDOW = "window"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class StepToCome:
    """
    A step that the rollout has yet to begin.

    Attributes:
        number: Counted from 1.
        regions: That it adds to the version; none for the step that ends the exclusion from ``latest``.
        is_latest: Whether it is that step.
        soak: How long it lasts at least.
        window: The window in which it may end.
    """

    number: int
    regions: tuple[str, ...]
    is_latest: bool
    soak: timedelta
    window: str | None


@dataclass(frozen=True, slots=True)
class RolloutState:
    """
    The place of a version in its rollout.

    Attributes:
        step: Counted from 1: that of the PUT that is due, else the one that the version is at.
        of: How many steps there are, implied ones included.
        regions: That the step adds, or has added.
        until: When the wait ends, where that is known.
        waits_for: None where a PUT is due, or the rollout is stopped.
        stopped: Why it is stopped; None where it is not.
        to_come: The steps after this one that change the version.
        is_latest: Whether the step ends the exclusion from ``latest``.
        so_far: The declared regions of the steps up to this one.
        mark: The tag of the step that the version is at; empty where that is not known.
        note: A remark on the wait; empty without one.
    """

    step: int
    of: int
    regions: tuple[str, ...] = ()
    until: datetime | None = None
    waits_for: Awaited | None = None
    stopped: str | None = None
    to_come: tuple[StepToCome, ...] = ()
    is_latest: bool = False
    so_far: tuple[str, ...] = ()
    mark: str = ""
    note: str = ""
