"""Properties of rollouts over random manifests, steps, live states and clients that write in between. No ARM."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.kinds.live import Live, Replication
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.rollouts import Rollout, parse_rollout
from reconciler.model.change import Action, Reason
from reconciler.model.live import Absence, Absent, Observed
from reconciler.plan.body import put_body
from reconciler.plan.decide import Policy, decide
from reconciler.plan.rollout import Mark, Rollouts, parse_mark
from tests.kit.clock import START
from tests.kit.rollouts import Line, documents

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.plan.decide import Decision

pytestmark = pytest.mark.properties

NAMES = ("West Europe", "North Europe", "East US", "West US", "UK South", "Japan East")
TRACKING = Tracking(project="fleet")
PATH = ("properties", "publishingProfile", "targetRegions")


def desired_of(regions: dict[str, bool]) -> Desired:
    """Return a version in *regions*, each with whether its manifest excludes it."""
    made = documents(tuple(regions))
    listed = made[-1]["spec"]["properties"]["publishingProfile"]["targetRegions"]
    for each in listed:
        if regions[each["name"]]:
            each["excludeFromLatest"] = True
    line = Line(made)
    try:
        found: Desired = line.estate()[1].desired[-1]
        return found
    finally:
        line.close()


def steps_of(order: list[int], names: list[str]) -> list[dict[str, Any]]:
    """Return steps that name each region once, in groups."""
    groups: dict[int, list[str]] = {}
    for number, name in zip(order, names, strict=True):
        groups.setdefault(number, []).append(name)
    return [{"regions": each, "soak": "1h"} for number, each in sorted(groups.items()) if number < 3] or [
        {"latest": True}
    ]


VERSIONS = st.dictionaries(st.sampled_from(NAMES[1:]), st.booleans(), max_size=5).map(
    lambda found: {"West Europe": False, **found}
)
STEPS = st.lists(st.integers(0, 3), min_size=6, max_size=6).map(lambda order: steps_of(order, list(NAMES)))


def regions_in(body: Any) -> dict[str, bool]:
    """Return the regions in a body, each with whether it is excluded."""
    listed = body["properties"]["publishingProfile"].get("targetRegions") or []
    return {each["name"]: bool(each.get("excludeFromLatest")) for each in listed}


def landed(decision: Decision, live: dict[str, Any] | None) -> dict[str, Any]:
    """Return the live body after the PUT of a decision: versions merge."""
    sent = deepcopy(put_body(decision.sent, decision.live, decision.comparison, TRACKING))
    properties = {**(live or {}).get("properties", {}), **sent["properties"], "provisioningState": "Succeeded"}
    return {**(live or {}), **sent, "properties": properties}


def seen(item: Desired, body: dict[str, Any] | None) -> Observed:
    """Return a live version whose copies are complete."""
    if body is None:
        return Absent(Absence.NOT_FOUND)
    names = tuple((name, "Completed") for name in regions_in(body))
    return Live(item.kind.seal(body), Replication("Completed", names))


def decided(item: Desired, body: dict[str, Any] | None, rollout: Rollout, hours: float) -> Decision:
    """Return the decision at a time."""
    rollouts = Rollouts((rollout,), START + timedelta(hours=hours))
    return decide(item, seen(item, body), Policy(tracking=TRACKING, rollouts=rollouts))


@given(VERSIONS, STEPS, st.lists(st.sampled_from(["wait", "run", "add", "tag"]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_rollout_only_adds_and_ends_in_the_manifest(
    regions: dict[str, bool], steps: list[dict[str, Any]], story: list[str]
) -> None:
    """No PUT drops a region or moves latest before the last step, beside other clients too; the end is the manifest."""
    item = desired_of(regions)
    rollout = parse_rollout({"match": {"kind": item.kind.name}, "steps": steps})
    body: dict[str, Any] | None = None
    hours, strangers = 0.0, dict[str, bool]()
    for event in [*story, *["run", "wait"] * 8]:
        if event == "wait":
            hours += 2
        elif event == "add" and body is not None and "Korea South" not in regions_in(body):
            body = deepcopy(body)
            body["properties"]["publishingProfile"]["targetRegions"].append({"name": "Korea South"})
            strangers["Korea South"] = False
        elif event == "tag" and body is not None:
            body = {**body, "tags": {**body.get("tags", {}), "team": "b"}}
        decision = decided(item, body, rollout, hours)
        if not decision.change.action.writes or decision.change.reason is Reason.REMOVAL_REFUSED:
            continue
        before, body = regions_in(body) if body else {}, landed(decision, body)
        after, step = regions_in(body), decision.change.rollout
        assert before.keys() <= after.keys()
        is_last = step is not None and step.is_latest
        for name in after.keys() - before.keys():
            assert after[name] or is_last
        if not is_last:
            assert all(after[name] for name, excluded in before.items() if excluded)
    assert body is not None
    assert {name: excluded for name, excluded in regions_in(body).items() if name not in strangers} == regions
    last = decided(item, body, rollout, hours + 100)
    assert last.change.action is (Action.BLOCKED if strangers else Action.NONE)


@given(VERSIONS, VERSIONS, STEPS)
@settings(max_examples=60, deadline=None)
def test_a_rollout_of_other_versions_changes_nothing(
    regions: dict[str, bool], others: dict[str, bool], steps: list[dict[str, Any]]
) -> None:
    """A version that no rollout matches is decided and sent as without any rollout, to the byte."""
    item, other = desired_of(regions), desired_of(others)
    rollout = parse_rollout({"match": {"kind": item.kind.name, "labels": {"tier": "fleet"}}, "steps": steps})
    plain = Policy(tracking=TRACKING)
    created = decide(other, Absent(Absence.NOT_FOUND), plain)
    for body in (None, landed(created, None)):
        observed = seen(item, body)
        without = decide(item, observed, plain)
        governed = replace(plain, rollouts=Rollouts((rollout,), START))
        beside = decide(item, observed, governed)
        assert beside == without
        assert landed(beside, body) == landed(without, body)


@given(st.integers(1, 999), st.datetimes(START.replace(tzinfo=None)))
@settings(max_examples=60, deadline=None)
def test_a_mark_is_read_as_it_is_written(step: int, moment: Any) -> None:
    """A tag has the step and its instant to the second."""
    mark = Mark(step, moment.replace(tzinfo=START.tzinfo, microsecond=0))
    assert parse_mark(str(mark)) == mark
