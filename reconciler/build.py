"""Which build this is. The commit tells two builds of one version apart."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from reconciler import __version__
from reconciler.shell.git import commit_of


def build_version() -> str:
    """
    Return the version with the first seven digits of the commit, as ``0.1.0+c52f407``, where that is known.

    A checkout asks git, as it moves on after it was installed. Everything else was told when it was built.
    """
    checkout = Path(__file__).parent.parent
    if (checkout / ".git").exists():
        commit = commit_of(checkout, "HEAD")
        return f"{__version__}+{commit[:7]}" if commit else __version__
    try:
        return importlib.metadata.version("reconciler")
    except importlib.metadata.PackageNotFoundError:
        return __version__
