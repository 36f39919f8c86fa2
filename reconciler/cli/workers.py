"""
``--executor dask``: one task of a Dask cluster for each subscription, and one report of all of them.

Options, paths and ids of subscriptions go to a worker, and a JSON report comes back: no manifest, no live value and no
credential. A worker reads the same files, signs in with its own environment, and does for its subscriptions the work of
the command. One that dies takes its task with it, and the scheduler gives that task to another worker, which reads
before it writes, as every run does. This module alone knows Dask, and imports it only where it is asked for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler import filesystem
from reconciler.cli.arguments import make_run
from reconciler.cli.complaint import complain
from reconciler.cli.delivery import finish
from reconciler.cli.executor import scheduler_of
from reconciler.cli.options import Given
from reconciler.cli.session import supervised
from reconciler.errors import ErrorCode, ErrorInfo, ManifestError, ReportFileError, UsageError
from reconciler.kinds.kind import subscription_in
from reconciler.kinds.live import Health
from reconciler.manifests.shard import MOST, Portion
from reconciler.model.change import Action, Change, Plan, Reason, Sync
from reconciler.model.outcome import Report
from reconciler.plan.exit_codes import ExitCode
from reconciler.report import render, render_merged
from reconciler.report.merge import merged, part_of
from reconciler.report.reread import report_of
from reconciler.runtime import execute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from reconciler.clock import Clock
    from reconciler.manifests.estate import Estate
    from reconciler.runtime.run import Run
    from reconciler.values import JsonObject

_PATIENCE_S: Final = 60.0
"""How long a run waits for a worker while there is none."""
_CONNECT_S: Final = 60
"""For the scheduler to answer."""
_LOOK_S: Final = 1.0
_AT_HOME: Final = frozenset({"process", "output", "report", "verbose", "no_color", "executor", "shard"})
"""The values that stay with the process that was started."""


def run_on_workers(run: Run, given: Given, extra: Mapping[str, Any], *, detailed_exitcode: bool = False) -> int:
    """
    Run a command on workers, write its report, and return the exit code.

    Args:
        run: The arguments of the command.
        given: Its options, which the workers have too.
        extra: The options of the command itself.
        detailed_exitcode: Whether the exit code distinguishes changes.
    """
    try:
        document, signalled = supervised(given, lambda stop: spread(run, given, stop, extra))
    except ManifestError as error:
        return finish(run.failed(error), given)
    except ReportFileError as error:
        return complain(f"not-merged: {error}", ExitCode.FAILURE, (f"fix: {error.fix}",))
    report, text = report_of(document, run.registry), render_merged(document)
    return finish(report, given, signalled, detailed_exitcode=detailed_exitcode, as_json=text)


async def spread(run: Run, given: Given, stop: asyncio.Event, extra: Mapping[str, Any]) -> JsonObject:
    """
    Return the JSON report of a run whose subscriptions are shared among workers.

    Args:
        run: The arguments of the command.
        given: Its options, which the workers have too.
        stop: Set by a signal: no worker begins another PUT then.
        extra: The options of the command itself.

    Raises:
        ManifestError: The manifests are wrong; nothing was sent.
        ReportFileError: Workers are of another version of the program, or read other manifests.
    """
    run.check_environment()
    estate = run.estate()
    portions = _portions(estate)
    if not portions:
        report = await (execute.apply if run.command == "apply" else execute.plan)(run, stop)
        return dict(orjson.loads(render(report, "json")))
    shared = {field.name: getattr(given, field.name) for field in fields(Given) if field.name not in _AT_HOME}
    here = {"folder": str(filesystem.working_folder()), "command": run.command}
    payload = json.dumps({**here, "given": shared, "extra": dict(extra)}, default=str)
    async with _cluster(given.executor, len(portions)) as client:
        texts = await _answers(client, payload, portions, stop, run.clock)
    lost = (render(_unknown(run, estate, each), "json") for each in portions)
    whole = [text if text is not None else other for text, other in zip(texts, lost, strict=True)]
    parts = [part_of(f"shard {each}", text.encode(), run.registry) for each, text in zip(portions, whole, strict=True)]
    return merged(parts, run.registry)


def _portions(estate: Estate) -> list[Portion]:
    """Return the subscriptions of the selected resources, one to a portion unless they are very many."""
    names = sorted({subscription_in(item.key) for item in estate.selected})
    count = min(len(names), MOST)
    return [Portion(number + 1, count, frozenset(names[number::count])) for number in range(count)]


@asynccontextmanager
async def _cluster(executor: str, most: int) -> AsyncIterator[Any]:
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 (an extra, and slow)
    except ImportError:
        message = f"--executor {executor} needs the extra dask: pip install 'reconciler[dask]'"
        raise UsageError(message) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell of each worker that comes and goes
    address = scheduler_of(executor)
    if address is not None:
        try:
            async with Client(address, asynchronous=True, timeout=f"{_CONNECT_S}s") as client:  # type: ignore[no-untyped-call]
                yield client
        except (OSError, TypeError) as error:
            message = f"--executor {executor}: no scheduler answers there"
            raise UsageError(message) from error
        return
    workers = max(1, min(most, os.cpu_count() or 1))
    choices = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "asynchronous": True}
    local = LocalCluster(**choices)  # type: ignore[no-untyped-call]
    async with local as cluster, Client(cluster, asynchronous=True) as client:  # type: ignore[no-untyped-call]
        yield client


async def _answers(
    client: Any, payload: str, portions: Sequence[Portion], stop: asyncio.Event, clock: Clock
) -> list[str | None]:
    """Return the report of each portion; None for one that no worker was left for."""
    from distributed import Event  # noqa: PLC0415

    name = f"reconciler-{secrets.token_hex(8)}"
    stopped: Any = Event(f"{name}-stop", client=client)  # type: ignore[no-untyped-call]
    tasks = [
        asyncio.ensure_future(
            client.submit(
                work, payload, each.number, each.count, sorted(each.subscriptions), stopped.name,
                key=f"{name}-{each.number}", pure=False,
            ).result()
        )
        for each in portions
    ]  # fmt: skip
    last_seen, pending, is_told = clock.monotonic(), {*tasks}, False
    while pending:
        _, pending = await asyncio.wait(pending, timeout=_LOOK_S)
        if stop.is_set() and not is_told:
            await stopped.set()
            is_told = True
        if not pending or (await client.scheduler.identity())["workers"]:
            last_seen = clock.monotonic()
        elif clock.monotonic() - last_seen > _PATIENCE_S:
            break
    for task in pending:
        task.cancel()
    return [_text_of(task) for task in tasks]


def _text_of(task: asyncio.Future[str]) -> str | None:
    """Return the answer of a task; None without one, as its workers were lost."""
    if not task.done() or task.cancelled():
        return None
    error = task.exception()
    if error is None:
        return task.result()
    if type(error).__name__ == "KilledWorker":
        return None
    raise error


def _unknown(run: Run, estate: Estate, portion: Portion) -> Report:
    """Return the report of resources whose workers are gone."""
    message = "no worker of the cluster was left to read it"
    error = ErrorInfo(ErrorCode.UNREACHABLE, message, fix="start workers, and run again")
    changes = (
        Change(item, Action.UNKNOWN, Reason.READ_FAILED, Sync.UNKNOWN, Health.UNKNOWN, error=error)
        for item in estate.selected
        if portion.holds(subscription_in(item.key))
    )
    run = replace(run, options=replace(run.options, shard=portion))
    now, about = run.clock.now(), run.about(estate.project.name, estate.sources)
    return Report(run.command, now, now, Plan(tuple(changes)), warnings=estate.warnings, about=about)


# -------------------------------------------------------------------------------------------------------- in a worker


def work(payload: str, number: int, count: int, subscriptions: Sequence[str], stopped: str) -> str:
    """Return the JSON report of some subscriptions, by the options of the process that was started."""
    asked = json.loads(payload)
    here = str(filesystem.working_folder())
    if asked["folder"] != here:
        message = f"this worker runs in {here}: start it in {asked['folder']}, with the same files"
        raise UsageError(message)
    paths = {"state_dir", "metrics_file"}
    values: dict[str, Any] = {
        name: Path(value) if name in paths and value is not None else _tuples(value)
        for name, value in asked["given"].items()
    }
    portion = Portion(number, count, frozenset(subscriptions))
    return asyncio.run(_worked(asked["command"], Given(**values, shard=portion), asked["extra"], stopped))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


async def _worked(command: str, given: Given, extra: Mapping[str, Any], stopped: str) -> str:
    stop = asyncio.Event()
    watch = asyncio.ensure_future(_watch(stopped, stop))
    try:
        run = make_run(command, given, signs=command != "drift", republish=tuple(extra.get("republish", ())))
        options = replace(run.options, repair=tuple(extra.get("repair", ())))
        run = replace(run, only_drift=bool(extra.get("only_drift")), options=options)
        report = await (execute.apply if command == "apply" else execute.plan)(run, stop)
        return render(report, "json")
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(name: str, stop: asyncio.Event) -> None:
    """Set *stop* when the process that was started is told to stop."""
    from distributed import Event, get_client  # noqa: PLC0415

    event: Any = Event(name, client=get_client())  # type: ignore[no-untyped-call]
    while not await asyncio.to_thread(event.wait, f"{_LOOK_S}s"):
        pass
    stop.set()
