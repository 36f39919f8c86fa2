"""Warns of galleries without the managed identity that a storage rule leaves their packages to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.manifests.access import has_identity, known_identities, top_level
from reconciler.model.change import BY_IDENTITY, Action
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject


def without_identity(plan: Plan, declared: Sequence[Desired], live: Mapping[str, JsonObject]) -> Iterator[Problem]:
    """
    Yield a warning for each gallery that has no identity, and whose packages a PUT leaves to it.

    A gallery that was not read, and is not created, is unknown.

    Args:
        plan: The actions of an apply.
        declared: The resources of the manifests.
        live: The live bodies, by folded id.
    """
    creates = (change.desired for change in plan.changes if change.action is Action.CREATE)
    made = {item.key: has_identity(item.body) for item in creates if item.parent is None}
    known = made | known_identities(declared, live)
    warned: set[str] = set()
    for change in plan.changes:
        item = change.desired
        key = top_level(item.key)
        is_left_to_it = any(each.source == BY_IDENTITY for each in change.signatures)
        if is_left_to_it and known.get(key) is False and key not in warned:
            warned.add(key)
            message = f"`spec.storage` leaves packages to the identity of {top_level(item.id)}, which has none"
            fix = "declare `identity` in the gallery's manifest (docs/packages.md), or `sas` in the rule"
            yield Problem(item.source.file, item.source.line, None, "", "no-gallery-identity", message, fix)
