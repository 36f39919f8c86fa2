"""A plan does not depend on the cut of the estate into partitions, and its counts are the sums of theirs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.azure.polling import Patience
from reconciler.kinds.kind import folded_id
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.partition import Cut, Partition, whole
from reconciler.model.outcome import Report
from reconciler.pipeline import Task
from reconciler.plan.parts import Part, joined
from reconciler.plan.summary import Summary, summarize
from reconciler.report import render
from reconciler.runtime.progress import Silent
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import annotated, application, definition, gallery, version
from tests.kit.clock import START
from tests.kit.strategies import as_yaml, estates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired
    from reconciler.pipeline import Reading

KINDS = packaged().kinds


def root_of(item: Desired) -> tuple[str, str]:
    """Return the subscription of a resource, and its root parent: the list that holds it, where one is read."""
    kind = item.kind
    while kind.parent is not None:
        kind = KINDS[kind.parent]
    return item.params["subscriptionId"], folded_id(kind.list_path(item.params) or kind.resource_id(item.params))


def by_root(group: Callable[[tuple[str, str]], int]) -> Cut:
    """Return a cut whose partitions hold the roots of one group each."""

    def cut(estate: Estate) -> tuple[Partition, ...]:
        groups: defaultdict[int, list[Desired]] = defaultdict(list)
        for item in estate.selected:
            groups[group(root_of(item))].append(item)
        return tuple(Partition(root_of(groups[number][0]), groups[number]) for number in sorted(groups))

    return cut


def drawn_cut(data: st.DataObject, estate: Estate) -> Cut:
    """Return a cut that puts each root into any of four partitions."""
    numbers = {root: data.draw(st.integers(0, 3)) for root in sorted(set(map(root_of, estate.selected)))}
    return by_root(numbers.__getitem__)


def each_root_apart(estate: Estate) -> Cut:
    """Return a cut with one partition for each root, the last root first."""
    numbers = {root: -index for index, root in enumerate(sorted(set(map(root_of, estate.selected))))}
    return by_root(numbers.__getitem__)


def report(command: str, reading: Reading, requests: Mapping[str, int]) -> Report:
    """Return the report of a reading."""
    return Report(
        command,
        START,
        START,
        reading.plan,
        reading.outcomes,
        reading.errors,
        reading.warnings,
        requests=requests,
        puts=reading.puts,
    )


async def planned(bench: Bench, task: Task) -> Report:
    """Return the report of a plan, with its own requests alone."""
    before = Counter(bench.arm.transport.requests)
    reading = await pipeline.read(task, bench.arm)
    return report("plan", reading, Counter(bench.arm.transport.requests) - before)


def as_json(made: Report) -> Any:
    """Return what a report says."""
    return json.loads(render(made, "json"))


def read_in(documents: Sequence[Mapping[str, Any]]) -> Estate:
    """Return the estate that some documents declare."""
    return read_estate(Options(paths=("-",)), packaged(), START, lambda _: as_yaml(documents))


def named(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a manifest under another name."""
    return {**document, "metadata": {**document["metadata"], "name": name}}


def edited(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with one tag more."""
    spec = document["spec"]
    return {**document, "spec": {**spec, "tags": {**(spec.get("tags") or {}), "edited": "yes"}}}


@pytest.mark.properties
@given(data=st.data())
def test_any_cut_gives_the_plan_of_the_whole(data: st.DataObject) -> None:
    """Resources to create, to update and in sync, and unmanaged ones; counts and requests among it."""
    documents = data.draw(estates())
    live = data.draw(st.integers(0, len(documents)))
    stated = [edited(each) if data.draw(st.booleans()) else each for each in documents]
    stated = [each for each in stated if data.draw(st.integers(0, 4))] or stated
    estate = read_in(stated)
    cut = drawn_cut(data, estate)

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents[:live])
        task = Task(bench.options, estate, packaged())
        expected = await planned(bench, task)
        assert as_json(await planned(bench, replace(task, cut=cut))) == as_json(expected)
        apart = [replace(task, estate=replace(estate, selected=tuple(each.desired))) for each in cut(estate)]
        parts = [await planned(bench, each) for each in apart]
        assert reduce(add, map(summarize, parts), Summary()) == summarize(expected)

    on_bench(scenario)


@pytest.mark.properties
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 3))
def test_any_cut_gives_the_apply_of_the_whole(data: st.DataObject) -> None:
    """The same outcomes after as many requests, and the same world."""
    documents = data.draw(estates())
    live = data.draw(st.integers(0, len(documents)))
    stated = [edited(each) if data.draw(st.booleans()) else each for each in documents]
    estate = read_in(stated)

    async def applied(bench: Bench, cut: Cut) -> tuple[Any, Any]:
        await bench.apply(documents[:live])
        before = Counter(bench.arm.transport.requests)
        task = Task(bench.options, estate, packaged(), cut=cut)
        patience = Patience(bench.clock, 1.0, 60.0, asyncio.Event())
        done = await pipeline.carry_out(task, await pipeline.read(task, bench.arm), bench.arm, patience, Silent())
        made = report("apply", done, Counter(bench.arm.transport.requests) - before)
        return as_json(made), {each: bench.world.stored(each) for each in bench.world.ids()}

    cut = drawn_cut(data, estate)
    assert on_bench(lambda bench: applied(bench, cut)) == on_bench(lambda bench: applied(bench, whole))


PROJECT = """\
apiVersion: reconciler.dev/v1
kind: Project
metadata: {name: shop}
spec:
  ignore:
  - {kind: Gallery, name: first, path: tags.owner, reason: set by a policy}
  - {kind: Gallery, path: properties.description, reason: idle in both partitions}
"""


def test_what_needs_all_resources_follows_the_sum(tmp_path: Path) -> None:
    """Waves order the plan across partitions, and an ignore rule is idle only if no partition uses it."""
    late = [annotated(each, wave="1") for each in (gallery("first"), named(application(within="first"), "below-first"))]
    documents = [*late, gallery("second"), application(within="second"), version(within="second"), definition()]
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    (tmp_path / "all.yaml").write_bytes(as_yaml(documents))
    options = Options(paths=(str(tmp_path / "all.yaml"),), config=str(tmp_path / "reconciler.yaml"))
    estate = read_estate(options, packaged(), START)
    ids = {item.name: item.id for item in estate.desired}

    async def scenario(bench: Bench) -> tuple[Any, Any]:
        body = {"location": "westeurope", "tags": {"owner": "them"}, "properties": {}}
        bench.world.seed([(ids["first"], body), (ids["second"], {**body, "tags": {}})])
        task = Task(options, estate, packaged())
        return as_json(await planned(bench, task)), as_json(
            await planned(bench, replace(task, cut=each_root_apart(estate)))
        )

    one, many = on_bench(scenario)
    assert many == one
    assert len(tuple(each_root_apart(estate)(estate))) == 3
    assert [item["name"] for item in many["resources"]][-2:] == ["first", "below-first"]
    assert [(each["code"], each["path"]) for each in many["warnings"]] == [("ignore-unused", "spec.ignore[1]")]


def test_parts_are_a_monoid() -> None:
    """No part at all is the empty one, which changes nothing."""
    assert joined(()) == Part() == Part() + Part()
