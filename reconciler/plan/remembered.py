"""
The decisions of a loop's last round, which are those of the next one wherever nothing has changed. Pure.

A live element with the content of the last round gives the same value again, and the same manifest beside the same
live value under the same policy gives the same decision. Everything else is read and decided anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

from reconciler.plan.decide import Policy, decide

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.live import Live
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.plan.decide import Decision, Parent
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
class _Decided:
    """A decision, and everything that it follows from."""

    desired: Desired
    observed: Observed
    parent: Parent
    policy: Policy
    decision: Decision


def _no_policies() -> tuple[Policy, Policy]:
    return (Policy(),) * 2


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
    _policies: tuple[Policy, Policy] = field(default_factory=_no_policies, repr=False)

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
        policy = self._known(policy)
        found = self._decisions.get(desired.key)
        if (
            found is None
            or found.desired is not desired
            or found.observed is not observed
            or found.policy is not policy
            or found.parent != parent
        ):
            self.decided += 1
            found = _Decided(desired, observed, parent, policy, decide(desired, observed, policy, parent))
        self._decisions.this[desired.key] = found
        return found.decision

    def _known(self, policy: Policy) -> Policy:
        """Return *policy*, or the equal one of the last round."""
        seen, known = self._policies
        if policy is not seen:
            known = known if policy == known else policy
            self._policies = policy, known
        return known
