"""Rounds that remember the last one: every report is that of a run that remembers nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.project import IgnoreRule
from reconciler.manifests.rollouts import Match, Rollout
from reconciler.model.outcome import Report
from reconciler.pipeline import Task
from reconciler.plan.decide import Memory, Policy
from reconciler.plan.remembered import Remembered
from reconciler.plan.verdicts import Verdicts, of_policy
from reconciler.plan.versions import ApiVersions
from reconciler.report import render
from tests.kit.bench import Bench, on_bench
from tests.kit.cli import application, gallery, version
from tests.kit.clock import START
from tests.kit.strategies import as_yaml, body_node, body_of, edits, estates, has_edits, id_of, kind_of, with_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.manifests.estate import Estate

KEY: Final = bytes(32)
TAGS: Final[st.SearchStrategy[dict[str, Any]]] = st.sampled_from(
    [{}, {"n": "1"}, {"n": 1}, {"n": 1.0}, {"n": True}, {"n": "é"}]
)
"""Values that Python calls equal are different tags."""


def read_in(documents: Sequence[Mapping[str, Any]]) -> Estate:
    """Return the estate that some documents declare."""
    return read_estate(Options(paths=("-",)), packaged(), START, lambda _: as_yaml(documents))


async def shown(bench: Bench, task: Task) -> str:
    """Return the report of a plan, as JSON."""
    made = await pipeline.read(task, bench.arm)
    report = Report("plan", START, START, made.plan, errors=made.errors, warnings=made.warnings, puts=made.puts)
    return render(report, "json")


def tagged(bench: Bench, key: str, tags: Mapping[str, Any]) -> None:
    """Let another client set the tags of a live resource."""
    bench.world.edit(key, lambda body: {**body, "tags": dict(tags)})


def edited(data: st.DataObject, document: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest with one leaf changed, where there is one."""
    root = body_node(kind_of(document))
    body = body_of(document)
    return with_body(document, data.draw(edits(root, body)).body) if has_edits(root, body) else document


@pytest.mark.properties
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 5))
def test_every_report_is_that_of_a_run_without(data: st.DataObject) -> None:
    """Live values, manifests, choices and cuts change between rounds, or nothing does."""
    documents = data.draw(estates())
    live = data.draw(st.integers(0, len(documents)))

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents[:live])
        remembered, verdicts, stated = Remembered(KEY), Verdicts("1"), list(documents)
        task = Task(bench.options, read_in(stated), packaged())
        for _ in range(data.draw(st.integers(2, 6))):
            expected = await shown(bench, task)
            assert await shown(bench, replace(task, remembered=remembered)) == expected
            verdicts = Verdicts("1", verdicts.kept)
            assert await shown(bench, replace(task, verdicts=verdicts)) == expected
            step = data.draw(
                st.sampled_from(["nothing", "drift", "edit", "parsed again", "commit", "ignore", "memory", "adopt"])
            )
            if step == "drift" and bench.world.ids():
                tagged(bench, data.draw(st.sampled_from(sorted(bench.world.ids()))), data.draw(TAGS))
            elif step == "edit":
                place = data.draw(st.integers(0, len(stated) - 1))
                stated[place] = edited(data, stated[place])
                task = replace(task, estate=read_in(stated))
            elif step == "parsed again":
                task = replace(task, estate=read_in(stated))
            elif step == "commit":
                task = replace(task, commit=data.draw(st.sampled_from([None, "1" * 40, "2" * 40])))
            elif step == "ignore":
                rules = data.draw(st.sampled_from([(), (IgnoreRule("tags.n", "why"),), (IgnoreRule("*", "why"),)]))
                task = replace(task, estate=replace(task.estate, rules=rules))
            elif step == "memory":
                keys = frozenset(data.draw(st.sets(st.sampled_from([id_of(each).lower() for each in documents]))))
                task = replace(task, memory=Memory(keys, keys, keys))
            elif step == "adopt":
                task = replace(task, options=replace(task.options, adopt=data.draw(st.booleans())))

    on_bench(scenario)


CHOICES: Final[dict[str, Callable[[Task], Task]]] = {
    "ignore rules": lambda task: replace(
        task, estate=replace(task.estate, rules=(IgnoreRule("properties.description", "why"),))
    ),
    "memory": lambda task: replace(task, memory=Memory(rejected=frozenset({id_of(application(within="g")).lower()}))),
    "manifests": lambda task: replace(task, estate=read_in([application(within="g")])),
}


@pytest.mark.parametrize("change", CHOICES.values(), ids=CHOICES.keys())
def test_what_changes_is_decided_again(change: Callable[[Task], Task]) -> None:
    """For the same live resource."""
    document = application(within="g")

    async def scenario(bench: Bench) -> None:
        await bench.apply([gallery("g"), document])
        bench.world.edit(id_of(document), lambda body: body["properties"].update(description="drift"))
        remembered = Remembered(KEY)
        edited = with_body(
            document, {**body_of(document), "properties": {"supportedOSType": "Linux", "description": "edited"}}
        )
        task = Task(bench.options, read_in([edited]), packaged())
        await shown(bench, replace(task, remembered=remembered))
        task = change(task)
        assert await shown(bench, replace(task, remembered=remembered)) == await shown(bench, task)
        assert remembered.decided == 2

    on_bench(scenario)


def test_an_unchanged_round_decides_nothing() -> None:
    """One that differs in one resource decides that one."""
    documents = [gallery("g"), application(within="g"), version(within="g")]

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents)
        remembered = Remembered(KEY)
        task = Task(bench.options, read_in(documents), packaged(), remembered=remembered)
        for decided in (3, 3, 3):
            await pipeline.read(task, bench.arm)
            assert remembered.decided == decided
        tagged(bench, id_of(documents[1]), {"n": "1"})
        await pipeline.read(task, bench.arm)
        assert remembered.decided == 4

    on_bench(scenario)


def test_rounds_long_ago_are_forgotten() -> None:
    """Live values and decisions of the last round are kept, and of none before it."""

    async def scenario(bench: Bench) -> None:
        await bench.apply([gallery("g"), application(within="g")])
        remembered = Remembered(KEY)
        for number in range(5):
            task = Task(bench.options, read_in([gallery("g"), application(within="g")]), packaged())
            tagged(bench, id_of(gallery("g")), {"n": str(number)})
            await pipeline.read(replace(task, remembered=remembered), bench.arm)
        assert [len(each.this) + len(each.last) for each in (remembered._lives, remembered._decisions)] == [4, 4]

    on_bench(scenario)


def test_the_key_is_not_shown() -> None:
    """The digests of live values mean nothing without it."""
    assert "key" not in repr(Remembered(b"key"))


def test_every_choice_is_in_a_verdict() -> None:
    """A field of the policy that is new must be thought of: a verdict follows from it, or is no verdict about it."""
    without_effect = {"storage", "may_lose_latest", "settings"}
    elsewhere = {"rollouts"}  # with any, nothing is remembered
    within = {"tracking", "ignore", "adopt", "take_over", "strict", "repair", "republish", "memory", "versions"}
    assert {each.name for each in fields(Policy)} == within | without_effect | elsewhere
    item = read_in([gallery("g")]).desired[0]
    keys, version = frozenset({item.key}), "2021-10-01"
    policies = [
        Policy(),
        Policy(tracking=Tracking(tags=False)),
        Policy(tracking=Tracking(prefix="ours")),
        Policy(tracking=Tracking(project="shop")),
        Policy(ignore=(IgnoreRule("tags.n", "why"),)),
        Policy(ignore=(IgnoreRule("tags.n", "why", omit=True),)),
        Policy(adopt=False),
        Policy(take_over=True),
        Policy(strict=True),
        Policy(repair=keys),
        Policy(republish=keys),
        *(Policy(memory=Memory(**{each.name: keys})) for each in fields(Memory)),
        Policy(versions=ApiVersions({"Gallery": version})),
        Policy(versions=ApiVersions({}, {("Gallery", item.params["subscriptionId"].lower()): version})),
    ]
    parts = [repr(of_policy(item, each)) for each in policies]
    assert len(set(parts)) == len(parts)


def test_a_rollout_is_never_remembered() -> None:
    """Its next step depends on the time."""
    documents = [gallery("g")]

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents)
        estate = read_in(documents)
        project, verdicts = replace(estate.project, rollouts=(Rollout(Match("GalleryScript"), ()),)), Verdicts("1")
        rolled = replace(estate, project=project)
        await pipeline.read(Task(bench.options, rolled, packaged(), verdicts=verdicts), bench.arm)
        assert (verdicts.decided, verdicts.kept) == (1, {})
        await pipeline.read(Task(bench.options, estate, packaged(), verdicts=verdicts), bench.arm)
        assert len(verdicts.kept) == 1

    on_bench(scenario)
