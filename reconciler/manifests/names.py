"""Names of manifests. Pure."""

from __future__ import annotations

from typing import Final

SUFFIXES: Final = (".yaml", ".yml")
"""Of files that a walk reads."""
