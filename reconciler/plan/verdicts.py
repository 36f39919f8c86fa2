"""
Resources that an earlier run found in sync, by a digest of everything that this follows from. Pure.

Only the plainest verdict is remembered: nothing differs, is ignored or undeclared, and no PUT is due. A resource with a
secret in its manifest or its live state is never remembered: not even a digest of them is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from reconciler.compare.diff import Comparison
from reconciler.compare.fingerprint import rules_digest
from reconciler.kinds.kind import subscription_in
from reconciler.kinds.live import Health, Live
from reconciler.model.change import Action, Change, Reason, Sync, Version
from reconciler.plan.decide import Decision, Policy, decide
from reconciler.plan.rollout import Rollouts
from reconciler.secret.text import Secret, is_plain_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.plan.decide import Parent

_NO_ROLLOUTS = Rollouts()


@dataclass(slots=True)
class Verdicts:
    """
    The api-versions of resources in sync, by digest.

    Attributes:
        release: The version of the tool.
        known: Those of earlier runs.
        kept: Those of this run.
        decided: How many decisions were made, and not remembered.
    """

    release: str
    known: Mapping[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    decided: int = 0

    def decide(self, desired: Desired, observed: Observed, policy: Policy, parent: Parent) -> Decision:
        """Return what :func:`reconciler.plan.decide.decide` does, by an earlier verdict where there is one."""
        digest = self._digest(desired, observed, policy) if isinstance(observed, Live) else None
        if digest is None or not isinstance(observed, Live):
            self.decided += 1
            return decide(desired, observed, policy, parent)
        if (version := self.known.get(digest)) is not None:
            self.kept[digest] = version
            return _in_sync(desired, observed, version)
        self.decided += 1
        decision = decide(desired, observed, policy, parent)
        found = decision.change.version
        if found is not None and decision == _in_sync(desired, observed, found.name):
            self.kept[digest] = found.name
        return decision

    def _digest(self, desired: Desired, live: Live, policy: Policy) -> str | None:
        """Return the digest of a manifest, its live state and its policy; None where a secret is in them."""
        if policy.rollouts != _NO_ROLLOUTS:
            return None  # a step depends on the time
        try:
            rules, choices = rules_digest(desired.kind), of_policy(desired, policy)
            text = orjson.dumps([self.release, rules, _of_manifest(desired), live.body, choices], default=_shown)
        except TypeError:
            return None
        return hashlib.sha256(text).hexdigest()


def _of_manifest(desired: Desired) -> list[object]:
    content = desired.content
    parts = [content.tag, content.legacy] if content is not None else []
    return [desired.id, dict(desired.params), desired.body, parts, desired.paused, desired.mark]


def of_policy(desired: Desired, policy: Policy) -> list[object]:
    """
    Return the part of a policy that the verdict "in sync" about one resource follows from, as JSON.

    The commit is in the body of a PUT alone, and rules of storage and of ``latest`` are about PUTs.
    """
    key, tracking, memory, versions = desired.key, policy.tracking, policy.memory, policy.versions
    covering = [rule for rule in policy.ignore if rule.covers(desired.kind.name, desired.name)]
    place = desired.kind.name, subscription_in(desired.id)
    return [
        [tracking.tags, tracking.prefix, tracking.project],
        [[rule.path, rule.omit] for rule in covering],
        [policy.adopt, policy.take_over, policy.strict, key in policy.republish, key in policy.repair],
        [key in each for each in (memory.retried, memory.given_up, memory.rejected)],
        [versions.pins.get(desired.kind.name), versions.known.get(place)],
    ]


def _shown(value: object) -> str:
    """Return the text of a link without anything secret in it; TypeError for all other values that are hidden."""
    if isinstance(value, Secret) and is_plain_link(value):
        return value.shown
    raise TypeError


def _in_sync(desired: Desired, live: Live, version: str) -> Decision:
    change = Change(
        desired,
        Action.NONE,
        Reason.IN_SYNC,
        Sync.IN_SYNC,
        Health.HEALTHY,
        replication=live.replication,
        version=Version(version, version > desired.kind.api_version),
    )
    return Decision(change, desired, live.body, Comparison())
