"""
The decisions of a loop's last round, which are those of the next one wherever nothing has changed. Pure.

A live element with the content of the last round gives the same value again, and the same manifest beside the same
live value under the same policy gives the same decision. Everything else is read and decided anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

from reconciler.plan.decide import decide

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.live import Live
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.plan.decide import Decision, Parent, Policy
    from reconciler.values import JsonObject

T = TypeVar("T")
K = TypeVar("K")


@dataclass(slots=True)
class _TwoRounds(Generic[K, T]):
    """The values of this round and of the last one; older ones are forgotten."""

    this: dict[K, T] = field(default_factory=dict)
    last: dict[K, T] = field(default_factory=dict)

    def turn(self) -> None:
        """Begin another round."""
        self.this, self.last = {}, self.this

    def get(self, key: K) -> T | None:
        """Return a value; None where there is none."""
        found = self.this.get(key)
        return self.last.get(key) if found is None else found


@dataclass(frozen=True, slots=True)
class _Policies:
    """
    A policy, and objects that stand for all equal ones.

    Attributes:
        known: The first that is equal to *seen*.
        bare: The first that differs in the commit at most.
    """

    seen: Policy
    known: Policy
    bare: Policy


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision, and everything that it follows from."""

    desired: Desired
    observed: Observed
    parent: Parent
    policies: _Policies
    decision: Decision

    def is_for(self, desired: Desired, observed: Observed, parent: Parent, policies: _Policies) -> bool:
        """Return whether the same decision follows from these values; the commit is in the body of a PUT alone."""
        is_same = self.desired is desired and self.observed is observed and self.parent == parent
        is_due = self.decision.change.action.writes or self.decision.body is not None
        return is_same and (self.policies.known is policies.known if is_due else self.policies.bare is policies.bare)


@dataclass(slots=True)
class Remembered:
    """
    The live values and the decisions of the last round.

    Attributes:
        key: Random, of this process alone: no digest of a live value has a meaning outside of it.
        decided: How many decisions were made, and not remembered.
    """

    key: bytes = field(repr=False)
    decided: int = 0
    _lives: _TwoRounds[tuple[str, bytes], Live] = field(default_factory=_TwoRounds, repr=False)
    _decisions: _TwoRounds[str, _Decided] = field(default_factory=_TwoRounds, repr=False)
    _policies: _Policies | None = field(default=None, repr=False)

    def turn(self) -> None:
        """Begin another round: what the round before the last one has left is forgotten."""
        self._lives.turn()
        self._decisions.turn()

    def live(self, kind: Kind, body: JsonObject) -> Live:
        """Return the live resource in an answer with *body*: the object of the last round where it is the same."""
        digest = hashlib.blake2b(orjson.dumps(body), key=self.key, digest_size=32).digest()
        known = (kind.name, digest)
        found = self._lives.get(known)
        if found is None:
            found = kind.live(body)
        self._lives.this[known] = found
        return found

    def decide(self, desired: Desired, observed: Observed, policy: Policy, parent: Parent) -> Decision:
        """Return what :func:`reconciler.plan.decide.decide` does, made of the same values in the last round or now."""
        policies = self._interned(policy)
        found = self._decisions.get(desired.key)
        if found is None or not found.is_for(desired, observed, parent, policies):
            self.decided += 1
            decision = decide(desired, observed, policy, parent)
            found = _Decided(desired, observed, parent, policies, decision)
        self._decisions.this[desired.key] = found
        return found.decision

    def _interned(self, policy: Policy) -> _Policies:
        last = self._policies
        if last is None or policy is not last.seen:
            bare = replace(policy, tracking=replace(policy.tracking, commit=None))
            known = last.known if last is not None and last.known == policy else policy
            self._policies = last = _Policies(
                policy, known, last.bare if last is not None and last.bare == bare else bare
            )
        return last
