"""Which build this is. The commit tells two builds of one version apart."""

from __future__ import annotations

import contextlib
import importlib.metadata

from reconciler import __version__, filesystem
from reconciler.errors import UsageError
from reconciler.history.git import Repository


def build_version() -> str:
    """
    Return the version with the first seven digits of the commit, as ``0.1.0+c52f407``, where that is known.

    A checkout asks git, as it moves on after it was installed. Everything else was told when it was built.
    """
    checkout = filesystem.real(__file__).parent.parent.parent
    if filesystem.is_there(checkout / ".git"):
        commit = None
        with contextlib.suppress(UsageError):  # no git, or one that refuses the checkout
            commit = Repository.around(checkout).commit_of("HEAD")
        return f"{__version__}+{commit[:7]}" if commit else __version__
    try:
        return importlib.metadata.version("reconciler")
    except importlib.metadata.PackageNotFoundError:
        return __version__
