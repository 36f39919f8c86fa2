"""Error of a mutant or a planted bug whose code has moved."""

from __future__ import annotations


class StaleError(ValueError):
    """A rule is not where its mutant looks for it, or breaking it there changes nothing."""
