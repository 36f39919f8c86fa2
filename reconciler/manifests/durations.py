"""Durations as the project file writes them: a whole number, and s, m, h or d. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_WRITTEN: Final = re.compile(r"([0-9]{1,7})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta | None:
    """Return the duration that *text* writes, such as ``90m``; None if it writes none."""
    found = _WRITTEN.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
