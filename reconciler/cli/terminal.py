"""How wide a text is. Imports nothing that ``--help`` would wait for."""

from __future__ import annotations

import os
from typing import Final

_NARROWEST: Final = 40
_USUAL: Final = 80
"""Columns of a help text where there is no terminal."""


def columns(stated: int | None = None) -> int | None:
    """
    Return the columns of the terminal; None without one.

    Args:
        stated: The columns that the user declares, which take precedence.
    """
    found = stated or _terminal_columns()
    return max(_NARROWEST, found) if found else None


def help_width(found: int | None) -> int:
    """Return the width of a help text on a terminal of so many columns."""
    return max(50, min(found or _USUAL, 110) - 2)


def _terminal_columns() -> int:
    """Return the columns of the terminal, 0 without one. Not by shutil, which imports every archive format."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0
