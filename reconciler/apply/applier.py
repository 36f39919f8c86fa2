"""
Stage 8: turns a plan into outcomes. Sends, waits and counts; :mod:`schedule` and :mod:`attempt` decide.

A failure is the outcome of its own resource; resources that do not depend on it continue.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.apply.attempt import Attempt, Phase, Terms, interrupted, next_step
from reconciler.apply.conflicts import known
from reconciler.apply.requests import Requests
from reconciler.apply.schedule import Schedule
from reconciler.apply.steps import (
    Blockers,
    Done,
    Elapsed,
    Event,
    FindBlockers,
    Poll,
    Put,
    Read,
    Request,
    Sample,
    Started,
    Step,
    Stopped,
    Wait,
)
from reconciler.azure.observe import internal_error
from reconciler.azure.polling import Interrupted
from reconciler.http.retry_policy import LONGEST_WAIT_S
from reconciler.http.spans import span
from reconciler.model.outcome import Outcome, Result, always
from reconciler.plan.rollout import agreed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmWriter
    from reconciler.azure.gates import Gates
    from reconciler.azure.polling import Patience
    from reconciler.model.change import Change, Plan
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Held
    from reconciler.plan.decide import Policy
    from reconciler.plan.saved import SavedPlan


_ONE_OF: Final = 8
"""Of so many permits one is kept for operations that have begun."""


class Progress(Protocol):
    """Shows how an apply goes on."""

    def started(self, change: Change) -> None:
        """Show that a resource is being written."""

    def noted(self, desired: Desired, text: str) -> None:
        """Show why a resource waits."""

    def finished(self, outcome: Outcome) -> None:
        """Show how a resource ended."""


@dataclass(slots=True)
class Applier:
    """
    Applies a plan.

    Attributes:
        arm: The only object that can write.
        patience: How long to wait for operations, and whether the run was interrupted.
        concurrency: Requests at the same time; an operation that is only waited for does not count.
        wait_replicated: Whether a write counts as done only when its replication is.
        wait_rolled_out: Whether a rollout is followed to its last step.
        saved: The reviewed plan; an item that has changed since is refused.
        blobs: Lets Azure read the packages that a PUT names; None where it needs no help.
        permit: Returns why no PUT may be sent now; None where it may. Called before each.
        gates: Of rollouts; None in a run without any.
        puts: How many PUTs were sent.
    """

    arm: ArmWriter
    policy: Policy
    patience: Patience
    progress: Progress
    concurrency: int = 16
    wait_replicated: bool = False
    wait_rolled_out: bool = False
    saved: SavedPlan | None = None
    blobs: Blobs | None = None
    permit: Callable[[], Held | None] = always
    gates: Gates | None = None
    puts: int = 0

    async def apply(self, plan: Plan) -> Mapping[str, Outcome]:
        """
        Carry out *plan*, and return the outcome of every change to make, by folded id.

        An apply that is interrupted and then cancelled returns outcomes too, which name the PUTs in flight.
        """
        patience = self.patience
        terms = Terms(
            self.policy,
            patience.interval_s,
            patience.timeout_s,
            LONGEST_WAIT_S,
            self.saved,
            self.wait_replicated,
            agreed(patience.clock.now(), self.arm.transport.ahead()) - timedelta(seconds=patience.clock.monotonic()),
            self.wait_rolled_out,
        )
        writers = self.concurrency - self.concurrency // _ONE_OF
        permits = asyncio.Semaphore(self.concurrency)
        run = _Run(
            self, plan, Schedule.of(plan, rolled_out=self.wait_rolled_out), terms, permits, asyncio.Semaphore(writers)
        )
        try:
            await run.to_its_end()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not self.patience.is_interrupted:
                raise
            task.uncancel()  # every resource that was taken up has its outcome
        run.interrupt_the_rest()
        return run.schedule.outcomes

    def count(self) -> None:
        """Count a PUT that is being sent."""
        self.puts += 1


@dataclass(slots=True)
class _Run:
    """
    One plan that is being applied.

    Attributes:
        permits: For requests, not for waits: a resource keeps its permit from a read to the PUT that is built from it.
        writers: For the resources between such a read and PUT: a PUT may wait minutes for a limit of ARM's, and some
            permits are left for the operations that have begun.
        moved: Set when a resource has ended.
    """

    applier: Applier
    plan: Plan
    schedule: Schedule
    terms: Terms
    permits: asyncio.Semaphore
    writers: asyncio.Semaphore
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def to_its_end(self) -> None:
        """Take up every change when its turn has come."""
        async with asyncio.TaskGroup() as group:
            self._take_up(group)
            while not self.schedule.is_over:
                await self.moved.wait()
                self.moved.clear()
                self._take_up(group)

    def _take_up(self, group: asyncio.TaskGroup) -> None:
        while ready := self.schedule.ready():
            for change in ready:
                skipped = None if self.applier.patience.is_interrupted else self.schedule.skipped(change)
                if skipped is None:
                    group.create_task(self._write(change))
                else:
                    self._finish(skipped)

    async def _write(self, change: Change) -> None:
        desired = change.desired
        about = {"resource.id": desired.id, "resource.kind": desired.kind.name, "resource.name": desired.name}
        with span("resource", about) as traced:
            outcome = await self._outcome_of(change)
            traced.note("action", outcome.change.action.value)
            traced.note("outcome", outcome.result.value if outcome.result else "none")
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.schedule.end(outcome)
        self.moved.set()
        self.applier.progress.finished(outcome)

    def interrupt_the_rest(self) -> None:
        """End the changes whose turn never came."""
        for change in self.schedule.left():
            outcome = interrupted(Attempt(self.terms, change))
            self.schedule.outcomes[change.desired.key] = outcome
            self.applier.progress.finished(outcome)

    async def _outcome_of(self, change: Change) -> Outcome:
        """Return the outcome of one resource, also after an unexpected error."""
        job = _Job(self, Attempt(self.terms, change))
        try:
            return await job.to_its_end()
        except asyncio.CancelledError:
            if not self.applier.patience.is_interrupted:
                raise
            return interrupted(job.state)
        except Exception as error:  # noqa: BLE001 - a bug met by one resource keeps no other from being written
            return Outcome(job.state.change, Result.FAILED, internal_error(error))


class _Job:
    """
    One resource that is being written.

    Attributes:
        state: How far it has come.
    """

    def __init__(self, run: _Run, state: Attempt) -> None:
        """Take a resource that nothing was done for."""
        applier = run.applier
        self.state = state
        self._run = run
        self._patience, self._progress = applier.patience, applier.progress
        self._requests = Requests(
            state.change.desired,
            applier.arm,
            applier.patience,
            applier.count,
            applier.blobs,
            applier.permit,
            gates=applier.gates,
        )

    async def to_its_end(self) -> Outcome:
        """Do step after step: requests with a permit, waits without one, so that a slow operation delays no other."""
        step = self._after(Stopped() if self._patience.is_interrupted else Started())
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                step = self._after(await self._elapsed(step))
                continue
            writer = self._run.writers if self.state.phase is Phase.READING else nullcontext()
            async with writer, self._run.permits:
                if self._patience.is_interrupted:
                    step = self._after(Stopped())
                while isinstance(step, Request):
                    step = self._after(await self._sent(step))
        return step.outcome

    def _after(self, event: Event) -> Step:
        state, step = next_step(self.state, event, self._patience.clock.monotonic())
        if isinstance(state, Attempt):
            self.state = state
        return step

    async def _elapsed(self, step: Wait) -> Event:
        if step.why:
            self._progress.noted(self.state.change.desired, step.why)
        try:
            await self._patience.wait(step.seconds)
        except Interrupted:
            return Stopped()
        return Elapsed()

    async def _sent(self, step: Request) -> Event:
        match step:
            case Read():
                return await self._requests.read(step)
            case Poll():
                return await self._requests.poll(step)
            case FindBlockers():
                found = known(self.state.change.desired, self._run.plan, self._run.schedule.outcomes)
                return Blockers(found) if found else await self._requests.siblings()
            case Sample():
                return await self._requests.sample(step)
            case Put():
                if self._patience.is_interrupted:
                    return Stopped()
                if step.is_first:
                    self._progress.started(step.change)
                return await self._requests.put(step)
