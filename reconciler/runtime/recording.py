"""The recording of rounds by this process: the history, and the notices that follow from it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import orjson

from reconciler import filesystem
from reconciler.azure.polling import Interrupted
from reconciler.azure.stopping import unless_stopped
from reconciler.errors import PathError
from reconciler.service.delivery import Delivery
from reconciler.service.history import History

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from reconciler.runtime.run import Run
    from reconciler.service.round import Round


@dataclass(frozen=True, slots=True)
class Recording:
    """
    The history that this process writes, and the delivery of its notices.

    Attributes:
        history: None where none is written.
        delivery: The same.
    """

    history: History | None = None
    delivery: Delivery | None = None

    def take(self, ended: Round) -> Round:
        """Add a round to the history; return it, with warnings where that failed."""
        if self.history is None:
            return ended
        warnings = self.history.record(ended)
        if self.delivery is not None:
            self.delivery.wake.set()
        report = ended.report
        return replace(ended, report=replace(report, warnings=(*report.warnings, *warnings))) if warnings else ended

    async def send(self, stop: asyncio.Event) -> None:
        """Send the notices that are due, each once; for a process that ends afterwards."""
        if self.delivery is not None:
            with contextlib.suppress(Interrupted):
                await unless_stopped(self.delivery.send(), stop)

    @asynccontextmanager
    async def sending(self, interval_s: float) -> AsyncIterator[None]:
        """Send notices beside the work of the context, and close the history at its end."""
        task = asyncio.ensure_future(self.delivery.run(interval_s)) if self.delivery is not None else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self.close()

    def close(self) -> None:
        """Close the history."""
        if self.history is not None:
            self.history.close()


async def recorded(work: Awaitable[Round], kept: Recording, stop: asyncio.Event) -> Round:
    """Return the one round of a process, in the history, once its notices were sent as far as possible."""
    try:
        ended = kept.take(await work)
        await kept.send(stop)
    finally:
        kept.close()
    return ended


def recording(run: Run, folder: Path | None, days: float, after: int, source: str) -> Recording:
    """
    Return the recording of a run; without a folder, one that keeps nothing.

    Args:
        run: Names what its rounds are about.
        folder: Of the history.
        days: How long an entry is kept.
        after: In how many rounds in a row a difference is seen, or missing, before its episode begins, or ends.
        source: A name for the repository of the manifests; empty for the working folder.
    """
    if folder is None:
        return Recording()
    history = History(folder, scope_of(run, source), run.clock, days, after)
    values = run.environment.values
    return Recording(history, Delivery(history, run.options.permits.secrets, values, run.clock, Random()))  # noqa: S311 (spreads retries)


def scope_of(run: Run, source: str = "") -> str:
    """Return a name for what the rounds of a run are about: a manifest that they do not have is gone."""
    options, connection = run.options, run.connection
    paths = sorted(map(_absolute, options.paths))
    config = _absolute(options.config) if options.config else None
    about = [source, paths, config, options.environment, connection.cloud, connection.endpoint]
    return hashlib.sha256(orjson.dumps(about)).hexdigest()[:16]


def _absolute(path: str) -> str:
    try:
        return str(filesystem.absolute(path))
    except PathError:  # the working folder was deleted
        return path
