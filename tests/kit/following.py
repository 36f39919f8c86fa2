"""Follows an operation as an apply does: its next step says what to send, the client of a test sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.apply.attempt import Attempt, Phase, State, Terms, next_step
from reconciler.apply.requests import Requests
from reconciler.apply.steps import Done, Elapsed, Event, Poll, Stopped, Taken, Wait
from reconciler.azure.polling import Interrupted
from reconciler.model.live import Absence, Absent
from reconciler.plan.decide import Policy, decide
from tests.kit.service import definition, desired_of

if TYPE_CHECKING:
    from reconciler.azure.client import Accepted, ArmWriter
    from reconciler.azure.polling import Patience
    from reconciler.errors import ErrorInfo


async def follow(arm: ArmWriter, accepted: Accepted, patience: Patience) -> ErrorInfo | None:
    """Follow the operation of an accepted PUT to its end; return its error, or None where the resource is read next."""
    (desired,) = desired_of(definition())
    change = decide(desired, Absent(Absence.NOT_FOUND), Policy()).change
    terms = Terms(Policy(), patience.interval_s, patience.timeout_s, 600)
    requests = Requests(desired, arm, patience, lambda: None)
    state: State = Attempt(terms, change, Phase.PUTTING)
    event = _taken(accepted)
    while True:
        state, step = next_step(state, event, patience.clock.monotonic())
        if isinstance(step, Poll):
            event = await requests.poll(step)
        elif isinstance(step, Wait):
            event = await _elapsed(patience, step)
        else:
            return step.outcome.error if isinstance(step, Done) else None


def _taken(accepted: Accepted) -> Event:
    return Taken(accepted.operation, accepted.request_id, accepted.retry_after_s)


async def _elapsed(patience: Patience, step: Wait) -> Event:
    try:
        await patience.wait(step.seconds)
    except Interrupted:
        return Stopped()
    return Elapsed()
