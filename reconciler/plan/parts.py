"""
A plan in parts: the share of each partition, and their sum. Pure.

The sum of parts is the plan of all their resources in the order of doing, so a plan does not depend on the cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from reconciler.model.change import Plan
from reconciler.model.live import Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.manifests.project import IgnoreRule
    from reconciler.problems import Problem


@dataclass(frozen=True, slots=True)
class Part:
    """
    The share of one partition in a plan.

    A monoid for partitions that share no resource: ``+`` is associative, and ``Part()`` changes nothing.

    Attributes:
        used: The ignore rules that hid something. A rule is idle only if it is idle in every part.
        hidden: Warnings about values that a snapshot does not hold.
    """

    observation: Observation = field(default_factory=lambda: Observation({}))
    plan: Plan = field(default_factory=lambda: Plan(()))
    used: frozenset[IgnoreRule] = frozenset()
    hidden: tuple[Problem, ...] = ()

    def __add__(self, other: Part) -> Part:
        return joined((self, other))


def joined(parts: Sequence[Part]) -> Part:
    """Return the sum of parts; sorted once, however many there are."""
    if len(parts) == 1:
        return parts[0]
    plans = [part.plan for part in parts]
    changes = sorted(chain.from_iterable(plan.changes for plan in plans), key=lambda change: change.desired.order)
    unmanaged = sorted(chain.from_iterable(plan.unmanaged for plan in plans), key=lambda each: each.id.lower())
    latest = sorted(chain.from_iterable(plan.latest for plan in plans), key=lambda each: each.order)
    retired = frozenset[str]().union(*(plan.retired for plan in plans))
    return Part(
        observation=joined_observation([part.observation for part in parts]),
        plan=Plan(tuple(changes), tuple(unmanaged), tuple(latest), retired),
        used=frozenset().union(*(part.used for part in parts)),
        hidden=tuple(chain.from_iterable(part.hidden for part in parts)),
    )


def joined_observation(observations: Sequence[Observation]) -> Observation:
    """Return everything that several observations found."""
    if len(observations) == 1:
        return observations[0]
    unmanaged = sorted(chain.from_iterable(each.unmanaged for each in observations), key=lambda each: each.id.lower())
    return Observation(
        observed={key: found for each in observations for key, found in each.observed.items()},
        parents=frozenset[str]().union(*(each.parents for each in observations)),
        unmanaged=tuple(unmanaged),
        lists=frozenset[str]().union(*(each.lists for each in observations)),
        versions={key: version for each in observations for key, version in each.versions.items()},
        others=tuple(chain.from_iterable(each.others for each in observations)),
    )
