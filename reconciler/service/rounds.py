"""
The loop: every interval a fresh load, plan and apply, and a report of each round.

A round that fails, at a manifest or at Azure, is reported, and the next one comes all the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.azure.versions import Versions
from reconciler.compare.fingerprint import fingerprint
from reconciler.errors import ErrorCode, ReconcilerError
from reconciler.http.window import Windows
from reconciler.model.change import Action, Change, Finding, Reason
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.plan.decide import Memory
from reconciler.plan.remembered import Remembered
from reconciler.service.round import round_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from random import Random

    from reconciler.azure.attribution import Writers
    from reconciler.clock import Clock
    from reconciler.errors import ErrorInfo
    from reconciler.model.desired import Desired
    from reconciler.plan.gate import Row
    from reconciler.service.round import Round

_LOG: Final = logging.getLogger("reconciler.loop")
_LONGEST_S: Final = 3600.0
_SPREAD: Final = 0.1
_PASSING: Final = frozenset(
    {
        ErrorCode.AUTH_FAILED,
        ErrorCode.DID_NOT_STICK,  # remembered by itself
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.INTERRUPTED,
        ErrorCode.TIMEOUT,
        ErrorCode.UNREACHABLE,
        ErrorCode.UNUSABLE_ANSWER,
    }
)
_PASSING_STATUS: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Answers that say nothing about the resource."""
_MOST_DOUBLINGS: Final = 32  # far past the longest delay, far from the end of what a float holds


@dataclass(frozen=True, slots=True)
class _Stuck:
    """Values that Azure did not keep: of which manifest, and where."""

    fingerprint: str
    paths: frozenset[str]

    def is_the_same(self, change: Change) -> bool:
        """Whether a plan has no news of it: neither in sync, nor different elsewhere, nor of another manifest."""
        if change.action in {Action.WAIT, Action.UNKNOWN}:
            return True
        paths = _changed_paths(change)
        return bool(paths) and paths <= self.paths and fingerprint(change.desired) == self.fingerprint


@dataclass(slots=True)
class Retries:
    """
    Remembers which PUTs failed, so that one that fails for ever is tried ever more rarely.

    Attributes:
        clock: Its monotonic seconds.
        base_s: The first delay; each further one is twice as long, an hour at most.
        windows: Times in which ARM asked for no requests; they outlast a round.
        writers: The last writers of resources that differ, so that each difference is asked about once.
        versions: The api-versions that ARM knows; they outlast a round too.
        samples: Of the gates of rollouts, by version and mark: one a round, where it is due.
        remembered: The decisions of the last round.
    """

    clock: Clock
    base_s: float
    windows: Windows = field(default_factory=Windows)
    writers: Writers = field(default_factory=dict)
    versions: Versions = field(default_factory=Versions)
    samples: dict[tuple[str, str], Row] = field(default_factory=dict)
    remembered: Remembered = field(default_factory=lambda: Remembered(os.urandom(32)))
    _failures: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _rejected: dict[str, str] = field(default_factory=dict)  # the fingerprint of the manifest whose PUT was
    _did_not_stick: dict[str, _Stuck] = field(default_factory=dict)

    def memory(self, desired: Iterable[Desired]) -> Memory:
        """Return the resources to skip in this round; a changed manifest is not skipped."""
        now = self.clock.monotonic()
        waiting = frozenset(key for key, until in self._not_before.items() if until > now)
        known = self._did_not_stick.keys() | (self._rejected.keys() & waiting)
        prints = {item.key: fingerprint(item) for item in desired if item.key in known} if known else {}
        given_up = {key for key, stuck in self._did_not_stick.items() if prints.get(key) == stuck.fingerprint}
        rejected = {key for key, print_ in self._rejected.items() if key in waiting and prints.get(key) == print_}
        return Memory(waiting, frozenset(given_up), frozenset(rejected))

    def note(self, outcomes: Mapping[str, Outcome], changes: Iterable[Change] = ()) -> None:
        """Learn from one round: from what it did, and from the changes of its plan."""
        for change in changes:
            stuck = self._did_not_stick.get(change.desired.key)
            if stuck is not None and not stuck.is_the_same(change):
                del self._did_not_stick[change.desired.key]
        for key, outcome in outcomes.items():
            if outcome.error is not None and outcome.error.code == ErrorCode.DID_NOT_STICK:
                change = outcome.change
                self._did_not_stick[key] = _Stuck(fingerprint(change.desired), _changed_paths(change))
            if outcome.result is Result.FAILED or outcome.change.reason is Reason.LAST_OPERATION_FAILED:
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                delay = self.base_s * 2 ** min(failures, _MOST_DOUBLINGS)
                self._not_before[key] = self.clock.monotonic() + min(_LONGEST_S, delay)
            if outcome.result is Result.FAILED and _is_its_own(outcome.error):
                self._rejected[key] = fingerprint(outcome.change.desired)
            if outcome.result is Result.SUCCEEDED:
                self._failures.pop(key, None)
                self._not_before.pop(key, None)
                self._rejected.pop(key, None)


def _is_its_own(error: ErrorInfo | None) -> bool:
    """Return whether a PUT failed for the resource's own sake: not by an outage, a missing sign-in or throttling."""
    if error is None or error.code in _PASSING:
        return False
    is_outage = error.status is not None and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return not is_outage and error.status not in _PASSING_STATUS


def _changed_paths(change: Change) -> frozenset[str]:
    return frozenset(item.path for item in change.fields if item.finding is Finding.CHANGE)


@dataclass(frozen=True, slots=True)
class Pace:
    """
    When rounds begin.

    Attributes:
        interval_s: From the end of one round to the start of the next, on average.
        stop: Set when the run is interrupted.
        wake: Set to begin the next round now.
        chance: Spreads the intervals, so that many loops do not come together.
    """

    clock: Clock
    interval_s: float
    stop: asyncio.Event
    wake: asyncio.Event
    chance: Random

    async def wait(self) -> None:
        """Wait for the next round, or until the run is interrupted."""
        waits = [
            asyncio.ensure_future(each)
            for each in (self.clock.sleep(spread(self.interval_s, self.chance)), self.stop.wait(), self.wake.wait())
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self.wake.clear()


def spread(interval_s: float, chance: Random) -> float:
    """Return an interval of up to a tenth less or more."""
    return interval_s * (1 + _SPREAD * (2 * chance.random() - 1))


async def run_rounds(
    one_round: Callable[[Retries], Awaitable[Report]], emit: Callable[[Round], None], pace: Pace
) -> None:
    """
    Run rounds until the run is interrupted.

    Args:
        one_round: Does one, and turns what goes wrong into a report; what it raises nevertheless is logged.
        emit: Hears of each; what it raises is logged.
        pace: Waits between them.
    """
    clock = pace.clock
    retries = Retries(clock, pace.interval_s)
    while not pace.stop.is_set():
        began = clock.monotonic()
        try:
            report = await one_round(retries)
            retries.note(report.outcomes, report.plan.changes)
            emit(round_of(report, clock.monotonic() - began))
        except ReconcilerError as error:  # a full disk, for instance: the next round may find room again
            _LOG.warning("a round was not finished or not reported: %s", error)
        await pace.wait()
