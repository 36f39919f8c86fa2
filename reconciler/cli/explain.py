"""The ``explain`` command: reads one resource, plans it as ``plan`` does, and explains every leaf."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler import pipeline
from reconciler.compare.explain import Explanation, at_path, explain
from reconciler.errors import UsageError
from reconciler.manifests.resolve import select
from reconciler.manifests.selection import no_manifest
from reconciler.runtime.connect import open_reader

if TYPE_CHECKING:
    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired
    from reconciler.runtime.run import Run

_MOST_NAMED: Final = 5


async def explain_one(run: Run, estate: Estate, target: str, path: str | None) -> Explanation:
    """
    Explain one resource, through a client that cannot write.

    Args:
        run: The arguments of the command.
        estate: The declared resources.
        target: ``KIND/NAME``, or a pattern that one resource alone matches.
        path: Of the leaves, as an ignore rule writes it; None for all.

    Raises:
        UsageError: The target is not one resource, or it has nothing at the path.
    """
    item = _chosen(estate, target)
    options = replace(run.options, targets=(item.address,))
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        reading = await pipeline.make_reading(options, replace(estate, selected=_with_parents(item, estate)), arm)
    change = next(change for change in reading.plan.changes if change.desired is item)
    rows = explain(item, reading.observation.observed[item.key], reading.policy.tracking, reading.policy.ignore)
    found = at_path(rows, path)
    if not found:
        message = f"{item.address} has nothing at {path}, and its schema neither; without a path, explain shows all"
        raise UsageError(message)
    return Explanation(change, found, run.about(estate.project.name, estate.sources))


def _with_parents(item: Desired, estate: Estate) -> tuple[Desired, ...]:
    """Return a resource and what is stated of those it lies in: whether they are there has a say in what is done."""
    stated = {other.key: other for other in estate.desired}
    found = [item]
    while found[0].parent in stated:
        found.insert(0, stated[found[0].parent or ""])
    return tuple(found)


def _chosen(estate: Estate, target: str) -> Desired:
    """Return the resource that is meant: by its name, else by a pattern that fits no other."""
    exact = [item for item in estate.desired if item.address == target]
    found = exact or select(estate.desired, (target,), {})
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"{target} matches no manifest; {no_manifest(target, estate.desired)}"
        raise UsageError(message)
    named = ", ".join(item.address for item in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    message = f"{target} matches {len(found)} manifests, and explain speaks of one: {named}{more}"
    raise UsageError(message)
