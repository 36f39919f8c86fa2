"""
Repairs a version whose replication failed: its failed regions are dropped, and added again by a second PUT. Pure.

Azure copies a version to a region once; a copy that failed is made anew only for a region that is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.kinds.normal_forms import region
from reconciler.kinds.paths import get
from reconciler.manifests.rollouts import home_of
from reconciler.plan.rollout import elements_of, with_elements

if TYPE_CHECKING:
    from reconciler.kinds.live import Live
    from reconciler.model.desired import Desired


@dataclass(frozen=True, slots=True)
class Repair:
    """
    The two PUTs of a repair, or why there is none.

    Attributes:
        dropped: The version without its failed regions.
        whole: The version with them, as it is live and declared now.
        refused: Why Azure or the rules of a repair forbid it; empty where it is allowed.
    """

    dropped: Desired
    whole: Desired
    refused: str = ""


def repair_of(part: Desired, live: Live) -> Repair | None:
    """
    Return the repair of a version; None where no replication has failed, or its kind has no regions.

    Args:
        part: The part of the manifest that counts now.
        live: With the state of its copies.
    """
    rule, copies = part.kind.latest, live.replication
    if rule is None or copies is None:
        return None
    found = elements_of(rule, get(live.body, rule.regions))
    failed = {folded for folded in map(region, copies.failed_regions) if folded in found}
    if not failed:
        return None
    declared = elements_of(rule, get(part.body, rule.regions))
    whole = with_elements(part, {**found, **declared})
    left = {folded: each for folded, each in {**found, **declared}.items() if folded in found and folded not in failed}
    where, healthy = ", ".join(sorted(copies.failed_regions)), set(map(region, copies.completed_regions))
    return Repair(with_elements(part, left), whole, _refused(part, failed, healthy, where))


def _refused(part: Desired, failed: set[str], healthy: set[str], where: str) -> str:
    rule, home = part.kind.latest, home_of(part)
    guard = part.kind.rules.at(rule.regions).removal_guard if rule is not None else None
    if guard is not None and get(part.body, guard) is not True:
        return f"set `{'.'.join(guard)}` to true: replication failed in {where}, and a region is dropped only with it"
    if home is not None and region(home) in failed:
        return f"publish a new version: replication failed in {home}, the version's location, which cannot be dropped"
    if not healthy - failed:
        return f"publish a new version: replication failed in {where}, and no region would be left"
    return ""
