"""The plan of the last round of a loop, which is that of the next one where nothing has changed."""

from __future__ import annotations

from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, TypeAlias

import orjson

from reconciler.plan.decide import make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.plan.decide import Policy

Made: TypeAlias = "tuple[Plan, frozenset[IgnoreRule]]"


@dataclass(frozen=True, slots=True)
class _Last:
    """
    The arguments of a plan, and the plan.

    Attributes:
        bodies: Of the live resources: equal values of different types, such as 1 and true, differ here.
    """

    desired: tuple[Desired, ...]
    declared: tuple[Desired, ...]
    observation: Observation
    bodies: bytes
    policy: Policy
    made: Made


@dataclass(slots=True)
class Remembered:
    """
    The plan of the last round.

    Attributes:
        decided: How many plans were made anew.
    """

    decided: int = 0
    _last: _Last | None = None

    def plan(
        self, desired: Sequence[Desired], observation: Observation, policy: Policy, declared: Mapping[str, Desired]
    ) -> Made:
        """Return the plan that :func:`reconciler.plan.decide.make_plan` makes, or made of the same values."""
        bodies = orjson.dumps(list(observation.bodies.values()))
        last = self._last
        if (
            last is None
            or last.bodies != bodies
            or not _are_same(last.desired, tuple(desired))
            or not _are_same(last.declared, tuple(declared.values()))
            or last.observation != observation
            or last.policy != policy
        ):
            self.decided += 1
            made = make_plan(desired, observation, policy, declared)
            last = _Last(tuple(desired), tuple(declared.values()), observation, bodies, policy, made)
            self._last = last
        return last.made


def _are_same(some: tuple[Desired, ...], others: tuple[Desired, ...]) -> bool:
    """Return whether the manifests are the same objects: those that were not parsed again."""
    return len(some) == len(others) and all(map(is_, some, others))
