"""Why a round could not write, and when the next one can, in words. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.report.view import Held


def held_words(held: Held | None) -> str:
    """Return in words why a round could not write, and when the next one can; empty where it could."""
    if held is None:
        return ""
    by = f" ({held.holder})" if held.holder else ""
    if held.by == "window":
        after = f"the next window opens on {_spoken(held.until)}" if held.until else "no window opens within a year"
        return f"Held by the schedule{by}: rounds only report; {after}."
    if held.by == "lock":
        return f"Held by the lock of {held.holder or 'another process'}: rounds only report until it is free."
    return f"Held by the hold file{by}: rounds only report until it is removed."


def _spoken(instant: str) -> str:
    """Return an instant as people say it: 2026-12-02T06:00:00Z is Wednesday 2 December 2026 at 06:00 UTC."""
    moment = datetime.fromisoformat(instant)
    return f"{moment:%A} {moment.day} {moment:%B %Y} at {moment:%H:%M} UTC"
