"""The commands that read Azure, from their arguments to their report."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler import filesystem, pipeline
from reconciler.azure.gates import Gates
from reconciler.azure.polling import Interrupted, Patience
from reconciler.azure.stopping import unless_stopped
from reconciler.errors import (
    ManifestError,
    PathError,
    PlanFileError,
    RequestError,
    SnapshotFileError,
    UsageError,
)
from reconciler.http.spans import span
from reconciler.manifests.access import Grant
from reconciler.model.outcome import Report
from reconciler.pipeline import Task
from reconciler.plan import saved as saved_plan
from reconciler.plan import snapshot
from reconciler.plan.checksum import MOST_BYTES
from reconciler.plan.decide import Memory
from reconciler.plan.held import withheld_plan
from reconciler.plan.impact import impact_of, is_asked
from reconciler.plan.offers import offered
from reconciler.plan.sign_in import stated_once
from reconciler.plan.usage import references
from reconciler.problems import STOPPED, Problem
from reconciler.runtime.connect import open_blobs, open_graph, open_reader, open_writer
from reconciler.runtime.output import write_file
from reconciler.runtime.progress import shown
from reconciler.runtime.run import given_endpoint
from reconciler.service.gate import Gate
from reconciler.service.round import outcome_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmReader
    from reconciler.manifests.estate import Estate
    from reconciler.model.about import About
    from reconciler.model.outcome import Held
    from reconciler.pipeline import Reading
    from reconciler.runtime.run import Run
    from reconciler.service.rounds import Retries


async def plan(run: Run, stop: asyncio.Event, retries: Retries | None = None) -> Report:
    """Plan, or report drift, through a client that cannot write."""

    async def read(estate: Estate, about: About) -> Report:
        if run.snapshot is not None:
            return await _offline(run, estate, run.snapshot, about)
        saved, known = _saved_plan(run, estate), (retries.windows, retries.versions) if retries else ()
        async with open_reader(run.connection, run.environment, run.clock, *known) as arm:
            reading = await unless_stopped(pipeline.plan(_task(run, estate, retries), arm, saved), stop)
        if run.out is not None:
            write_file(run.out, pipeline.saved_text(reading, run.clock.now(), about), private=True)
        return _report(run, reading, arm, about)

    return await _with_estate(run, read)


async def _offline(run: Run, estate: Estate, file: Path, about: About) -> Report:
    """Plan by a snapshot: nothing is requested, and no sign-in is needed."""
    content = _artifact("--against-snapshot", file)
    found = snapshot.read(content, run.registry, estate.project.name, run.options.environment)
    remarks = found.remarks(str(file), run.clock.now())
    reading = await pipeline.plan_against(_task(run, estate), found, remarks)
    about = replace(about, cloud=found.cloud, endpoint=given_endpoint(found.cloud, found.endpoint))
    return _report(run, reading, None, about)


async def apply(run: Run, stop: asyncio.Event, retries: Retries | None = None, gate: Gate | None = None) -> Report:
    """Plan afresh and apply it; where *gate* does not let anything be written, report only."""
    gate = Gate(run.clock) if gate is None else gate

    async def write(estate: Estate, about: About) -> Report:
        if run.command == "run":
            gate.schedule = estate.project.schedule
        held = gate.held()
        if held is not None:
            return await _held(run, estate, about, held, stop, retries)
        saved, grants = _saved_plan(run, estate), _grants(run, estate)
        memory = retries.memory(estate.selected) if retries else Memory()
        known = (retries.windows, retries.versions) if retries else ()
        commit = about.commit if estate.project.tracking.tags else None
        gates = _gates(run, estate, retries)
        task = replace(_task(run, estate, retries), commit=commit, memory=memory, permit=gate.permit, gates=gates)
        patience = Patience(run.clock, run.poll_interval_s, run.timeout_s, stop)
        async with (
            open_writer(run.connection, run.environment, run.clock, *known) as arm,
            _blobs(run, grants) as blobs,
        ):
            reading = await pipeline.apply(task, arm, patience, partial(shown, run.clock), saved=saved, blobs=blobs)
            return replace(_report(run, reading, arm, about), held=gate.withheld)

    return await _with_estate(run, write)


def _gates(run: Run, estate: Estate, retries: Retries | None) -> Gates | None:
    """Return the gates of rollouts; a loop keeps their samples from round to round."""
    if not any(each.gate for each in estate.project.rollouts):
        return None
    graph = partial(open_graph, run.connection, run.environment, run.clock)
    gates = Gates(run.clock, run.environment.values, graph)
    return gates if retries is None else replace(gates, is_patient=False, rows=retries.samples)


async def _held(
    run: Run, estate: Estate, about: About, held: Held, stop: asyncio.Event, retries: Retries | None
) -> Report:
    """Report what a round would write, through a client that cannot."""
    memory = retries.memory(estate.selected) if retries else Memory()
    known = (retries.windows, retries.versions) if retries else ()
    async with open_reader(run.connection, run.environment, run.clock, *known) as arm:
        reading = await unless_stopped(pipeline.plan(replace(_task(run, estate, retries), memory=memory), arm), stop)
    report = _report(run, reading, arm, about)
    return replace(report, plan=withheld_plan(report.plan), puts=0, held=held)


async def _with_estate(run: Run, act: Callable[[Estate, About], Awaitable[Report]]) -> Report:
    """Return the report of one round: of a command, or of the loop."""
    with span("round", {"command": run.command, "environment": run.options.environment}) as traced:
        report = await _reported(run, act)
        traced.note("outcome", outcome_of(report).value)
        traced.note("resources", len(report.plan.changes))
        traced.note("puts", report.puts)
        if report.about.commit is not None:
            traced.note("commit", report.about.commit)
        return report


async def _reported(run: Run, act: Callable[[Estate, About], Awaitable[Report]]) -> Report:
    started = run.clock.now()
    try:
        run.check_environment()
        if run.plan_file is not None:
            saved_plan.check_about(_plan_file(run, run.plan_file), run.registry.documents["plan"], run.about(None))
        estate = run.estate()
        report = await act(estate, run.about(estate.project.name, estate.sources))
        report = await _with_impact(run, report)
        report = stated_once(report, run.options.paths[0])
        unsaved = tuple(run.cache.save()) if run.cache is not None else ()
        return replace(report, started_at=started, warnings=(*report.warnings, *unsaved))
    except PlanFileError as error:
        fix = "make a new plan with plan --out"
        problem = Problem(str(run.plan_file), None, None, "", "plan-file", str(error), fix)
        return run.failed(ManifestError([problem]), started)
    except SnapshotFileError as error:
        fix = "take a new snapshot with snapshot --out"
        problem = Problem(str(run.snapshot), None, None, "", "snapshot-file", str(error), fix)
        return run.failed(ManifestError([problem]), started)
    except Interrupted:
        message = "a signal ended the run while it was reading"
        problem = Problem(run.options.paths[0], None, None, "", STOPPED, message, "run again")
        return run.failed(ManifestError([problem]), started)
    except ManifestError as error:
        return run.failed(error, started)


async def _with_impact(run: Run, report: Report) -> Report:
    """Add whom the plan affects, where the run is to tell it; a refusal or no answer is "unknown", never an error."""
    if not run.options.impact or not is_asked(report.plan):
        return report
    if run.snapshot is not None:  # nothing is requested
        return replace(report, impact=impact_of(report.plan, None))
    async with open_graph(run.connection, run.environment, run.clock) as graph:
        try:
            known = references(await graph.rows())
        except RequestError:
            known = None
        sent = Counter(report.requests) + Counter(graph.transport.requests)
    return replace(report, impact=impact_of(report.plan, known), requests=dict(sent))


def _task(run: Run, estate: Estate, retries: Retries | None = None) -> Task:
    return Task(
        run.options,
        estate,
        run.registry,
        run.read_stdin,
        only_drift=run.only_drift,
        writers=retries.writers if retries else None,
        remembered=retries.remembered if retries else None,
        verdicts=run.cache.verdicts if run.cache is not None else None,
        explains=run.command == "run",
        now=run.clock.now(),
    )


def _report(run: Run, reading: Reading, arm: ArmReader | None, about: About) -> Report:
    return Report(
        command=run.command,
        started_at=run.clock.now(),
        finished_at=run.clock.now(),
        plan=reading.plan,
        outcomes=reading.outcomes,
        errors=reading.errors,
        warnings=reading.warnings,
        requests=dict(arm.transport.requests) if arm else {},
        answers=dict(arm.transport.answers) if arm else {},
        throttled_s=arm.retrier.held_up.seconds if arm else 0.0,
        puts=reading.puts,
        checked=reading.checked,
        about=about,
        receivers=reading.estate.project.notify,
        is_partial=len(reading.estate.selected) < len(reading.estate.desired),
        unselected=reading.estate.unselected,
        idle=reading.idle,
        offers=partial(offered, reading.estate.desired, reading.observation) if run.command == "run" else tuple,
    )


def _blobs(run: Run, grants: tuple[Grant, ...]) -> AbstractAsyncContextManager[Blobs | None]:
    hosts = run.options.permits.storage
    return open_blobs(run.connection, run.environment, run.clock, grants, run.timeout_s, hosts)


def _grants(run: Run, estate: Estate) -> tuple[Grant, ...]:
    rules = estate.project.storage
    if run.connection.credential == "token" and not all(rule.env or rule.by_identity for rule in rules):
        message = (
            "userDelegation in spec.storage of the project file needs a token for storage, and --credential token holds"
            " one for ARM only: choose another --credential, or sas: {env: NAME}"
        )
        raise UsageError(message)
    environment = run.environment
    return tuple(
        Grant(rule.prefix, environment.signature(rule.env) if rule.env else None, rule.by_identity) for rule in rules
    )


def _artifact(option: str, path: Path) -> bytes:
    """Return the content of a file that an earlier run wrote; cut where it is larger than any of them."""
    try:
        return filesystem.read(path, MOST_BYTES)
    except PathError as error:
        message = f"{option} {error}"
        raise UsageError(message) from None


def _plan_file(run: Run, path: Path) -> bytes:
    return _artifact("--plan" if run.command == "apply" else "--check", path)


def _saved_plan(run: Run, estate: Estate) -> saved_plan.SavedPlan | None:
    if run.plan_file is None:
        return None
    saved = saved_plan.read(
        _plan_file(run, run.plan_file), run.registry.documents["plan"], estate.project.name, run.clock.now()
    )
    saved.require({item.key for item in estate.desired})
    return saved
