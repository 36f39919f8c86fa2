"""
A plan in parts: the share of each partition, and their sum. Pure.

The sum of parts is the plan of all their resources in the order of doing, so a plan does not depend on the cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from reconciler.kinds.live import Live
from reconciler.model.change import Action, Plan, Reason
from reconciler.model.live import Observation
from reconciler.model.packed import PackedDesired, packed_live

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.change import Change, Version
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
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


def packed(
    part: Part, desired: Sequence[Desired], versions: dict[Version, Version]
) -> tuple[Part, Mapping[str, Observed]]:
    """
    Return a part without what it observed of its resources, and that; what is in sync is packed if its manifest is.

    Args:
        part: Of whole resources.
        desired: The same resources as the estate holds them.
        versions: One object for all equal ones; those of the part are added.
    """
    held = {item.key: item for item in desired if isinstance(item, PackedDesired)}
    quiet = {change.desired.key for change in part.plan.changes if change.desired.key in held and _is_quiet(change)}
    changes = (
        _small(change, held, versions) if change.desired.key in quiet else change for change in part.plan.changes
    )
    observed = {
        key: packed_live(found) if key in quiet and isinstance(found, Live) else found
        for key, found in part.observation.observed.items()
    }
    plan = replace(part.plan, changes=tuple(changes))
    return replace(part, observation=replace(part.observation, observed={}), plan=plan), observed


def _small(change: Change, held: Mapping[str, Desired], versions: dict[Version, Version]) -> Change:
    version = change.version and versions.setdefault(change.version, change.version)
    return replace(change, desired=held[change.desired.key], version=version)


def _is_quiet(change: Change) -> bool:
    """Return whether hardly anything of a resource is asked for once it is decided."""
    return change.action is Action.NONE and change.reason is Reason.IN_SYNC and not change.fields


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
