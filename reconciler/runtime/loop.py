"""The loop as a process: its folder, its signals, and the report of each round."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.azure.polling import Interrupted
from reconciler.errors import ManifestError, OutputError, PathError, ReconcilerError
from reconciler.manifests.unchanged import Unchanged
from reconciler.model.outcome import Report, always
from reconciler.plan.exit_codes import ExitCode, of_error
from reconciler.problems import Problem
from reconciler.runtime import execute
from reconciler.runtime.failure import described
from reconciler.runtime.lock import open_lock
from reconciler.runtime.signals import on_hangup
from reconciler.service.gate import Gate
from reconciler.service.round import round_of
from reconciler.service.rounds import Pace, Retries, run_rounds
from reconciler.settings import Environment, secrets_withheld

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from reconciler.runtime.lock import LockPlace
    from reconciler.runtime.repository import Watched
    from reconciler.runtime.run import Run
    from reconciler.service.keeper import Keeper
    from reconciler.service.round import Round

_LOG: Final = logging.getLogger("reconciler.loop")
_CODES: Final = {ExitCode.BUG: "internal-error", ExitCode.USAGE: "usage"}
"""Of a failed round, by the exit code that the same error has outside the loop."""


@dataclass(frozen=True, slots=True)
class Service:
    """
    The operator's choices for the loop.

    Attributes:
        interval_s: From the end of one round to the start of the next, on average.
        report_only: Whether rounds report drift, and write nothing.
        hold_file: While there is anything at this path, rounds only report.
        watched: The repository that is fetched; None for the working folder.
        lock: Of the one writer; None where nothing is written.
        chance: Spreads the intervals.
    """

    interval_s: float = 300.0
    report_only: bool = False
    hold_file: Path | None = None
    watched: Watched | None = None
    lock: LockPlace | None = None
    chance: Random = field(default_factory=Random)


@dataclass(frozen=True, slots=True)
class _Process:
    """
    The things that all rounds of one process share.

    Attributes:
        folder: The working folder, by the name that it was started in.
        keeper: Of the lock; None where nothing is written.
    """

    run: Run
    service: Service
    folder: Path
    stop: asyncio.Event
    keeper: Keeper | None


@asynccontextmanager
async def _process(run: Run, service: Service, stop: asyncio.Event) -> AsyncIterator[_Process]:
    """Keep the lock during the block."""
    folder = filesystem.working_folder(run.environment.values.get("PWD"))
    if service.lock is None:
        yield _Process(run, service, folder, stop, None)
        return
    keeper = open_lock(service.lock, run.connection, run.environment, run.clock)
    with secrets_withheld():
        async with keeper.kept(stop):
            yield _Process(run, service, folder, stop, keeper)


async def once(run: Run, service: Service, stop: asyncio.Event) -> Round:
    """Do one round; its errors are those of ``apply`` or ``drift``."""
    async with _process(run, service, stop) as process:
        return await timed(run, _act(process))


async def timed(run: Run, work: Awaitable[Report]) -> Round:
    """Return the round whose report *work* returns."""
    began = run.clock.monotonic()
    report = await work
    return round_of(report, run.clock.monotonic() - began)


async def _act(process: _Process, retries: Retries | None = None) -> Report:
    """Do a round with the manifests in the working folder, or with those of the commit in force."""
    run, watched, folder = process.run, process.service.watched, process.folder
    if watched is None:
        return await _write(process, run, retries)
    started = run.clock.now()
    try:
        found = await watched.look(partial(_readable, run), process.stop)
        if found.tree is None or found.commit is None:
            errors = (*((found.rejected,) if found.rejected else ()), *found.mistakes)
            return Report(run.command, started, run.clock.now(), errors=errors, about=run.about(None))
        filesystem.enter(found.tree)
        report = await _write(process, _of_commit(run, found.commit, folder), retries)
    finally:
        filesystem.enter(folder)
    warnings = (*report.warnings, *((found.rejected,) if found.rejected else ()))
    return replace(report, started_at=started, warnings=warnings)


def _readable(run: Run) -> None:
    """Read the manifests in the working folder; ManifestError or UsageError if that fails."""
    run.check_environment()
    run.estate()


def _of_commit(run: Run, commit: str, folder: Path) -> Run:
    """Return a run that knows the commit of its manifests, and whose files stay those of *folder*."""
    state = str(folder / run.environment.emulator_state())
    own = {"RECONCILER_COMMIT": commit, "RECONCILER_EMULATOR_STATE": state}
    return replace(run, environment=Environment({**run.environment.values, **own}))


async def _write(process: _Process, run: Run, retries: Retries | None) -> Report:
    service, keeper = process.service, process.keeper
    if service.report_only:
        return await execute.plan(run, process.stop, retries)
    gate = Gate(run.clock, service.hold_file, keeper.held if keeper is not None else always)
    report = await execute.apply(run, process.stop, retries, gate)
    trouble = keeper.trouble() if keeper is not None else None
    return replace(report, warnings=(*report.warnings, trouble)) if trouble is not None else report


async def rounds(run: Run, service: Service, emit: Callable[[Round], None], stop: asyncio.Event) -> None:
    """
    Run rounds until the process is interrupted. A failed round is reported, and the next one follows.

    Raises:
        PathError: The working folder was deleted before the first round.
    """
    wake = asyncio.Event()

    def tell(ended: Round) -> None:
        try:
            emit(ended)
        except ReconcilerError:
            raise
        except Exception as error:
            raise OutputError(described(error)) from error

    async with _process(replace(run, unchanged=Unchanged()), service, stop) as process:
        with on_hangup(wake.set):
            pace = Pace(run.clock, service.interval_s, stop, wake, service.chance)
            await run_rounds(partial(_round, process), tell, pace)


async def _round(process: _Process, retries: Retries) -> Report:
    run, started = process.run, process.run.clock.now()
    try:
        filesystem.enter(process.folder)  # a deployment may have replaced it since
        return await _act(process, retries)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 (a loop outlives any error of a round)
        return run.failed(ManifestError([_of_round(run, error)]), started)


def _of_round(run: Run, error: Exception) -> Problem:
    """Return the problem of a failed round: a commit may have removed a path of the command line, for example."""
    _LOG.debug("a round failed", exc_info=error)
    if isinstance(error, PathError):
        return Problem(error.path, None, None, "", "unreadable", f"it cannot be used: {error.reason}")
    code = _CODES.get(of_error(error), "round-failed")
    return Problem(run.options.paths[0], None, None, "", code, described(error))
