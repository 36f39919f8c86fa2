"""
Stage 8: the next step of one resource that is being written. Pure and total; the driver is :mod:`applier`.

A resource is read, decided, written, followed and read back. :func:`next_step` takes how far it has come and an event,
and returns the new state and one step: a request, a wait, or the outcome. The driver does what the step says and
reports the event that came of it. Each PUT is decided from a read of its own, which is half a minute old at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.apply.conflicts import named
from reconciler.apply.steps import (
    Blockers,
    Conflict,
    Done,
    Elapsed,
    Ended,
    Event,
    Expired,
    FindBlockers,
    Hidden,
    InProgress,
    NotFound,
    Outdated,
    Poll,
    Put,
    Read,
    Refused,
    Sample,
    Sampled,
    Started,
    Step,
    Stopped,
    Taken,
    Unanswered,
    Wait,
    Withheld,
)
from reconciler.apply.verify import (
    did_not_stick,
    not_replicated,
    provisioning_failed,
    unkept,
    unreadable,
)
from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.kinds.live import Live, Replication
from reconciler.manifests.rollouts import governing
from reconciler.model.change import Action
from reconciler.model.live import Absent, Unreadable
from reconciler.model.outcome import Outcome, Result
from reconciler.model.rollout import Awaited
from reconciler.plan.body import put_body
from reconciler.plan.decide import decide
from reconciler.plan.gate import Row, Verdict
from reconciler.plan.held import withheld
from reconciler.plan.remedies import advised
from reconciler.plan.rollout import Rollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.plan.decide import Policy
    from reconciler.plan.saved import SavedPlan

READ_GRACE_S: Final = 60.0  # a read that soon after a PUT may show the previous state
FRESH_S: Final = 30.0  # a PUT that waited longer since its read, for its turn or as ARM asked, is decided again
_OPERATION_GRACE_S: Final = 60.0  # right after a PUT even the operation's own URL may answer 404
_MOST_LOST: Final = 3
_MOST_PUT_OFF: Final = 5
_MOST_DOUBLINGS: Final = 30
_LEAST_S: Final = 1e-3
_LONGEST_REST_S: Final = 300.0  # between two reads of a version that rests: another client may have changed it
_LEAST_BETWEEN_POLLS_S: Final = 1.0  # whole seconds are the rule; of milliseconds there would be thousands of polls


# How far a resource has come


class Phase(Enum):
    """The request that is due, or was sent last."""

    NEW = auto()
    READING = auto()
    PUTTING = auto()
    FOLLOWING = auto()
    VERIFYING = auto()
    REPLICATING = auto()
    FINDING = auto()
    RESTING = auto()


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The same for every resource of one apply.

    Attributes:
        interval_s: Between two looks, unless ARM asks for another time.
        timeout_s: For one operation.
        longest_wait_s: The longest ``Retry-After`` that the client itself waits for.
        saved: The reviewed plan; an item that has changed since is refused.
        wait_replicated: Whether a write counts as done only when its replication is.
        epoch: The time at which the monotonic seconds were zero, in UTC; None in a run without rollouts.
        wait_rolled_out: Whether a rollout is followed to its last step.
    """

    policy: Policy
    interval_s: float
    timeout_s: float
    longest_wait_s: float
    saved: SavedPlan | None = None
    wait_replicated: bool = False
    epoch: datetime | None = None
    wait_rolled_out: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    How far one resource has come. Moments are monotonic seconds.

    Attributes:
        change: As planned, then as decided just before the first PUT that Azure may have acted on.
        deadline: When waiting ends: first for the turn of the resource, then for its own operation.
        grace: Until when a read may show the previous state, and an operation may be unknown.
        puts: How many PUTs were begun.
        lost: How many of them were answered with nothing, or with a server error.
        put_off: How many of them were throttled.
        conflicts: How many of them met another operation.
        shown_from: When a read surely shows whether Azure acted on a PUT without an answer; None where there is none.
        given_up: Why no more PUTs are sent; whether an earlier one landed is still looked for.
        taken: The answer of ARM to the PUT that it accepted.
        newest: The newest api-version that Azure did not refuse to a PUT; None while it refused none.
        sent: The part of the manifest in the last PUT; None before it.
        row: The mark of a step of its rollout, and the last row of the gate there.
        done: The last step of its rollout, or the first PUT of a repair, that this run has written; None before one.
        then: The part of the manifest that the next PUT of a repair sends; None without one.
        second: The same once that PUT is due.
    """

    terms: Terms
    change: Change
    phase: Phase = Phase.NEW
    deadline: float = 0.0
    grace: float = 0.0
    puts: int = 0
    lost: int = 0
    put_off: int = 0
    conflicts: int = 0
    shown_from: float | None = None
    given_up: Conflict | Unanswered | None = None
    taken: Taken | None = None
    newest: str | None = None
    sent: Desired | None = None
    row: tuple[str, Row] = ("", Row())
    done: Change | None = None
    then: Desired | None = None
    second: Desired | None = None

    @property
    def may_have_landed(self) -> bool:
        """Whether Azure may have acted on a PUT without an answer."""
        return self.shown_from is not None

    def is_hidden(self, now: float) -> bool:
        """Return whether a read may not show yet what came of a PUT without an answer."""
        return self.shown_from is not None and now < self.shown_from


State: TypeAlias = Attempt | Done
_Move: TypeAlias = tuple[State, Step]


def next_step(state: State, event: Event, now: float) -> _Move:
    """
    Return the new state, and the one thing to do now.

    An interruption ends every resource. An event that does not answer the last step is a bug of the driver, and fails
    the resource.
    """
    if isinstance(state, Done):
        return state, state
    if isinstance(event, Stopped):
        done = Done(interrupted(state, is_sent=event.is_sent))
        return done, done
    return _HANDLERS[state.phase](state, event, now) or _unexpected(state, event)


# Until the PUT is accepted


def _begin(state: Attempt, event: Event, now: float) -> _Move | None:
    if not isinstance(event, Started):
        return None
    if names := state.change.desired.unset:
        several = len(dict.fromkeys(names)) > 1
        message = f"not set: `{'`, `'.join(dict.fromkeys(names))}`, from which the resource takes a secret"
        fix = f"set the variable{'s' if several else ''} where this runs, from the CI system's secrets"
        return _done(state.change, Result.FAILED, ErrorInfo(ErrorCode.VARIABLE_MISSING, message, fix=fix))
    state = replace(state, phase=Phase.READING, deadline=now + state.terms.timeout_s)
    return state, _look_again(state)


def _look_again(state: Attempt) -> Read:
    """Return the read that a PUT is decided from: that of a version in a rollout depends on its copies too."""
    is_repaired = state.change.desired.key in state.terms.policy.repair
    return Read(replication=state.change.rollout is not None or is_repaired)


def _read(state: Attempt, event: Event, now: float) -> _Move | None:
    if isinstance(event, Elapsed):
        return state, _look_again(state)
    return _decide(state, event, now) if isinstance(event, Live | Absent | Unreadable) else None


def _decide(state: Attempt, observed: Observed, now: float) -> _Move:
    """Decide again, from a read of this moment; the first rule that matches wins."""
    desired, saved = state.change.desired, state.terms.saved
    decision = decide(state.second or desired, observed, _policy(state, now))
    action = decision.change.action
    if _has_landed(state, observed) or (state.may_have_landed and action is Action.NONE):
        return _accepted(state, Taken(), now)
    if decision.change.rests:
        if state.is_hidden(now):
            return _wait(state, now)
        return _rest(state, decision.change, now)
    if action is Action.WAIT:
        return _wait(state, now, why="waiting for an operation that another client started")
    if action.writes and state.is_hidden(now):
        return _wait(state, now)
    if state.given_up is not None:
        return _give_up(state, state.given_up)
    if not action.writes:
        return _not_written(state, decision.change)
    if saved is not None and not state.may_have_landed:  # else it may have been this run's own PUT that changed it
        refusal = saved.within(_policy(state, now)).refusal(desired, action, decision.live)
        if refusal is not None:
            return _done(state.change, Result.REFUSED, refusal)
    is_begun = state.may_have_landed or state.second is not None
    change = state.change if is_begun else decision.change  # else the rest of what its own PUT left
    body = put_body(decision.sent, decision.live, decision.comparison, state.terms.policy.tracking)
    version = decision.change.version.name if decision.change.version else desired.kind.api_version
    put = Put(change, body, version, not_after=now + FRESH_S, is_first=not state.puts)
    return replace(
        state, change=change, phase=Phase.PUTTING, puts=state.puts + 1, sent=decision.sent, then=decision.then
    ), put


def _has_landed(state: Attempt, observed: Observed) -> bool:
    """Return whether the tag of a version shows the step of a PUT without an answer, which no other one has written."""
    mark = state.sent.mark if state.sent is not None and state.may_have_landed else None
    if mark is None or not isinstance(observed, Live) or not observed.is_settled:
        return False
    return state.terms.policy.tracking.rollout_of(observed.body) == mark


def _policy(state: Attempt, now: float) -> Policy:
    """Return the policy of this moment; a PUT without a difference is not sent again where it may have landed."""
    policy = state.terms.policy
    if state.terms.epoch is not None and policy.rollouts.rollouts:
        mark, row = state.row
        samples = {(state.change.desired.key, mark): row} if mark else {}
        resume = policy.rollouts.resume if state.done is None else frozenset()
        rollouts = replace(policy.rollouts, now=_moment(state, now), samples=samples, resume=resume)
        policy = replace(policy, rollouts=rollouts)
    if state.second is not None:
        policy = replace(policy, rollouts=Rollouts(), repair=frozenset())
    if state.newest is not None:
        policy = replace(policy, versions=policy.versions.up_to(state.change.desired, state.newest))
    if not state.may_have_landed:
        return policy
    return replace(policy, republish=policy.republish - {state.change.desired.key})


def _rest(state: Attempt, change: Change, now: float) -> _Move:
    """Between two steps of a rollout: ask its gate, wait, or leave the rest to another run."""
    rollout = governing(state.terms.policy.rollouts.rollouts, change.desired)
    gate = rollout.gate if rollout is not None and change.is_gated and state.terms.saved is None else None
    if gate is not None and change.rollout is not None and state.row[1].verdict is not Verdict.INCONCLUSIVE:
        return replace(state, phase=Phase.RESTING, change=change), Sample(gate, change.rollout)
    if not state.terms.wait_rolled_out or change.rollout is None:
        return _not_written(state, change)
    until = change.rollout.until
    left = (until - _moment(state, now)).total_seconds() if until is not None else _LONGEST_REST_S
    asked = state.terms.interval_s if change.rollout.waits_for is Awaited.REPLICATION else _LONGEST_REST_S
    why = f"step {change.rollout.step} of {change.rollout.of} waits for its {change.rollout.waits_for}"
    state = replace(state, phase=Phase.READING, deadline=now + state.terms.timeout_s, row=("", Row()))
    return state, Wait(max(_LEAST_S, min(left, asked)), why)


def _sampled(state: Attempt, event: Event, now: float) -> _Move | None:
    """Go on with a row of samples, or decide again at its end."""
    if isinstance(event, Elapsed):
        return _rest(state, state.change, now)
    if not isinstance(event, Sampled):
        return None
    mark = state.change.rollout.mark if state.change.rollout is not None else ""
    state = replace(state, row=(mark, event.row))
    if event.row.verdict is not None:
        state = replace(state, phase=Phase.READING, deadline=now + state.terms.timeout_s)
        return state, Wait(_LEAST_S)
    if not event.is_patient:
        return _not_written(state, state.change)
    return state, Wait(max(_LEAST_S, event.pause_s), "waits for the next sample of its gate")


def _moment(state: Attempt, now: float) -> datetime:
    """Return the time of day at monotonic seconds."""
    epoch = state.terms.epoch or datetime.fromtimestamp(0, UTC)
    return epoch + timedelta(seconds=now)


def _not_written(state: Attempt, now: Change) -> _Move:
    """Return the outcome where the read just before the PUT shows that none is to be sent."""
    planned = state.change
    if state.done is not None and now.action is Action.NONE:
        return _done(state.done, Result.SUCCEEDED)
    if now.action is Action.NONE:
        # Another client made the planned change; the plan knew nothing of a resource with a running operation.
        return _done(now if planned.action is Action.WAIT else planned, Result.UNCHANGED)
    return _done(now, Result.FAILED if now.error else None, now.error)


def _answer(state: Attempt, event: Event, now: float) -> _Move | None:
    if isinstance(event, Taken):
        return _accepted(state, event, now)
    if isinstance(event, Refused):
        return _failed(state, event.error)
    if isinstance(event, Expired):
        return _wait(replace(state, phase=Phase.READING), now, _LEAST_S)
    if isinstance(event, Withheld):
        return _withheld(state)
    if isinstance(event, Outdated):  # ARM refused it before it acted: it is decided again, for an older version
        return replace(state, phase=Phase.READING, newest=event.newest), _look_again(state)
    return _again(state, event, now) if isinstance(event, Conflict | Unanswered) else None


def _withheld(state: Attempt) -> _Move:
    """End without the PUT; one that may have landed before is a failure, as it is not known to have ended."""
    if not state.may_have_landed:
        return _done(withheld(state.change), None)
    message = "a PUT of it got no answer, and writing is held since, so that it was not sent again"
    fix = "nothing: the next round reads the resource again"
    return _done(state.change, Result.FAILED, ErrorInfo(ErrorCode.INTERRUPTED, message, fix=fix))


def _again(state: Attempt, answer: Conflict | Unanswered, now: float) -> _Move:
    """Wait for another PUT if there is a try and time left; else look once more whether an earlier one landed."""
    state, pause, why = _counted(state, answer, now)
    is_left = state.lost < _MOST_LOST and state.put_off < _MOST_PUT_OFF
    if is_left and _is_time_for(state, answer.retry_after_s, now):
        return _wait(state, now, pause, why)
    if state.shown_from is None:
        return _give_up(state, answer)
    deadline = max(state.deadline, state.shown_from, now + state.terms.interval_s)
    return _wait(replace(state, given_up=answer, deadline=deadline), now, pause)


def _counted(state: Attempt, answer: Conflict | Unanswered, now: float) -> tuple[Attempt, float | None, str]:
    """Return the state after a PUT that ARM did not accept, how long to wait until the next read, and why."""
    state, asked, longest = replace(state, phase=Phase.READING), answer.retry_after_s, state.terms.longest_wait_s
    if isinstance(answer, Conflict):
        pause = min((asked or state.terms.interval_s) * 2.0 ** min(state.conflicts, _MOST_DOUBLINGS), longest)
        return replace(state, conflicts=state.conflicts + 1), max(asked or 0.0, pause), "another operation is running"
    if answer.may_have_landed:
        state = replace(state, shown_from=now + READ_GRACE_S)
    if answer.error.status != HTTPStatus.TOO_MANY_REQUESTS:
        return replace(state, lost=state.lost + 1), asked, "the PUT got no answer; the resource is read again"
    if asked and asked <= longest:
        asked = _LEAST_S  # the client sends nothing before, and one request after the other then
    return replace(state, put_off=state.put_off + 1), asked, "throttled by Azure"


def _is_time_for(state: Attempt, asked_s: float | None, now: float) -> bool:
    """Return whether there is time left, as much as ARM asks to wait and as a read may be old: no PUT goes before."""
    hidden_s = state.shown_from - now if state.shown_from is not None else 0.0
    return max(asked_s or 0.0, _LEAST_S, hidden_s) <= state.deadline - now


def _give_up(state: Attempt, answer: Conflict | Unanswered) -> _Move:
    if isinstance(answer, Conflict):
        return replace(state, phase=Phase.FINDING, given_up=answer), FindBlockers()
    return _failed(state, answer.error)


def _found(state: Attempt, event: Event, now: float) -> _Move | None:  # noqa: ARG001 (every handler takes the time)
    if state.given_up is None or not isinstance(event, Blockers):
        return None
    return _failed(state, named(state.given_up.error, event.found))


# From then on


def _accepted(state: Attempt, taken: Taken, now: float) -> _Move:
    """Follow the operation; without one, watch the resource itself."""
    asked = taken.retry_after_s or 0.0
    deadline, grace = now + state.terms.timeout_s, now + asked + _OPERATION_GRACE_S
    state = replace(state, phase=Phase.FOLLOWING, taken=taken, deadline=deadline, grace=grace)
    return _wait(state, now, asked) if asked else _look(state, taken, now)


def _look(state: Attempt, taken: Taken, now: float) -> _Move:
    return _verify(state, now) if taken.operation is None else (state, Poll(taken.operation))


def _follow(state: Attempt, event: Event, now: float) -> _Move | None:
    taken = state.taken or Taken()
    if isinstance(event, Elapsed):
        return _look(state, taken, now)
    if isinstance(event, InProgress):
        asked = event.retry_after_s
        return _wait(state, now, max(asked, _LEAST_BETWEEN_POLLS_S) if asked else None)
    if isinstance(event, Ended) and event.error is None:
        return _verify(state, now)
    if isinstance(event, NotFound) and now < state.grace:
        return _wait(state, now)
    if isinstance(event, NotFound | Hidden):  # a read at once may still show the previous state
        grace = min(now + state.terms.interval_s + READ_GRACE_S, state.deadline)
        return _wait(replace(state, phase=Phase.VERIFYING, grace=grace), now)
    if isinstance(event, Ended | Refused) and event.error is not None:
        return _failed(state, event.error)
    return None


def _verify(state: Attempt, now: float) -> _Move:
    """Read until the resource is there, settled and as it was sent."""
    return replace(state, phase=Phase.VERIFYING, grace=min(now + READ_GRACE_S, state.deadline)), Read()


def _read_back(state: Attempt, event: Event, now: float) -> _Move | None:
    if isinstance(event, Elapsed):
        return state, Read()
    if isinstance(event, Live):
        differing = unkept(_sent(state), event, state.terms.policy)
        is_shown = event.is_settled and (not differing or now >= state.grace)
        return _judge(state, event, now) if is_shown else _wait(state, now)
    if isinstance(event, Absent | Unreadable):
        return _failed(state, unreadable(event)) if now >= state.grace else _wait(state, now)
    return None


def _sent(state: Attempt) -> Desired:
    """Return the resource as it was sent."""
    return state.change.desired if state.sent is None else state.sent


def _judge(state: Attempt, live: Live, now: float) -> _Move:
    """Return the outcome that a settled resource shows, or wait for its replication."""
    desired, terms = state.change.desired, state.terms
    if differing := unkept(_sent(state), live, terms.policy):
        return _done(replace(state.change, fields=differing), Result.FAILED, did_not_stick(differing))
    if live.has_failed:
        return _done(state.change, Result.FAILED, provisioning_failed(live))
    if terms.wait_replicated and desired.kind.health:
        grace = min(now + READ_GRACE_S, state.deadline)
        return replace(state, phase=Phase.REPLICATING, grace=grace), Read(replication=True, decides=False)
    return _succeeded(state, now)


def _succeeded(state: Attempt, now: float) -> _Move:
    """End, or go on to the second PUT of a repair, or to the next step of a rollout that is followed to its end."""
    deadline = now + state.terms.timeout_s
    if state.then is not None:
        again = Attempt(state.terms, state.change, Phase.READING, deadline, newest=state.newest, done=state.change)
        return replace(again, second=state.then), Wait(_LEAST_S)
    if not state.terms.wait_rolled_out or state.change.rollout is None:
        return _done(state.change, Result.SUCCEEDED)
    again = Attempt(state.terms, state.change, Phase.READING, deadline, newest=state.newest, done=state.change)
    return again, Wait(_LEAST_S)


def _replicate(state: Attempt, event: Event, now: float) -> _Move | None:
    """Read until every copy is made; the first reads after a PUT may still show the previous state."""
    if isinstance(event, Elapsed):
        return state, Read(replication=True, decides=False)
    if isinstance(event, Live):
        is_previous = now < state.grace and unkept(_sent(state), event, state.terms.policy)
        return _wait(state, now) if is_previous else _judge_copies(state, event, now)
    if isinstance(event, Absent | Unreadable):
        is_missing = isinstance(event, Absent) or event.error.status == HTTPStatus.NOT_FOUND
        is_early = is_missing and now < state.grace
        return _wait(state, now) if is_early else _failed(state, unreadable(event))
    return None


def _judge_copies(state: Attempt, live: Live, now: float) -> _Move:
    copies = live.replication or Replication()
    if copies.has_failed:
        return _failed(state, not_replicated(state.change.desired, copies))
    if live.has_failed:
        return _failed(state, provisioning_failed(live))
    if live.is_settled and copies.is_complete:
        return _succeeded(state, now)
    return _wait(state, now, why=str(copies))


# Waits and ends


def _wait(state: Attempt, now: float, seconds: float | None = None, why: str = "") -> _Move:
    """Wait for the next look; at the deadline, fail."""
    left = state.deadline - now
    if left <= 0:
        return _failed(state, _timeout(state))
    return state, Wait(min(left, seconds or state.terms.interval_s), why)


def _done(change: Change, result: Result | None, error: ErrorInfo | None = None) -> _Move:
    done = Done(Outcome(change, result, error))
    return done, done


def _failed(state: Attempt, error: ErrorInfo) -> _Move:
    return _done(state.change, Result.FAILED, advised(state.change.desired, error))


def _timeout(state: Attempt) -> ErrorInfo:
    seconds = f"{state.terms.timeout_s:g} s"
    if state.phase is Phase.READING and not state.may_have_landed:
        message = f"the resource was not ready for a PUT within {seconds}"
        fix = "wait until the operation of the other client has ended, then run again, or raise --timeout"
    else:
        message = f"still running after {seconds}"
        fix = "the operation continues in Azure: run again later, or raise --timeout"
    return ErrorInfo(ErrorCode.TIMEOUT, message, fix=fix)


def interrupted(state: Attempt, *, is_sent: bool = False) -> Outcome:
    """
    Return the outcome of a resource whose run was interrupted; an operation that has begun goes on in Azure.

    Args:
        state: How far the resource has come.
        is_sent: Whether a PUT is on its way, without an answer.
    """
    if state.taken is None and not state.may_have_landed and not is_sent:
        if state.done is not None:
            return Outcome(state.done, Result.SUCCEEDED)
        message = "the run was interrupted before the resource was written"
        return Outcome(state.change, Result.SKIPPED, ErrorInfo(ErrorCode.INTERRUPTED, message))
    if state.taken is None:
        message = (
            "the run was interrupted before Azure answered the PUT; an operation that it started continues in Azure, "
            "and the next run waits for it"
        )
        return Outcome(state.change, Result.FAILED, ErrorInfo(ErrorCode.INTERRUPTED, message, fix="run again"))
    link = state.taken.operation
    operation = f" (operation {link.partition('?')[0]})" if link else ""  # its query is signed
    message = f"the run was interrupted; the operation continues in Azure, and the next run waits for it{operation}"
    error = ErrorInfo(ErrorCode.INTERRUPTED, message, request_id=state.taken.request_id, fix="run again")
    return Outcome(state.change, Result.FAILED, error)


def _unexpected(state: Attempt, event: Event) -> _Move:
    message = f"an unexpected {type(event).__name__} in phase {state.phase.name}, in the reconciler"
    fix = "please report it, with the output of --log-level debug"
    return _done(state.change, Result.FAILED, ErrorInfo(ErrorCode.INTERNAL_ERROR, message, fix=fix))


_HANDLERS: Final[Mapping[Phase, Callable[[Attempt, Event, float], _Move | None]]] = {
    Phase.NEW: _begin,
    Phase.READING: _read,
    Phase.PUTTING: _answer,
    Phase.FOLLOWING: _follow,
    Phase.VERIFYING: _read_back,
    Phase.REPLICATING: _replicate,
    Phase.FINDING: _found,
    Phase.RESTING: _sampled,
}
