"""
One resource against :func:`reconciler.apply.attempt.next_step`: random answers, reads and waits, and no client at all.

Azure here has no memory: any read may follow any other, and any answer may follow any PUT. So every path is taken,
those that no Azure would lead to as well, and what must hold is told from the events alone:

    a PUT follows a read that calls for it, half a minute old at most; none follows one that ARM took, or a stop
    after a PUT without an answer, a read that surely shows it comes before another PUT
    written, unchanged, refused, skipped: only what the last read and the answers showed
    no old read in the minute after a PUT is a failure; nothing is sent before ARM's Retry-After has passed
    an end comes in time, after a bounded number of PUTs, and no event is without a step
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.apply import attempt as module
from reconciler.apply.attempt import Attempt, Terms, next_step
from reconciler.apply.conflicts import Running
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
    Poll,
    Put,
    Read,
    Refused,
    Started,
    Step,
    Stopped,
    Taken,
    Unanswered,
    Wait,
)
from reconciler.errors import ErrorInfo
from reconciler.kinds.tracking import Tracking
from reconciler.model.live import Absence, Absent, Observed, Unreadable
from reconciler.model.outcome import Result
from reconciler.plan.decide import Policy, decide
from reconciler.plan.saved import SavedPlan
from tests.kit.service import VERSION, desired_of, version
from tests.simulation.invariants import FRESH_S, GRACE_S, SLACK_S, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reconciler.model.change import Action, Change
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome
    from reconciler.values import JsonObject

MOST_PUTS: Final = 40
MOST_STEPS: Final = 1000
LONGEST_WAIT_S: Final = 600.0
INTERVAL_S: Final = 15.0
LEAST_BETWEEN_POLLS_S: Final = 1.0
_AS_GIT_SAYS: Final = frozenset({"same", "copied", "being copied", "not copied"})
_LATE: Final = frozenset({"DidNotStick", "UnusableAnswer"})
_THROTTLED: Final = ErrorInfo("TooManyRequests", "later", status=429)
_BUSY: Final = ErrorInfo("ServerBusy", "busy", status=503)
_BROKEN: Final = ErrorInfo("Unreachable", "reset")
_CONFLICT: Final = ErrorInfo("Conflict", "another operation", status=409)
_REFUSAL: Final = ErrorInfo("InvalidParameter", "no", status=400)
_MOVED: Final = ErrorInfo("PlanMoved", "moved")
_OPERATION: Final = "https://management.azure.com/operations/1?t=CANARY"


@dataclass(frozen=True, slots=True)
class Sight:
    """
    One thing that a read may show, and what follows from it, written down by hand.

    Attributes:
        calls_for_put: Whether it differs from git, or its last operation failed.
        is_kept: Whether it is what git says.
        is_well: Whether no operation runs, and the last one succeeded.
        is_copied: Whether all its copies are made.
    """

    name: str
    observed: Observed
    calls_for_put: bool = False
    is_kept: bool = False
    is_well: bool = False
    is_copied: bool = False


class Reviewed(SavedPlan):
    """A saved plan that was made when the version was as :data:`DIFFERS` shows it."""

    def refusal(self, desired: Desired, action: Action, live: JsonObject | None) -> ErrorInfo | None:
        """Refuse everything else."""
        return None if live is sights()["differs"].observed.body else _MOVED  # type: ignore[union-attr]


@lru_cache(maxsize=1)
def resource() -> Desired:
    """Return the resource: a version, which has replication and a writer slot that it shares."""
    (desired,) = desired_of(version(excludeFromLatest=True))
    return desired


@lru_cache(maxsize=1)
def sights() -> Mapping[str, Sight]:
    """Return everything that a read may show."""
    made = version(excludeFromLatest=True).spec

    def live(state: str = "Succeeded", copies: str = "", tags: dict[str, str] | None = None, **profile: Any) -> Any:
        properties: dict[str, Any] = {
            "publishingProfile": {**made["properties"]["publishingProfile"], **profile},
            "provisioningState": state,
        }
        if copies:
            properties["replicationStatus"] = {"aggregatedState": copies, "summary": []}
        body = {"id": VERSION, "location": made["location"], "tags": tags or {}, "properties": properties}
        return resource().kind.live(body)

    old: dict[str, Any] = {"excludeFromLatest": False}
    other: dict[str, Any] = {"source": {"mediaLink": "https://packages.blob.core.windows.net/agent/other.zip"}}
    found = (
        Sight("absent", Absent(Absence.NOT_FOUND), calls_for_put=True),
        Sight("without parent", Absent(Absence.PARENT_MISSING), calls_for_put=True),
        Sight("without group", Absent(Absence.GROUP_MISSING)),
        Sight("unreadable", Unreadable(ErrorInfo("UnusableAnswer", "html", status=200))),
        Sight("not found", Unreadable(ErrorInfo("Http404", "html", status=404))),
        Sight("same", live(), is_kept=True, is_well=True),
        Sight("differs", live(**old), calls_for_put=True, is_well=True),
        Sight("running", live("Updating"), is_kept=True),
        Sight("running differs", live("Creating", **old)),
        Sight("failed", live("Failed"), calls_for_put=True, is_kept=True),
        Sight("failed differs", live("Failed", **old), calls_for_put=True),
        Sight("frozen", live(**other), is_well=True),
        Sight("theirs", live(tags={"reconciler-project": "theirs"}), is_kept=True, is_well=True),
        Sight("copied", live(copies="Completed"), is_kept=True, is_well=True, is_copied=True),
        Sight("being copied", live(copies="InProgress"), is_kept=True, is_well=True),
        Sight("not copied", live(copies="Failed"), is_kept=True, is_well=True),
        Sight("copied before", live(copies="Completed", **old), calls_for_put=True, is_well=True, is_copied=True),
        Sight("copied and running", live("Migrating", "Completed"), is_kept=True),
    )
    return {sight.name: sight for sight in found}


@lru_cache
def planned(name: str) -> Change:
    """Return the change of a plan that was made from a read."""
    return decide(resource(), sights()[name].observed, _POLICY).change


_MOODS: Final = (
    ("differs",),
    ("absent", "differs"),
    ("absent", "same"),
    ("differs", "running", "same"),
    ("running", "running differs", "differs", "failed", "failed differs"),
    ("differs", "differs", "differs", "same", "copied"),
    ("same", "copied", "being copied", "copied before", "copied and running"),
    ("absent", "unreadable", "not found", "same"),
)
"""Reads that are likely together in one schedule; one in four is any."""
_RETRIES: Final = (None, None, 0.001, 1.0, 7.0, 40.0, 300.0, 700.0, 86_400.0)
_TIMES: Final = (0.0, 0.0, 0.05, 0.05, 1.0, 20.0, 50.0)


@dataclass(slots=True)
class Watched:
    """
    What has happened to one resource, and whether it was right.

    Attributes:
        read: The last read since the last PUT, and when it was.
        taken_at: When ARM took a PUT, or when a read showed that a PUT without an answer had been taken.
        looked_at: When it was read last.
        landed_at: When an answer was lost last of a PUT that ARM may have acted on.
        asked_until: Before which ARM asked not to be sent another PUT.
        polled_at: When the operation was still running, or unknown.
        missing_at: When ARM last did not know the operation.
        known_until: Until when it may not know it yet.
        is_failed: Whether the operation failed.
    """

    terms: Terms
    began: float
    puts: int = 0
    sent: int = 0
    read: tuple[Sight, float] | None = None
    replication: tuple[Sight, float] | None = None
    taken_at: float | None = None
    landed_at: float | None = None
    looked_at: float = 0.0
    asked_until: float = 0.0
    polled_at: float | None = None
    missing_at: float = 0.0
    known_until: float = 0.0
    stopped: Stopped | None = None
    is_failed: bool = False
    last: Event | None = None
    story: list[str] = field(default_factory=list)

    def require(self, holds: object, text: str) -> None:
        """Fail unless something holds."""
        if not holds:
            raise Violation(text)

    # ------------------------------------------------------------------------------------------------- the steps

    def stepped(self, step: Step, now: float) -> None:
        """Judge a step."""
        if self.stopped is not None:
            self.require(isinstance(step, Done), f"{type(step).__name__} after a stop")
        if isinstance(step, Put):
            self._puts(step, now)
        elif isinstance(step, Wait):
            self.require(step.seconds > 0, "a wait of no time")
        elif isinstance(step, Poll):
            self._polls(step, now)
        elif isinstance(step, Read) and step.replication:
            self.require(self.terms.wait_replicated and self.taken_at is not None, "replication is read for nothing")
        elif isinstance(step, Done):
            self._ends(step.outcome, now)

    def _puts(self, put: Put, now: float) -> None:
        self.require(self.taken_at is None, "a PUT after one that ARM took")
        self.require(self.read is not None, "a PUT without a read since the last one")
        sight, at = self.read or (sights()["same"], 0.0)
        is_republished = bool(self.terms.policy.republish) and self.landed_at is None and sight.name in _AS_GIT_SAYS
        self.require(sight.calls_for_put or is_republished, f"a PUT, and the read shows {sight.name}")
        self.require(put.not_after <= at + FRESH_S + SLACK_S, "a PUT may be sent on a read that is too old")
        self.require(now >= self.asked_until - SLACK_S, "a PUT before ARM's Retry-After has passed")
        if self.landed_at is not None:
            self.require(at >= self.landed_at + GRACE_S - SLACK_S, "a PUT before the last one would surely be seen")
        elif self.terms.saved is not None:
            self.require(sight.name == "differs", f"a saved plan is applied, and the read shows {sight.name}")
        self.require(put.is_first is (self.puts == 0), "the first PUT is not told as the first one")
        self.require(self.sent < MOST_PUTS, f"more than {MOST_PUTS} PUTs")
        self.puts += 1

    def _polls(self, poll: Poll, now: float) -> None:
        self.require(self.taken_at is not None and poll.operation == _OPERATION, "a poll of nothing")
        self.require(self.known_until >= self.missing_at, "an operation that ARM does not know is polled for ever")
        if self.polled_at is not None:
            waited, left = now - self.polled_at, (self.taken_at or 0.0) + self.terms.timeout_s - self.polled_at
            self.require(waited >= min(LEAST_BETWEEN_POLLS_S, left) - SLACK_S, "polls without a pause")

    def _ends(self, outcome: Outcome, now: float) -> None:
        code = outcome.error.code if outcome.error else ""
        self.require(code != "InternalError", f"a bug: {outcome.error}")
        sight, _ = self.read or (sights()["unreadable"], 0.0)
        copies, _ = self.replication or (sights()["unreadable"], 0.0)
        is_written = self.taken_at is not None or self.landed_at is not None
        is_begun = is_written or (self.stopped is not None and self.stopped.is_sent)
        if outcome.result is Result.SUCCEEDED:
            self.require(self.taken_at is not None, "written, and no PUT was taken")
            self.require(sight.is_kept and sight.is_well, f"written, and the read shows {sight.name}")
            self.require(not self.is_failed, "written, and the operation failed")
            is_copied = copies.is_copied and copies.is_well
            self.require(not self.terms.wait_replicated or is_copied, "written, and the copies are not made")
        elif outcome.result is Result.UNCHANGED:
            self.require(not is_written, "unchanged, and a PUT may have been taken")
            self.require(sight.is_kept and sight.is_well, f"unchanged, and the read shows {sight.name}")
        elif outcome.result is Result.REFUSED:
            self.require(self.terms.saved is not None and not is_written, "refused, and its own PUT may have moved it")
        elif outcome.result is Result.SKIPPED:
            self.require(code == "Interrupted" and not is_begun, "skipped, and a PUT was under way")
        elif outcome.result is Result.FAILED:
            self._fails(code, now, is_begun=is_begun)

    def _fails(self, code: str, now: float, *, is_begun: bool) -> None:
        self.require(code != "Interrupted" or is_begun, "interrupted in the middle of nothing")
        patience = min(GRACE_S, self.terms.timeout_s)
        if code in _LATE and self.taken_at is not None and self.replication is None:
            self.require(now - self.taken_at >= patience - SLACK_S, f"given up for {code} too early")
        if self.landed_at is not None and self.taken_at is None and self.stopped is None:
            is_shown = self.looked_at >= self.landed_at + GRACE_S - SLACK_S
            is_looked_for = is_shown or isinstance(self.last, Observed | Refused | Blockers)
            self.require(is_looked_for, "given up, and nobody looked whether the PUT had landed")

    # ------------------------------------------------------------------------------------------------ the events

    def happened(self, event: Event, now: float, sight: Sight | None, *, replication: bool) -> None:
        """Keep what happened."""
        self.last = event
        if sight is not None:
            self._saw(sight, now, replication=replication)
        elif isinstance(event, Taken):
            self.taken_at, self.sent, self.read = now, self.sent + 1, None
            self.known_until = now + (event.retry_after_s or 0.0) + GRACE_S
        elif isinstance(event, Conflict | Unanswered):
            self.sent, self.read = self.sent + 1, None
            asked = event.retry_after_s or 0.0
            is_held = isinstance(event, Unanswered) and event.error is _THROTTLED and asked <= LONGEST_WAIT_S
            self.asked_until = now + (0.0 if is_held else asked)  # the client holds it back by itself
            if isinstance(event, Unanswered) and event.may_have_landed:
                self.landed_at = now
        elif isinstance(event, Refused | Expired):
            self.read = None
        elif isinstance(event, Ended):
            self.is_failed = event.error is not None
        elif isinstance(event, Stopped):
            self.stopped = event
        if isinstance(event, InProgress | NotFound):
            self.polled_at = now
        if isinstance(event, NotFound):
            self.missing_at = now

    def _saw(self, sight: Sight, now: float, *, replication: bool) -> None:
        if replication:
            self.replication = sight, now
            return
        self.read, self.looked_at = (sight, now), now
        is_shown = sight.name in _AS_GIT_SAYS
        if self.landed_at is not None and self.taken_at is None and is_shown:
            self.taken_at = now


class Azure:
    """Draws what comes of each step."""

    def __init__(self, chance: Random) -> None:
        """Draw a mood, so that deep paths are taken too."""
        self.chance = chance
        everything = tuple(sights())
        self.reads = everything if chance.random() < 0.25 else chance.choice(_MOODS)
        often = (chance.choice(_ANSWERS),)
        self.answers = chance.choice((often, _ANSWERS, often * 5 + _ANSWERS, often * 5 + _ANSWERS))
        self.polls = _POLLS if chance.random() < 0.5 else (chance.choice(_POLLS),) * 4 + _POLLS
        self.stops = chance.choice((0.0, 0.0, 0.0, 0.05))

    def answer(self, step: Step) -> tuple[Event, Sight | None, float]:
        """Return an event, what a read showed, and how many seconds it took."""
        chance = self.chance
        if self.stops and chance.random() < self.stops:
            return Stopped(is_sent=isinstance(step, Put) and chance.random() < 0.5), None, 0.0
        if isinstance(step, Read):
            sight = sights()[chance.choice(self.reads)]
            return sight.observed, sight, chance.choice(_TIMES)
        if isinstance(step, Put):
            event = chance.choice(self.answers)(chance)
            return event, None, FRESH_S + 1 if isinstance(event, Expired) else chance.choice(_TIMES)
        if isinstance(step, Poll):
            return chance.choice(self.polls)(chance), None, chance.choice(_TIMES)
        if isinstance(step, Wait):
            return Elapsed(), None, step.seconds
        return Blockers((Running("x", "Updating"),) * chance.randrange(2)), None, chance.choice(_TIMES)


_Draw: TypeAlias = "Callable[[Random], Event]"
_ANSWERS: Final[tuple[_Draw, ...]] = (
    lambda chance: Taken(_OPERATION, "id", chance.choice(_RETRIES[:6])),
    lambda chance: Taken(_OPERATION),
    lambda chance: Taken(None, "id", chance.choice(_RETRIES[:6])),
    lambda chance: Conflict(_CONFLICT, chance.choice(_RETRIES)),
    lambda _: Conflict(_CONFLICT),
    lambda chance: Unanswered(_THROTTLED, chance.choice(_RETRIES)),
    lambda chance: Unanswered(_BUSY, chance.choice(_RETRIES), may_have_landed=True),
    lambda _: Unanswered(_BROKEN, may_have_landed=True),
    lambda _: Unanswered(_BROKEN),
    lambda _: Refused(_REFUSAL),
    lambda _: Expired(),
)
_POLLS: Final[tuple[_Draw, ...]] = (
    lambda _: InProgress(),
    lambda chance: InProgress(chance.choice(_RETRIES[2:])),
    lambda _: Ended(),
    lambda _: Ended(_REFUSAL),
    lambda _: NotFound(),
    lambda _: Hidden(),
    lambda _: Refused(_REFUSAL),
)
_ANY: Final[Sequence[Event]] = (
    *(Started(), Elapsed(), Stopped(), Expired(), Hidden(), Ended(), Ended(_REFUSAL), InProgress(), Blockers()),
    *(Taken(_OPERATION), Conflict(_CONFLICT), Unanswered(_BUSY), Refused(_REFUSAL), NotFound()),
    *(Absent(Absence.NOT_FOUND), Unreadable(_BROKEN)),
)
"""One of each, for states in which no driver would report it."""


def _terms(chance: Random) -> Terms:
    policy = _REPUBLISHING if chance.random() < 0.15 else _POLICY
    saved = Reviewed({}) if chance.random() < 0.15 else None
    timeout_s = chance.choice((20.0, 40.0, 100.0, 100.0, 600.0, 600.0, 3600.0))
    return Terms(policy, INTERVAL_S, timeout_s, LONGEST_WAIT_S, saved, wait_replicated=chance.random() < 0.3)


_POLICY: Final = Policy(tracking=Tracking(project="mine"))
_REPUBLISHING: Final = replace(_POLICY, republish=frozenset({VERSION.lower()}))


def play_attempt(chance: Random) -> list[str]:
    """
    Play one resource to its end, and return its story, a line for each step.

    Raises:
        Violation: Something did not hold; the story so far is in its notes.
    """
    azure, terms, now = Azure(chance), _terms(chance), 1000.0
    change = planned(chance.choice(("absent", "differs", "running")))
    watched = Watched(terms, now)
    state: module.State = Attempt(terms, change)
    event: Event = Started()
    sight: Sight | None = None
    step: Step = Wait(0.0)
    try:
        for _ in range(MOST_STEPS):
            watched.happened(event, now, sight, replication=isinstance(step, Read) and step.replication)
            before = state
            state, step = next_step(state, event, now)
            watched.story.append(f"{now:10.1f} s  {_short(event, sight)} -> {_short(step)}")
            watched.stepped(step, now)
            if chance.random() < 0.05:
                _is_total(before, chance.choice(_ANY), now)
            if isinstance(step, Done):
                watched.require(next_step(state, chance.choice(_ANY), now) == (step, step), "the end is not the end")
                return watched.story
            event, sight, seconds = azure.answer(step)
            now += seconds
        watched.require(holds=False, text=f"it did not end within {MOST_STEPS} steps")
    except Violation as violation:
        violation.story = watched.story
        raise
    return watched.story


def _is_total(state: module.State, event: Event, now: float) -> None:
    """Give a state an event that it may not expect: there is a step all the same."""
    move: tuple[object, object] = next_step(state, event, now)
    if not isinstance(move[1], Read | Put | Poll | FindBlockers | Wait | Done):
        message = f"{type(event).__name__} has no step"
        raise Violation(message)


def _short(what: Event | Step, sight: Sight | None = None) -> str:
    if sight is not None:
        return f"read: {sight.name}"
    if isinstance(what, Done):
        error = f" {what.outcome.error.code}" if what.outcome.error else ""
        return f"Done {what.outcome.result or what.outcome.change.action}{error}"
    asked = getattr(what, "retry_after_s", None)
    more = f" {what.seconds:g} s" if isinstance(what, Wait) else f", asked to wait {asked:g} s" if asked else ""
    return f"{type(what).__name__}{more}"


@contextmanager
def remembered() -> Iterator[None]:
    """
    Let the decisions on the few things that a read may show be made once.

    They are functions of values, and so is what is kept of them: nothing but time is saved.
    """
    kept: dict[tuple[Any, ...], Any] = {}
    originals = {name: getattr(module, name) for name in ("decide", "unkept", "put_body")}

    def remembering(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def once(*given: Any) -> Any:
            key = name, *map(_key, given)
            if key not in kept:
                kept[key] = call(*given), given  # what is kept cannot be another thing of the same address
            return kept[key][0]

        return once

    for name, call in originals.items():
        setattr(module, name, remembering(name, call))
    try:
        yield
    finally:
        for name, call in originals.items():
            setattr(module, name, call)


def _key(given: Any) -> Any:
    return given.republish if isinstance(given, Policy) else id(given)


@dataclass(frozen=True, slots=True)
class Played:
    """How much was played, and what failed."""

    schedules: int
    steps: int
    cpu_s: float
    failure: tuple[int, Violation] | None = None

    def __str__(self) -> str:
        return f"{self.schedules:,} schedules of one resource, {self.steps:,} steps, {self.cpu_s:,.1f} s of CPU"


def play_attempts(count: int, first: int) -> Played:
    """Play one resource *count* times, until something does not hold."""
    started, steps = time.process_time(), 0
    with remembered():
        for seed in range(first, first + count):
            try:
                steps += len(play_attempt(Random(seed)))
            except Violation as violation:
                return Played(seed - first + 1, steps, time.process_time() - started, (seed, violation))
    return Played(count, steps, time.process_time() - started)
