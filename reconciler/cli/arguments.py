"""The options of one call as the values that the work takes. Reads standard input and the environment, no file."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler import filesystem
from reconciler.clock import SystemClock
from reconciler.manifests.estate import Options
from reconciler.manifests.yaml12 import STREAM
from reconciler.runtime.run import Run
from reconciler.settings import Custom, connection, permitted

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.cli.options import Given
    from reconciler.manifests.permits import Permits
    from reconciler.runtime.recording import Recording
    from reconciler.settings import Connection


def make_run(name: str, given: Given, *, signs: bool = False, republish: tuple[str, ...] = ()) -> Run:
    """
    Return the arguments of a command that reads manifests.

    Args:
        name: Of the command.
        given: The values of the shared options.
        signs: Whether the command sends, or plans, PUTs with signatures of the project's storage rules.
        republish: ``KIND/NAME`` of each resource that is PUT once without a difference.

    Raises:
        UsageError: A value is wrong, or does not go with another.
    """
    chosen = connection_of(given)
    options = Options(
        paths=given.paths or ("manifests",),
        config=given.config,
        environment=given.environment,
        targets=given.target,
        labels=dict(given.selector),
        concurrency=given.concurrency,
        max_puts=given.max_puts,
        adopt=not given.no_adopt,
        take_over=given.take_over,
        allow_latest_lost=given.allow_latest_lost,
        impact=given.impact,
        shard=given.shard,
        reader=given.reader,
        health=given.health or given.wait == "replicated",
        wait_replicated=given.wait == "replicated",
        wait_rolled_out=given.wait == "rolled-out",
        republish=republish,
        resume=given.resume,
        allow_empty=given.allow_empty,
        permits=permits_of(given),
        signs=signs,
    )
    run = Run(
        command=name,
        options=options,
        connection=chosen,
        environment=given.process,
        clock=SystemClock(),
        stdin=_stdin(options.paths),
        poll_interval_s=chosen.default_poll_interval_s if given.poll_interval is None else given.poll_interval,
        timeout_s=given.timeout,
        changed_since=given.changed_since,
    )
    return run if given.cache is None else _cached(run, given.cache)


def _cached(run: Run, folder: Path) -> Run:
    """Return a run with its cache in a folder."""
    from reconciler.runtime.cache import open_cache  # noqa: PLC0415 (for runs that read Azure)
    from reconciler.runtime.recording import scope_of  # noqa: PLC0415 (imports asyncio: not for `validate`)

    return replace(run, cache=open_cache(folder, scope_of(run)))


def recording_of(run: Run, given: Given, source: str = "", interval_s: float | None = None) -> Recording:
    """
    Return the recording of the rounds of *run*.

    Args:
        run: The arguments of the command.
        given: The values of the shared options.
        source: A name for the repository of the manifests; empty for the working folder.
        interval_s: Of a loop that is seen from outside; None for any other.
    """
    from reconciler.runtime.recording import Keeping, recording  # noqa: PLC0415 (imports asyncio: not for `validate`)

    folder, metrics = (
        filesystem.absolute(path) if path is not None else None for path in (given.state_dir, given.metrics_file)
    )
    return recording(run, Keeping(folder, given.history_days, given.episode_after, metrics, source, interval_s))


def connection_of(given: Given) -> Connection:
    """Return the ARM to speak to; UsageError if its options do not fit each other."""
    custom = Custom(given.authority, given.audience, given.blob_suffix)
    return connection(given.cloud, given.endpoint, given.credential, custom)


def permits_of(given: Given) -> Permits:
    """Return the operator's permissions, of options and variables and never of a file; UsageError if one is wrong."""
    azure = connection_of(given).azure
    return permitted(azure, given.process, given.storage_host, given.allowed_scope)


def _stdin(paths: tuple[str, ...]) -> bytes:
    """Read standard input where a path names it; here, as a signal still ends the process by itself."""
    return sys.stdin.buffer.read(STREAM.size + 1) if "-" in paths and sys.stdin is not None else b""
