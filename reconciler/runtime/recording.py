"""The recording of rounds by this process: the history, and the notices that follow from it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Final

import orjson

from reconciler import filesystem
from reconciler.azure.polling import Interrupted
from reconciler.azure.stopping import unless_stopped
from reconciler.errors import OutputError, PathError
from reconciler.problems import Problem
from reconciler.runtime.output import write_file
from reconciler.service.episodes import oldest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.runtime.run import Run
    from reconciler.service.delivery import Delivery
    from reconciler.service.history import History
    from reconciler.service.metrics import Metrics
    from reconciler.service.round import Round
    from reconciler.service.status import Status

_MOST_METRICS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Recording:
    """
    The history that this process writes, and the delivery of its notices.

    Attributes:
        history: None where none is written.
        delivery: The same.
        metrics: None without a listener and a metrics file.
        metrics_file: Gets the metrics after each round; None for no file.
        status: Of a loop that is seen from outside; None for any other.
    """

    clock: Clock
    history: History | None = None
    delivery: Delivery | None = None
    metrics: Metrics | None = None
    metrics_file: Path | None = None
    status: Status | None = None

    def take(self, ended: Round) -> Round:
        """Add a round to history and metrics; return it, with warnings where that failed."""
        warnings: tuple[Problem, ...] = ()
        if self.history is not None:
            warnings = self.history.record(ended)
        if self.delivery is not None:
            self.delivery.wake.set()
        if self.metrics is not None:
            warnings = (*warnings, *self._measured(ended, self.metrics))
        if warnings:
            report = ended.report
            ended = replace(ended, report=replace(report, warnings=(*report.warnings, *warnings)))
        if self.status is not None:
            self.status.take(ended)
        return ended

    def _measured(self, ended: Round, metrics: Metrics) -> Iterator[Problem]:
        """Add a round to the metrics, and write their file; yield a warning where that fails."""
        book = self.history.memory.book.episodes.values() if self.history is not None else ()
        metrics.take(ended, self.clock.now(), oldest(book), knows_age=self.history is not None)
        if self.metrics_file is None:
            return
        try:
            write_file(self.metrics_file, metrics.text())
        except OutputError as error:
            fix = "correct --metrics-file, or make room on its disk"
            yield Problem(str(self.metrics_file), None, None, "", "metrics-unwritable", str(error), fix)

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


@dataclass(frozen=True, slots=True)
class Keeping:
    """
    The user's choices about what rounds leave behind.

    Attributes:
        folder: Of the history; None for no history.
        days: How long an entry of it is kept.
        after: In how many rounds in a row a difference is seen, or missing, before its episode begins, or ends.
        metrics_file: None for no file.
        source: A name for the repository of the manifests; empty for the working folder.
        interval_s: Of a loop that is seen from outside; None for any other.
    """

    folder: Path | None = None
    days: float = 90.0
    after: int = 2
    metrics_file: Path | None = None
    source: str = ""
    interval_s: float | None = None


def recording(run: Run, keeping: Keeping) -> Recording:
    """Return the recording of a run; what it does not need is not imported."""
    metrics = _metrics(keeping) if keeping.metrics_file is not None or keeping.interval_s is not None else None
    status = None
    if metrics is not None and keeping.interval_s is not None:
        from reconciler.service.status import Status  # noqa: PLC0415 (for a loop that is seen from outside)

        status = Status(run.clock, keeping.interval_s, metrics, keeping.folder)
    history, delivery = None, None
    if keeping.folder is not None:
        from reconciler.service.delivery import Delivery  # noqa: PLC0415 (imports libraries for notices)
        from reconciler.service.history import History  # noqa: PLC0415

        history = History(keeping.folder, scope_of(run, keeping.source), run.clock, keeping.days, keeping.after)
        values = run.environment.values
        chance = Random()  # noqa: S311 (spreads retries)
        delivery = Delivery(history, run.options.permits.secrets, values, run.clock, chance)
    return Recording(run.clock, history, delivery, metrics, keeping.metrics_file, status)


def _metrics(keeping: Keeping) -> Metrics:
    """Return metrics that go on with the counts of the file, if there is one."""
    from reconciler.service.metrics import Metrics  # noqa: PLC0415 (imports a library)

    made = Metrics()
    if keeping.metrics_file is not None:
        with contextlib.suppress(PathError):
            made.resume(filesystem.read(keeping.metrics_file, _MOST_METRICS_BYTES).decode("utf-8", "replace"))
    return made


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
