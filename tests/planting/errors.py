"""What the mutants and the planted bugs raise where the code has moved away from them."""

from __future__ import annotations


class StaleError(ValueError):
    """A rule is not where its mutant looks for it, or breaking it there changes nothing."""
