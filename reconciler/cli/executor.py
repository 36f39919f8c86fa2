"""The name of an executor, checked before anything is read; the workers themselves are in another module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError
from reconciler.http.origin import folded_host, is_loopback_host

if TYPE_CHECKING:
    from reconciler.cli.options import Given

LOCAL: Final = "local"
_DASK: Final = "dask"


def check_executor(given: Given, *conflicts: str) -> None:
    """
    Refuse an executor that does not exist, or does not go with another option.

    Args:
        given: The values of the shared options.
        conflicts: The options of the command that were given, and need the whole estate in one process.

    Raises:
        UsageError: It is so.
    """
    if given.executor == LOCAL:
        return
    scheduler_of(given.executor)
    others = ["--shard"] if given.shard is not None else []
    others += ["standard input"] if "-" in given.paths else []
    others += ["--state-dir"] if given.state_dir is not None else []
    others += ["--metrics-file"] if given.metrics_file is not None else []
    for each in (*others, *conflicts):
        message = f"--executor {given.executor} cannot be combined with {each}"
        raise UsageError(message)


def scheduler_of(executor: str) -> str | None:
    """
    Return the address of the scheduler; None for a cluster of this machine.

    Raises:
        UsageError: It is no executor.
    """
    name, _, place = executor.partition("://")
    host, colon, port = place.rpartition(":")
    if executor == _DASK:
        return None
    if name != _DASK or not colon or folded_host(host) is None or not (port.isascii() and port.isdecimal()):
        message = f"--executor {executor} is none: write local, dask, or dask://HOST:PORT of a scheduler"
        raise UsageError(message)
    return f"{'tcp' if is_loopback_host(host) else 'tls'}://{place}"
