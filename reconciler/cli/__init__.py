"""The command line."""

from reconciler.cli.front import main

__all__ = ["main"]
