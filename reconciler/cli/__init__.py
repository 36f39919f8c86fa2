"""The command line."""

from reconciler.cli.program import main

__all__ = ["main"]
