"""
The stages of a command in their order, and nothing else.

    estate -> cut -> for each partition: observe -> normalize, diff, decide -> + -> history -> limits -> apply

A plan is a fold over the partitions of an estate. A partition knows its own resources and their parents. Steps that
need all resources (idle ignore rules, causes and commits in git, limits, waves, a saved plan) follow the sum. A plan
and an apply share every line up to the first PUT.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from reconciler.apply.applier import Applier
from reconciler.azure.attribution import attributed
from reconciler.azure.graph_rows import by_rows, completed, rows_of, without_rows
from reconciler.azure.identities import Identities
from reconciler.azure.observe import Scope, observe, with_replication, with_siblings
from reconciler.azure.resource_graph import GraphReader
from reconciler.azure.stopping import unless_stopped
from reconciler.errors import RequestError
from reconciler.history.applied import Opened, caused, newer, open_history
from reconciler.history.carried import Present
from reconciler.kinds.kind import folded_id
from reconciler.manifests.access import known_identities
from reconciler.manifests.dates import past_dates
from reconciler.manifests.environments import declared_elsewhere
from reconciler.manifests.estate import idle_rules
from reconciler.manifests.partition import Cut, Partition, whole
from reconciler.manifests.project import other_settings
from reconciler.manifests.shard import waves_apart, within
from reconciler.model.outcome import Idle, always
from reconciler.plan.decide import Memory, Policy, make_plan
from reconciler.plan.identities import without_identity
from reconciler.plan.latest import LATEST_BACKWARDS, backwards, unforetold, unlisted
from reconciler.plan.limits import over_limit
from reconciler.plan.moved import after_apply
from reconciler.plan.older import last_written, older_commit
from reconciler.plan.only_drift import only_drift
from reconciler.plan.parts import Part, joined, joined_observation
from reconciler.plan.reads import to_look_at
from reconciler.plan.rollout import Rollouts, agreed, uncopied
from reconciler.plan.saved import save
from reconciler.plan.unset import without_values
from reconciler.plan.versions import ApiVersions, lagging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from reconciler.apply.applier import Progress
    from reconciler.azure.attribution import Writers
    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmReader, ArmWriter
    from reconciler.azure.gates import Gates
    from reconciler.azure.polling import Patience
    from reconciler.kinds.registry import Registry
    from reconciler.manifests.estate import Estate, Options
    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.about import About
    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.model.outcome import Held, Outcome
    from reconciler.plan.remembered import Remembered
    from reconciler.plan.saved import SavedPlan
    from reconciler.plan.snapshot import Snapshot
    from reconciler.plan.verdicts import Verdicts
    from reconciler.problems import Problem

    Shown = Callable[[int], AbstractAsyncContextManager[Progress]]
    """Opens the progress of an apply that takes up so many resources."""

Found: TypeAlias = "tuple[Observation, tuple[Problem, ...]]"
"""The live state of a partition, and warnings about values that its source does not hold."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where the live state comes from: Azure, or a snapshot.

    Attributes:
        read: Returns that of a partition.
        with_siblings: Returns an observation with all versions of the applications that some versions belong to.
        with_replication: Returns an observation with the state of the copies of some versions.
        ahead: Returns how far the machine's clock is ahead of Azure's, after a read.
    """

    read: Callable[[Partition], Awaitable[Found]]
    with_siblings: Callable[[Observation, Sequence[Desired]], Awaitable[Observation]]
    with_replication: Callable[[Observation, Sequence[Desired]], Awaitable[Observation]]
    ahead: Callable[[], timedelta] = timedelta


@dataclass(frozen=True, slots=True)
class Task:
    """
    The manifests of one run, and the choices of its user.

    Attributes:
        estate: Read by *options*.
        registry: The kinds, as the manifests were read.
        stdin: Returns the manifests on standard input, up to a number of bytes.
        commit: Recorded with each PUT; None where it is unknown, or nothing is recorded.
        memory: Actions that a loop must not repeat at once.
        only_drift: Whether an apply repairs changes made outside git, and publishes no edit.
        writers: The last writers that a loop knows from earlier rounds; None for a run that asks for all of them.
        explains: Whether an apply, too, finds the causes and the last writers of what it is about to write.
        cut: Makes the partitions of the estate.
        permit: Returns why no PUT may be sent now; None where it may. Called before each.
        remembered: The decisions of a loop's last round; None for any other run.
        verdicts: Those of earlier runs; None without any.
        now: The time of the run, in UTC; that of the manifests where it is None.
        gates: Of rollouts; None for a run that asks none.
    """

    options: Options
    estate: Estate
    registry: Registry
    stdin: Callable[[int], bytes] | None = None
    commit: str | None = None
    memory: Memory = field(default_factory=Memory)
    only_drift: bool = False
    writers: Writers | None = None
    explains: bool = False
    cut: Cut = whole
    permit: Callable[[], Held | None] = always
    remembered: Remembered | None = None
    verdicts: Verdicts | None = None
    now: datetime | None = None
    gates: Gates | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """
    A plan, its inputs, and its results.

    Attributes:
        errors: Errors that a plan shows: a limit, or under ``strict`` an ignore rule that hides nothing.
        hidden: Warnings about values that the source of the live state does not hold, in the order of the manifests.
        outcomes: By folded id: of an apply, or of the check of a saved plan.
        puts: Planned, or sent by an apply.
        checked: Resources that were compared with a saved plan; None without one.
        idle: The ignore rules that hid nothing in a shard; None for a run of the whole estate.
    """

    estate: Estate
    observation: Observation
    policy: Policy
    plan: Plan
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    hidden: tuple[Problem, ...] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    puts: int = 0
    checked: int | None = None
    idle: Idle | None = None


# ------------------------------------------------------------------------------------------------------- the commands


async def plan(task: Task, arm: ArmReader, saved: SavedPlan | None = None) -> Reading:
    """Return the actions of an apply, and check a saved plan against them; ``plan`` and ``drift`` alike."""
    reading = _explained(task, await read(task, arm))
    reading = await _with_writers(task, reading, arm)
    reading = _warned(reading, *reading.hidden, *without_values(reading.plan.changes), _limit(task, reading))
    return _checked(reading, saved) if saved else reading


async def plan_against(task: Task, snapshot: Snapshot, remarks: tuple[Problem, ...]) -> Reading:
    """
    Return the actions of an apply by a snapshot instead of Azure.

    Args:
        task: The manifests, and the user's choices.
        snapshot: The live state.
        remarks: Warnings about the snapshot itself.
    """
    reading = _explained(task, await read_snapshot(task, snapshot))
    unset = without_values(reading.plan.changes)
    return _warned(reading, *remarks, *reading.hidden, *unset, _limit(task, reading))


async def apply(
    task: Task,
    arm: ArmWriter,
    patience: Patience,
    shown: Shown,
    *,
    saved: SavedPlan | None = None,
    blobs: Blobs | None = None,
) -> Reading:
    """
    Plan, and carry the plan out; nothing is written if it has errors.

    Raises:
        Interrupted: The run was interrupted before the first PUT.
    """
    arm.versions.forget()  # refusals of an earlier round: no newer field may be hidden from the reads of a PUT
    reading = _without_others(task, await unless_stopped(read(task, arm), patience.stop))
    if task.only_drift:
        reading = _only_drift(_caused(task, reading))
    elif task.explains:
        reading = await unless_stopped(_with_writers(task, _caused(task, reading), arm), patience.stop)
    reading = _warned(_older(task, reading), *reading.hidden, waves_apart(task.estate.desired, task.options.shard))
    over = _limit(task, reading)
    if over or reading.errors:
        return replace(reading, errors=(*reading.errors, *((over,) if over else ())), puts=0)
    async with shown(reading.plan.todo) as progress:
        return await carry_out(task, reading, arm, patience, progress, saved=saved, blobs=blobs)


async def observed(task: Task, arm: ArmReader) -> Observation:
    """Return the live state of the selected resources, and the unmanaged ones beside them, for a snapshot."""
    scope = _scope(task, _declared(task))
    return joined_observation([(await _live(task, arm, scope, partition))[0] for partition in task.cut(task.estate)])


# --------------------------------------------------------------------------------------------------------- the stages


async def read(task: Task, arm: ArmReader) -> Reading:
    """Observe the selected resources and decide their actions: the same call for each command that plans."""
    if task.remembered is not None:
        task.remembered.turn()
    by = _by_rows if task.options.reader == "graph" and not task.options.health else _live
    declared = _declared(task)
    live = partial(by, task, arm, _scope(task, declared))
    source = Source(live, partial(_siblings, task, arm), partial(_replication, task, arm), arm.transport.ahead)
    return await _folded(task, source, declared)


async def read_snapshot(task: Task, snapshot: Snapshot) -> Reading:
    """Decide the actions of the selected resources by a snapshot."""
    declared = _declared(task)
    stored = partial(_stored, snapshot, _scope(task, declared))
    return await _folded(task, Source(stored, partial(_stored_siblings, snapshot), _stored_replication), declared)


def _declared(task: Task) -> Mapping[str, Desired]:
    return {item.key: item for item in task.estate.desired}


async def _folded(task: Task, source: Source, declared: Mapping[str, Desired]) -> Reading:
    """Observe and decide each partition, and return the reading of their sum."""
    policy, parts = _policy(task), []
    memo = task.remembered or task.verdicts
    choose = memo.decide if memo is not None else None
    for partition in task.cut(task.estate):
        observation, hidden = await source.read(partition)
        policy = _on_time(task, policy, source.ahead())
        made, used = make_plan(partition.desired, observation, _knowing(policy, observation), declared, choose)
        if resting := uncopied(made.changes, policy.repair):  # the next step depends on the copies of the last one
            observation = await source.with_replication(observation, resting)
            made, used = make_plan(partition.desired, observation, _knowing(policy, observation), declared, choose)
        if alone := unlisted(made.changes, observation):  # read one by one: `latest` depends on their siblings too
            observation = await source.with_siblings(observation, alone)
            made, used = make_plan(partition.desired, observation, _knowing(policy, observation), declared, choose)
        parts.append(Part(observation, made, used, hidden))
    return _judged(task, policy, joined(parts))


def _on_time(task: Task, policy: Policy, ahead: timedelta) -> Policy:
    """Return *policy* with the time of day by Azure's clock, which a clock that is set ahead does not move."""
    if policy.rollouts.now is None:
        return policy
    now = agreed(task.now or task.estate.read_at, ahead)
    return replace(policy, rollouts=replace(policy.rollouts, now=now))


def _knowing(policy: Policy, observation: Observation) -> Policy:
    """Return *policy* with the api-versions that Azure knows."""
    return replace(policy, versions=replace(policy.versions, known=observation.versions))


def _scope(task: Task, declared: Mapping[str, Desired]) -> Scope:
    """Return how much is read; ``--target`` reads resource by resource, and finds no unmanaged ones."""
    live = None if task.remembered is None else task.remembered.live
    return Scope(declared.keys(), bool(task.options.targets), task.options.health, task.options.concurrency, live)


async def _live(task: Task, arm: ArmReader, scope: Scope, partition: Partition) -> Found:
    return await observe(partition.desired, scope, task.registry.kinds, arm), ()


async def _by_rows(task: Task, arm: ArmReader, scope: Scope, partition: Partition) -> Found:
    """Read what is in sync by Resource Graph, and the rest from ARM; everything from ARM where it does not answer."""
    try:
        rows = await rows_of(partition.desired, GraphReader(arm.transport, arm.retrier))
    except RequestError as error:
        observation, _ = await _live(task, arm, scope, partition)
        return observation, (without_rows(error, task.options.paths[0]),)
    first, declared = by_rows(partition.desired, rows), {item.key: item for item in partition.desired}
    made, _ = make_plan(partition.desired, first, _policy(task), declared)
    missing = {item.key for item in partition.desired if item.key not in rows}
    near = to_look_at(made.changes, missing, singly=scope.singly)
    read_there = await observe(near, scope, task.registry.kinds, arm)
    return completed(first, read_there, partition.desired, rows, scope), ()


async def _siblings(task: Task, arm: ArmReader, observation: Observation, items: Sequence[Desired]) -> Observation:
    return await with_siblings(observation, items, arm, task.options.concurrency)


async def _replication(task: Task, arm: ArmReader, observation: Observation, items: Sequence[Desired]) -> Observation:
    return await with_replication(observation, items, arm, task.options.concurrency)


async def _stored_replication(observation: Observation, items: Sequence[Desired]) -> Observation:  # noqa: ARG001
    """Return the observation: a snapshot has the copies that it was taken with, and no others."""
    return observation


async def _stored_siblings(snapshot: Snapshot, observation: Observation, items: Sequence[Desired]) -> Observation:
    return snapshot.with_siblings(observation, items)


async def _stored(snapshot: Snapshot, scope: Scope, partition: Partition) -> Found:
    return snapshot.observation(partition.desired, scope.stated, singly=scope.singly)


def _policy(task: Task) -> Policy:
    estate, options = task.estate, task.options
    return Policy(
        tracking=replace(estate.project.tracking, commit=task.commit),
        ignore=estate.rules,
        adopt=options.adopt,
        take_over=options.take_over,
        strict=estate.project.strict,
        republish=frozenset(item.key for item in estate.selected if item.address in options.republish),
        memory=task.memory,
        storage=estate.project.storage,
        versions=ApiVersions(estate.project.api_versions),
        may_lose_latest=options.allow_latest_lost,
        settings=other_settings(estate.document),
        rollouts=_rollouts(task),
        repair=frozenset(item.key for item in estate.selected if item.address in options.repair),
    )


def _rollouts(task: Task) -> Rollouts:
    project, resumed = task.estate.project, task.options.resume
    if not project.rollouts:
        return Rollouts()
    resume = frozenset(item.key for item in task.estate.selected if item.address in resumed)
    return Rollouts(project.rollouts, task.now or task.estate.read_at, project.schedule, resume)


def _judged(task: Task, policy: Policy, part: Part) -> Reading:
    """Return the reading of all parts together, with the problems that only their sum shows."""
    estate, policy = task.estate, _knowing(policy, part.observation)
    compared = part.observation.bodies.keys()
    idle = idle_rules(estate, part.used, compared)
    errors, warnings = (idle, estate.warnings) if policy.strict else ((), (*estate.warnings, *idle))
    past = past_dates(part.plan.changes, estate.read_at)  # a warning under strict too: no manifest is wrong
    hidden = tuple(sorted(part.hidden, key=lambda each: (each.file, each.line or 0, each.column or 0, each.path)))
    bare = without_identity(part.plan, estate.desired, part.observation.bodies)
    latest = (
        *unforetold(unlisted(part.plan.changes, part.observation)),
        *backwards(part.plan.latest, part.plan.changes),
    )
    warnings = (*warnings, *_lagging(task, part.observation.versions), *past, *bare, *latest)
    puts, of_shard = part.plan.puts, _idle_in_shard(task, part.used, compared)
    return Reading(estate, part.observation, policy, part.plan, errors, warnings, hidden, puts=puts, idle=of_shard)


def _idle_in_shard(task: Task, used: frozenset[IgnoreRule], compared: Collection[str]) -> Idle | None:
    """Return the rules that hid nothing in the shard, not counting what they hide in others; None without a shard."""
    estate, shard = task.estate, task.options.shard
    if shard is None:
        return None
    own = {item.key for item in within(estate.desired, shard)}
    others = {item.key for item in estate.desired if item.key not in own}
    return Idle(idle_rules(estate, used, others.union(compared)), estate.project.strict)


def _lagging(task: Task, known: Mapping[tuple[str, str], str]) -> Iterator[Problem]:
    return lagging(task.estate.selected, task.registry.kinds, known, task.options.paths[0])


def _explained(task: Task, reading: Reading) -> Reading:
    """Return a reading with everything that files and git add to a plan."""
    return _older(task, _caused(task, _without_others(task, reading)))


def _without_others(task: Task, reading: Reading) -> Reading:
    """Return a reading without the unmanaged resources that another environment of the project declares."""
    if not reading.plan.unmanaged:
        return reading
    elsewhere = declared_elsewhere(task.options, task.estate.project, task.registry, task.estate.read_at, task.stdin)
    kept = tuple(each for each in reading.plan.unmanaged if folded_id(each.id) not in elsewhere)
    return replace(reading, plan=replace(reading.plan, unmanaged=kept))


def _caused(task: Task, reading: Reading) -> Reading:
    """Return a reading with the cause of each difference, as far as git knows it."""
    live, tracking = reading.observation.bodies, reading.policy.tracking
    return replace(reading, plan=caused(reading.plan, live, tracking, _history(task)))


def _history(task: Task) -> Opened:
    estate, environment = task.estate, task.options.environment
    present = Present(estate.desired, estate.sources, estate.project, environment)
    return partial(open_history, task.options, task.registry, estate.read_at, present)


def _only_drift(reading: Reading) -> Reading:
    drift, left_out = only_drift(reading.plan)
    return _warned(replace(reading, plan=drift, puts=drift.puts), left_out)


def _older(task: Task, reading: Reading) -> Reading:
    """Return a reading with a warning if the plan would take back what a newer commit wrote."""
    written = last_written(reading.plan, reading.observation.bodies, reading.policy.tracking)
    after = newer([commit for _, commit in written], _history(task))
    return _warned(reading, older_commit(written, after))


async def _with_writers(task: Task, reading: Reading, arm: ArmReader) -> Reading:
    """Return a reading that names who last modified each resource that differs, as far as Azure answers it."""
    made = await attributed(reading.plan, reading.observation, arm, task.options.concurrency, task.writers)
    return replace(reading, plan=made)


def _limit(task: Task, reading: Reading) -> Problem | None:
    return over_limit(reading.plan, task.estate.project.limits, task.options.max_puts)


def _warned(reading: Reading, *warnings: Problem | None) -> Reading:
    return replace(reading, warnings=(*reading.warnings, *(each for each in warnings if each is not None)))


async def carry_out(  # noqa: PLR0913 (all that one apply is made of)
    task: Task,
    reading: Reading,
    arm: ArmWriter,
    patience: Patience,
    progress: Progress,
    *,
    saved: SavedPlan | None = None,
    blobs: Blobs | None = None,
) -> Reading:
    """Apply a plan, within a reviewed one if there is one; waves and slots are those of all partitions together."""
    if blobs is not None:
        known = known_identities(task.estate.desired, reading.observation.bodies)
        blobs.identities = Identities(arm, task.registry.kinds, known)
    applier = Applier(
        arm,
        reading.policy,
        patience,
        progress,
        task.options.concurrency,
        wait_replicated=task.options.wait_replicated,
        wait_rolled_out=task.options.wait_rolled_out,
        gates=task.gates,
        saved=saved.within(reading.policy) if saved else None,
        blobs=blobs,
        permit=task.permit,
    )
    outcomes = await applier.apply(reading.plan)
    planned = reading.observation.versions
    learned = {key: version for key, version in arm.versions.answered().items() if planned.get(key) != version}
    return _warned(_moved(replace(reading, outcomes=outcomes, puts=applier.puts)), *_lagging(task, learned))


def _moved(reading: Reading) -> Reading:
    """Return a reading whose plan, and the warnings about it, show where its outcomes have moved ``latest``."""
    made = after_apply(reading.plan, reading.outcomes, reading.observation, reading.policy)
    if made.latest == reading.plan.latest:
        return reading
    kept = (each for each in reading.warnings if each.code != LATEST_BACKWARDS)
    return replace(reading, plan=made, warnings=(*kept, *backwards(made.latest, made.changes)))


def _checked(reading: Reading, saved: SavedPlan) -> Reading:
    """Return a reading with an outcome for each resource that an apply of a saved plan would refuse or leave alone."""
    outcomes, checked = saved.within(reading.policy).check(reading.plan, reading.observation.bodies)
    return replace(reading, outcomes=outcomes, checked=checked)


def saved_text(reading: Reading, now: datetime, about: About | None = None) -> str:
    """Return the text of the plan file of a reading, for the environment and cloud of *about*."""
    live, project = reading.observation.bodies, reading.estate.project.name
    return save(reading.plan, live, project, now, reading.policy, **({"about": about} if about else {}))
