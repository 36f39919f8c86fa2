"""
Stage 8: which resources of a plan may be taken up now. Pure: it starts nothing and waits for nothing.

Waves run one after the other. Within a wave a parent comes before its children, and one writer slot (an application
and its versions) takes up one resource at a time, to the end of its operation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Final

from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.model.change import Action, Reason, Sync
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.held import withheld

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.model.change import Change, Plan

_LOST: Final = {Result.FAILED: "failed", Result.SKIPPED: "was skipped", Result.REFUSED: "was refused"}


def todo(plan: Plan, *, rolled_out: bool = False) -> tuple[Change, ...]:
    """
    Return the changes that an apply takes up, in the order of doing; those that wait for a rollout come last.

    A rollout is followed last in its slot, as it may take days.

    A resource in sync is one of them where a variable that it takes a value from is not set: that value is unknown.

    Args:
        plan: The actions of an apply.
        rolled_out: Whether versions between two steps of their rollout are taken up too.
    """
    taken_up = (
        each
        for each in plan.changes
        if each.may_write or (rolled_out and each.rests) or (each.action is Action.NONE and each.desired.unset)
    )
    return tuple(
        sorted(
            taken_up,
            key=lambda each: (
                each.desired.wave,
                each.desired.depth,
                each.rests or (rolled_out and each.rollout is not None),
            ),
        )
    )


@dataclass(slots=True)
class Schedule:
    """
    The changes of one plan that are still to be taken up.

    Attributes:
        outcomes: Of those that have ended, by folded id.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _changes: dict[str, Change] = field(default_factory=dict)
    _unread: dict[str, Change] = field(default_factory=dict)
    _order: TopologicalSorter[str | int] = field(default_factory=TopologicalSorter)
    _failed_wave: int | None = None

    @classmethod
    def of(cls, plan: Plan, *, rolled_out: bool = False) -> Schedule:
        """Return the schedule of a plan, of which nothing has been taken up."""
        made = cls()
        made._unread = {each.desired.key: each for each in plan.changes if each.action is Action.UNKNOWN}
        made._changes = {each.desired.key: each for each in todo(plan, rolled_out=rolled_out)}
        _put_in_order(made._order, made._changes.values())
        made._order.prepare()
        return made

    @property
    def is_over(self) -> bool:
        """Whether every change has its outcome."""
        return len(self.outcomes) == len(self._changes)

    def ready(self) -> tuple[Change, ...]:
        """Return the changes that may be taken up from now on; each is returned once."""
        found: list[Change] = []
        while nodes := self._order.get_ready():
            for node in nodes:
                if isinstance(node, str):
                    found.append(self._changes[node])
                else:  # the end of a wave
                    self._order.done(node)
        return tuple(found)

    def left(self) -> tuple[Change, ...]:
        """Return the changes without an outcome."""
        return tuple(change for key, change in self._changes.items() if key not in self.outcomes)

    def end(self, outcome: Outcome) -> None:
        """Note that a change that was taken up has ended."""
        desired = outcome.change.desired
        self.outcomes[desired.key] = outcome
        if outcome.result is Result.FAILED and self._failed_wave is None:
            self._failed_wave = desired.wave
        self._order.done(desired.key)

    def skipped(self, change: Change) -> Outcome | None:
        """Return the outcome of a change that the outcomes so far keep from being written; else None."""
        if self._failed_wave is not None and change.desired.wave > self._failed_wave:
            message = f"a resource of wave {self._failed_wave} failed"
            return Outcome(change, Result.SKIPPED, ErrorInfo(ErrorCode.EARLIER_WAVE_FAILED, message))
        parent = self.outcomes.get(change.desired.parent or "")
        if parent is not None and parent.change.reason is Reason.HELD and parent.change.sync is Sync.MISSING:
            return Outcome(withheld(change), None)
        if (reason := self._without_parent(change.desired.parent or "")) is not None:
            return Outcome(change, Result.SKIPPED, ErrorInfo(ErrorCode.DEPENDENCY_FAILED, reason))
        return None

    def _without_parent(self, parent: str) -> str | None:
        """Return why nothing can be written below a parent: also one that turned out so just before its PUT."""
        if parent in self._unread:
            return f"its parent {self._unread[parent].desired.address} could not be read"
        outcome = self.outcomes.get(parent)
        if outcome is None:
            return None
        name = outcome.change.desired.address
        if outcome.result is None and outcome.change.action is Action.UNKNOWN:
            return f"its parent {name} could not be read"
        if outcome.result is None:
            return f"its parent {name} does not exist" if outcome.change.sync is Sync.MISSING else None
        return f"its parent {name} {_LOST[outcome.result]}" if outcome.result in _LOST else None


def _put_in_order(order: TopologicalSorter[str | int], changes: Iterable[Change]) -> None:
    """Let each change wait for its parent, for the change before it in its slot, and for the wave before its own."""
    wave: int | None = None
    ended: int | None = None
    last_in_slot: dict[str, str] = {}
    added: set[str] = set()
    for change in changes:
        desired = change.desired
        if desired.wave != wave:
            ended, wave = wave, desired.wave
            last_in_slot = {}
        before = {desired.parent, last_in_slot.get(desired.slot)}
        order.add(desired.key, *(added & before), *(() if ended is None else (ended,)))
        order.add(desired.wave, desired.key)
        last_in_slot[desired.slot] = desired.key
        added.add(desired.key)
