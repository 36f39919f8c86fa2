"""Whether a round may write: the hold file, the windows of the schedule and the lock, in that order. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.manifests.windows import closed
from reconciler.model.outcome import Held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from reconciler.manifests.windows import Window

_SHOWN: Final = 200


def held_by(hold: str | None, windows: Sequence[Window], lock: Held | None, now: datetime) -> Held | None:
    """
    Return why nothing may be written now; None where it may.

    Args:
        hold: The text of the hold file; None where there is none.
        windows: Of the commit in force.
        lock: Why the lock does not allow it.
        now: The time of day.
    """
    if hold is not None:
        return Held("hold-file", _first_line(hold))
    shut = closed(windows, now) if windows else None
    if shut is not None:
        return Held("window", shut.window.name if shut.window else None, shut.until)
    return lock


def _first_line(text: str) -> str | None:
    return next(iter(text.strip().splitlines()), "")[:_SHOWN] or None
