"""Finds where an apply has moved ``latest``: a PUT that failed or was not sent moves nothing. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.compare.diff import Comparison, compare
from reconciler.errors import ErrorCode
from reconciler.kinds.kind import folded_id
from reconciler.kinds.live import Live
from reconciler.model.outcome import Result
from reconciler.plan.body import put_body
from reconciler.plan.latest import candidates, decides_latest, foretell
from reconciler.plan.rollout import landed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.model.change import Change, Plan
    from reconciler.model.live import Observation
    from reconciler.model.outcome import Outcome
    from reconciler.plan.decide import Policy
    from reconciler.values import JsonObject


def after_apply(plan: Plan, outcomes: Mapping[str, Outcome], observation: Observation, policy: Policy) -> Plan:
    """Return *plan* with the moves of ``latest``, and the versions out of use, that its outcomes have brought about."""
    if not plan.latest:
        return plan
    bodies = dict(_landed(plan, outcomes, observation, policy))
    found = foretell(candidates(plan.changes, bodies, observation), may_lose=True)
    return replace(plan, latest=found.moves, retired=found.retired)


def _landed(
    plan: Plan, outcomes: Mapping[str, Outcome], observation: Observation, policy: Policy
) -> Iterator[tuple[str, JsonObject]]:
    """Yield the body of each version, by folded id, that is live as it was sent in an application where one moved."""
    parents = {folded_id(move.parent) for move in plan.latest}
    for change in plan.changes:
        item = change.desired
        outcome = outcomes.get(item.key)
        if item.parent not in parents or outcome is None or not _is_live(change, outcome):
            continue
        seen = observation.observed.get(item.key)
        item = landed(item, seen, policy.rollouts, outcome.change.rollout)
        live = seen.body if isinstance(seen, Live) else None
        comparison = compare(item, live, policy.tracking, policy.ignore) if live is not None else Comparison()
        yield item.key, put_body(item, live, comparison, policy.tracking)


def _is_live(change: Change, outcome: Outcome) -> bool:
    """Return whether a version is offered as declared: also where Azure did not keep a value of another field."""
    if outcome.result in {Result.SUCCEEDED, Result.UNCHANGED}:
        return True
    rule = change.desired.kind.latest
    is_kept = outcome.error is not None and outcome.error.code == ErrorCode.DID_NOT_STICK
    return is_kept and rule is not None and not any(decides_latest(rule, each.steps) for each in outcome.change.fields)
