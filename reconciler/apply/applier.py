"""
Stage 8: turns a plan into outcomes. PUTs and polls; :mod:`decide` decides, and :mod:`verify` looks.

Each resource is read again just before its PUT and decided again from that read, which the body is built from. A
failure is an outcome of its own resource; what does not depend on it goes on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.apply.conflicts import in_the_way, named
from reconciler.apply.verify import READ_GRACE_S, Progress, Verifier, did_not_stick, provisioning_failed
from reconciler.azure.client import Accepted
from reconciler.azure.observe import internal_error, read_one
from reconciler.azure.polling import Interrupted, Patience, follow
from reconciler.errors import (
    ConflictError,
    ErrorCode,
    ErrorInfo,
    OperationError,
    PackageError,
    RequestError,
    TransientError,
)
from reconciler.http.policy import LONGEST_WAIT_S
from reconciler.model.change import Action, Change, Plan, Sync
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.body import put_body
from reconciler.plan.decide import Decision, Policy, decide
from reconciler.plan.remedies import advised
from reconciler.secret.text import credentials_in, scrub_known, secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmWriter
    from reconciler.model.desired import Desired
    from reconciler.plan.saved import SavedPlan
    from reconciler.secret.text import Secret

_ROUNDS: Final = 3
_TIMES_PUT_OFF: Final = 5
_LEAST_S: Final = 1e-3
_FRESH_S: Final = 30.0  # a PUT that has waited longer since its read, for its turn or as ARM asked, is decided anew
_TAKEN_UP: Final = frozenset({Action.CREATE, Action.UPDATE, Action.WAIT})
_GONE: Final = frozenset({Result.FAILED, Result.SKIPPED, Result.REFUSED})


class _StaleError(Exception):
    """A PUT is about to be sent, and the read that it is built from is old."""


@dataclass(slots=True)
class _Attempt:
    """
    How far one resource has come.

    Attributes:
        change: As planned, then as decided just before the PUT.
        deadline: In monotonic seconds, for what is in its way.
        read_at: When it was read last, in monotonic seconds.
        rounds: PUTs begun.
        lost: How many of them were answered with nothing, or with an error of the server.
        put_off: How many of them ARM asked to send later.
        conflicts: How many of them met something in the way.
        pause_s: How long ARM asks to wait before the next one.
        may_have_landed: Whether Azure may have acted on one whose answer was lost.
        shown_from: When a read surely shows what became of that one, in monotonic seconds.
        given_up: Why no more are sent; what may have landed is looked for once more.
    """

    change: Change
    deadline: float = 0.0
    read_at: float = 0.0
    rounds: int = 0
    lost: int = 0
    put_off: int = 0
    conflicts: int = 0
    pause_s: float | None = None
    may_have_landed: bool = False
    shown_from: float = 0.0
    given_up: TransientError | ConflictError | None = None


@dataclass(slots=True)
class Applier:
    """
    Applies plans.

    Attributes:
        arm: The only object that can write.
        patience: How long to wait for operations, and whether the run was told to stop.
        concurrency: Resources written at the same time.
        wait_replicated: Whether a write counts as done only when its replication is.
        saved: The reviewed plan; whatever moved since is refused.
        blobs: Lets Azure read the packages that a PUT names; None where nobody has to.
        puts: How many were sent.
        sent: Folded ids of what a PUT was sent for that ARM took, or may have taken, with its answer if one came.
        unknown: Folded ids of resources that could not be read.
        secrets: The secrets in each PUT, by folded id.
        plan: The one that is being applied.
    """

    arm: ArmWriter
    policy: Policy
    patience: Patience
    progress: Progress
    concurrency: int = 16
    wait_replicated: bool = False
    saved: SavedPlan | None = None
    blobs: Blobs | None = None
    puts: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    sent: dict[str, Accepted | None] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    secrets: dict[str, frozenset[Secret]] = field(default_factory=dict)
    plan: Plan = field(default_factory=lambda: Plan(()))

    async def apply(self, plan: Plan) -> Mapping[str, Outcome]:
        """
        Do what *plan* says, wave by wave, and give the outcome of everything that was to be done.

        Told to stop and then cancelled, it gives the outcomes all the same: they say what was in flight.
        """
        self.plan = plan
        self.unknown = frozenset(change.desired.key for change in plan.changes if change.action is Action.UNKNOWN)
        waves: defaultdict[int, list[Change]] = defaultdict(list)
        for change in plan.changes:
            if change.action in _TAKEN_UP or (change.action is Action.NONE and change.desired.unset):
                waves[change.desired.wave].append(change)
        failed_wave: int | None = None
        for wave in sorted(waves):
            if failed_wave is not None and not self.patience.stop.is_set():
                for change in waves[wave]:
                    self._finish(
                        _skipped(change, ErrorCode.EARLIER_WAVE_FAILED, f"a resource of wave {failed_wave} failed")
                    )
                continue
            await self._apply_wave(waves[wave])
            if any(self._has_failed(change) for change in waves[wave]):
                failed_wave = wave
        return self.outcomes

    def _has_failed(self, change: Change) -> bool:
        return self.outcomes[change.desired.key].result is Result.FAILED

    async def _apply_wave(self, todo: Sequence[Change]) -> None:
        """Run one queue for each writer slot, parents before children across queues."""
        queues: defaultdict[str, list[Change]] = defaultdict(list)
        for change in todo:
            queues[change.desired.slot].append(change)
        done = {change.desired.key: asyncio.Event() for change in todo}
        permits = asyncio.Semaphore(self.concurrency)
        try:
            async with asyncio.TaskGroup() as group:
                for queue in queues.values():
                    group.create_task(self._run_queue(queue, done, permits))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not self.patience.stop.is_set():
                raise
            task.uncancel()  # every queue has ended with outcomes

    async def _run_queue(
        self, queue: Iterable[Change], done: Mapping[str, asyncio.Event], permits: asyncio.Semaphore
    ) -> None:
        for change in queue:
            try:
                self._finish(await self._one(change, done.get(change.desired.parent or ""), permits))
            finally:
                done[change.desired.key].set()

    def _finish(self, outcome: Outcome) -> None:
        self.outcomes[outcome.change.desired.key] = outcome
        self.progress.finished(outcome)

    async def _one(self, change: Change, parent_done: asyncio.Event | None, permits: asyncio.Semaphore) -> Outcome:
        """Return the outcome of one resource, whatever happens to it."""
        attempt = _Attempt(change)
        try:
            if parent_done is not None:
                await parent_done.wait()
            self.patience.check()
            attempt.deadline = self.patience.deadline()
            stopped = self._depends(change) or _unset(change)
            return stopped or await self._unless_in_the_way(attempt, permits)
        except Interrupted:
            return self._interrupted(attempt.change)
        except asyncio.CancelledError:
            if not self.patience.stop.is_set():
                raise
            return self._interrupted(attempt.change)
        except (RequestError, OperationError, PackageError) as error:
            desired = attempt.change.desired
            return Outcome(attempt.change, Result.FAILED, advised(desired, self._without_secrets(desired, error.info)))
        except Exception as error:  # noqa: BLE001 - a bug met by one resource keeps no other from being written
            return Outcome(attempt.change, Result.FAILED, internal_error(error))

    def _without_secrets(self, desired: Desired, info: ErrorInfo) -> ErrorInfo:
        """Take out what ARM may quote of the PUT that it speaks of."""
        secrets = self.secrets.get(desired.key, ())
        return replace(
            info,
            code=scrub_known(info.code, secrets),
            message=scrub_known(info.message, secrets),
            fix=scrub_known(info.fix, secrets) if info.fix else info.fix,
            targets=tuple(scrub_known(name, secrets) for name in info.targets),
        )

    def _depends(self, change: Change) -> Outcome | None:
        parent = self.outcomes.get(change.desired.parent or "")
        if (parent is not None and _is_gone(parent)) or change.desired.parent in self.unknown:
            message = "its parent resource failed, was skipped, is not there, or could not be read"
            return _skipped(change, ErrorCode.DEPENDENCY_FAILED, message)
        return None

    def _interrupted(self, change: Change) -> Outcome:
        if change.desired.key not in self.sent:
            return _skipped(change, ErrorCode.INTERRUPTED, "the run was stopped before this was sent")
        accepted = self.sent[change.desired.key]
        begun = "what Azure has begun" if accepted else "no answer had come, and what Azure may have begun"
        operation = accepted.operation if accepted else None
        named = f" (operation {operation.partition('?')[0]})" if operation else ""  # its query holds signatures
        message = f"the run was stopped; {begun} goes on, and the next run waits for it{named}"
        request_id = accepted.request_id if accepted else None
        return Outcome(
            change, Result.FAILED, ErrorInfo(ErrorCode.INTERRUPTED, message, request_id=request_id, fix="run again")
        )

    async def _unless_in_the_way(self, attempt: _Attempt, permits: asyncio.Semaphore) -> Outcome:
        """Take a resource up; a conflict that ends it names the operation in the way."""
        try:
            return await self._take_up(attempt, permits)
        except ConflictError as error:
            found = await in_the_way(attempt.change.desired, self.plan, self.outcomes, self.arm)
            raise named(error, found) from None

    async def _take_up(self, attempt: _Attempt, permits: asyncio.Semaphore) -> Outcome:
        """Read and write with a permit, wait without one: what somebody else has running holds nobody up."""
        while True:
            async with permits:
                outcome = await self._attempt(attempt)
            if outcome is not None:
                return outcome
            await self.patience.pause(attempt.deadline, attempt.pause_s)

    async def _attempt(self, attempt: _Attempt) -> Outcome | None:
        """Read, decide and write; None where that is to be done again after a pause."""
        change, attempt.pause_s = attempt.change, None
        decision = decide(change.desired, await read_one(change.desired, self.arm), self._policy(attempt))
        attempt.read_at = self.patience.clock.monotonic()
        if decision.change.action is Action.WAIT:
            return None
        if decision.change.action is Action.NONE and attempt.may_have_landed:
            return await self._finish_write(change, Accepted())
        if decision.change.action.writes and attempt.read_at < attempt.shown_from:
            return None
        if attempt.given_up is not None:
            raise attempt.given_up
        if not decision.change.action.writes:
            return _not_written(change, decision.change)
        moved = self._moved(decision) if not attempt.may_have_landed else None  # else it may have been our own PUT
        if moved is not None:
            return Outcome(change, Result.REFUSED, moved)
        accepted = await self._try_put(attempt, decision)
        return await self._finish_write(attempt.change, accepted) if accepted else None

    def _policy(self, attempt: _Attempt) -> Policy:
        """Return the policy; a PUT without a difference is not sent again where it may have landed."""
        if not attempt.may_have_landed:
            return self.policy
        return replace(self.policy, republish=self.policy.republish - {attempt.change.desired.key})

    async def _try_put(self, attempt: _Attempt, decision: Decision) -> Accepted | None:
        """Send the PUT; None where something is in its way, or its answer was lost: then it is time to read again."""
        self.patience.check()
        if not attempt.may_have_landed:  # else it is what our own PUT left to do
            attempt.change = decision.change
        if not attempt.rounds:
            self.progress.started(attempt.change)
        attempt.rounds += 1
        try:
            return await self._put(attempt, decision)
        except _StaleError:
            attempt.pause_s = _LEAST_S
            return None
        except (ConflictError, TransientError) as error:
            self._count(attempt, error)
            is_left = attempt.lost < _ROUNDS and attempt.put_off < _TIMES_PUT_OFF
            if is_left and self._is_time_for(attempt, error.retry_after_s):
                return None
            if not attempt.may_have_landed:
                raise
            attempt.given_up = error
            soon = self.patience.clock.monotonic() + self.patience.interval_s
            attempt.deadline = max(attempt.deadline, attempt.shown_from, soon)
            return None

    def _count(self, attempt: _Attempt, error: ConflictError | TransientError) -> None:
        """Keep what became of a PUT, and how long to wait before the resource is read again."""
        attempt.pause_s = error.retry_after_s
        if isinstance(error, ConflictError):
            pause = (error.retry_after_s or self.patience.interval_s) * 2**attempt.conflicts
            attempt.pause_s = max(error.retry_after_s or 0.0, min(pause, LONGEST_WAIT_S))
            attempt.conflicts += 1
            return
        if error.may_have_landed:
            attempt.may_have_landed = True
            attempt.shown_from = self.patience.clock.monotonic() + READ_GRACE_S
        if error.info.status != HTTPStatus.TOO_MANY_REQUESTS:
            attempt.lost += 1
            return
        attempt.put_off += 1
        if error.retry_after_s and error.retry_after_s <= LONGEST_WAIT_S:
            attempt.pause_s = _LEAST_S  # the client lets nothing through before, and one after the other then

    def _is_time_for(self, attempt: _Attempt, asked_s: float | None) -> bool:
        """Whether there is time left, as much as ARM asks to wait and as a read may be old: nothing is sent before."""
        now = self.patience.clock.monotonic()
        return max(asked_s or 0.0, _LEAST_S, attempt.shown_from - now) <= attempt.deadline - now

    def _moved(self, decision: Decision) -> ErrorInfo | None:
        if self.saved is None:
            return None
        return self.saved.refusal(decision.change.desired, decision.change.action, decision.live)

    async def _put(self, attempt: _Attempt, decision: Decision) -> Accepted:
        desired = attempt.change.desired
        body = put_body(desired, decision.live, decision.comparison, self.policy.tracking)
        if self.blobs is not None:
            body = await self.blobs.ready(desired.kind, body)
        self.secrets[desired.key] = frozenset(secrets_in(body)) | credentials_in(body)
        is_first = desired.key not in self.sent

        def check() -> None:
            self.patience.check()
            if self.patience.clock.monotonic() > attempt.read_at + _FRESH_S:
                raise _StaleError
            self.puts += 1
            self.sent[desired.key] = None

        try:
            accepted = await self.arm.put(desired.id, desired.kind.api_version, body, check)
        except (Interrupted, _StaleError, ConflictError, TransientError) as error:
            may_have_landed = isinstance(error, TransientError) and error.may_have_landed
            if is_first and not may_have_landed:  # ARM said no, or it was not sent
                self.sent.pop(desired.key, None)
            raise
        self.sent[desired.key] = accepted
        return accepted

    async def _finish_write(self, change: Change, accepted: Accepted) -> Outcome:
        deadline = self.patience.deadline()
        await follow(self.arm, accepted, self.patience, deadline)
        verifier = Verifier(self.arm, self.policy, self.patience, self.progress)
        live, stuck = await verifier.read_back(change.desired, deadline)
        if stuck:
            return Outcome(replace(change, fields=tuple(stuck)), Result.FAILED, did_not_stick(stuck))
        if live.has_failed:
            return Outcome(change, Result.FAILED, provisioning_failed(live))
        if self.wait_replicated and change.desired.kind.health:
            await verifier.wait_replicated(change.desired, deadline)
        return Outcome(change, Result.SUCCEEDED)


def _is_gone(parent: Outcome) -> bool:
    """Whether nothing can be written below: just before its PUT, too, a parent may turn out to be kept from it."""
    if parent.result is None:
        return parent.change.sync is Sync.MISSING or parent.change.action is Action.UNKNOWN
    return parent.result in _GONE


def _skipped(change: Change, code: str, message: str) -> Outcome:
    return Outcome(change, Result.SKIPPED, ErrorInfo(code, message))


def _unset(change: Change) -> Outcome | None:
    """Return the failure of a resource that takes a value from a variable that is not set."""
    if not (names := change.desired.unset):
        return None
    message = f"it takes a value from {', '.join(dict.fromkeys(names))}, which is not set: nothing was sent"
    fix = "set the variable where this runs, from the CI system's secrets"
    return Outcome(change, Result.FAILED, ErrorInfo(ErrorCode.VARIABLE_MISSING, message, fix=fix))


def _not_written(planned: Change, now: Change) -> Outcome:
    """Return the outcome where the read just before the PUT says that none is to be sent."""
    if now.action is Action.NONE:
        # What was planned is what somebody else has done meanwhile; of one that ran, nothing was known until now.
        return Outcome(now if planned.action is Action.WAIT else planned, Result.UNCHANGED)
    return Outcome(now, Result.FAILED, now.error) if now.error else Outcome(now, None)
