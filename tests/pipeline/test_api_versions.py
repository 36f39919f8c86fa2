"""
Properties of api-versions of every kind: at every rung, in every cloud, with every pin, with any newer live values.

More examples: ``make properties``.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.azure.polling import Patience
from reconciler.emulator.changes import elements
from reconciler.emulator.newer import kept
from reconciler.emulator.trees import without_nulls
from reconciler.emulator.versions import is_newer
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.trees import below
from reconciler.kinds.versions import lowest_version, without_newer
from reconciler.manifests.estate import read_estate
from reconciler.model.change import Action, Reason
from reconciler.model.outcome import Result
from reconciler.pipeline import Task
from reconciler.runtime.progress import Silent
from tests.kit.bench import Bench, on_bench
from tests.kit.clock import START
from tests.kit.strategies import (
    as_yaml,
    at_rung,
    bodies,
    body_node,
    body_of,
    edits,
    estates,
    families,
    has_edits,
    id_of,
    kind_of,
    manifest,
    respelled,
    thinned,
    with_body,
)
from tests.pipeline.test_properties import assert_applied, assert_in_sync, examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.pipeline import Reading

Form = Literal["kept", "dropped"]
RUNGS: Final = sorted({version for kind in packaged().kinds.values() for version in kind.api_versions})
CLIMBERS: Final = [
    kind.name for kind in packaged().kinds.values() if any(newer for _, newer in kind.rules.every() if newer.since)
]


@pytest.mark.parametrize("rung", RUNGS)
@given(data=st.data())
@examples(0.15)
def test_at_every_rung_what_was_applied_plans_empty(rung: str, data: st.DataObject) -> None:
    """In a cloud that knows no newer version, and with a pin in one that does; other spellings change nothing."""
    documents = at_rung(data.draw(estates()), rung)
    respelt = at_rung([data.draw(respelled(document)) for document in documents], rung)
    is_pinned = data.draw(st.booleans())

    async def scenario(bench: Bench) -> None:
        if is_pinned:
            bench.pins = pins_of(documents, rung)
        else:
            bench.world.learn({"": rung})
        await assert_applied(bench, documents)
        assert_in_sync(await bench.plan(documents))
        assert_in_sync(await bench.plan(respelt))
        assert await bench.apply(respelt) == {}
        assert bench.puts == len(documents)

    on_bench(scenario, data.draw(st.sampled_from(["whole", "stripped"])), newer_fields=data.draw(forms))


def pins_of(documents: Sequence[Mapping[str, Any]], rung: str) -> dict[str, str]:
    """Return the newest pin of each kind that is no newer than *rung*."""
    kinds = {document["kind"]: kind_of(document) for document in documents}
    return {name: max(each for each in kind.api_versions if each <= rung) for name, kind in kinds.items()}


forms: st.SearchStrategy[Form] = st.sampled_from(["kept", "dropped"])


@given(data=st.data())
@examples(0.3)
def test_another_pin_is_no_difference(data: st.DataObject) -> None:
    """Up or down, as long as it has everything that is declared; nor is a cloud that learns newer versions."""
    documents = data.draw(estates())
    lowest: dict[str, str] = {}
    for document in documents:
        version = lowest_version(kind_of(document), body_of(document))
        lowest[document["kind"]] = max(version, lowest.get(document["kind"], ""))
    pins = st.fixed_dictionaries(
        {
            name: st.sampled_from([each for each in packaged().of(name).api_versions if each >= version])
            for name, version in lowest.items()
        }
    )

    async def scenario(bench: Bench) -> None:
        bench.pins = data.draw(pins)
        bench.world.learn({"": max(bench.pins.values())})
        await assert_applied(bench, documents)
        for _ in range(2):
            bench.world.learn({})
            bench.pins = data.draw(st.one_of(pins, st.just({})))
            assert_in_sync(await bench.plan(documents))
            assert await bench.apply(documents) == {}
        assert bench.puts == len(documents)

    on_bench(scenario, newer_fields=data.draw(forms))


@pytest.mark.parametrize("form", ["kept", "dropped"])
@pytest.mark.parametrize("name", CLIMBERS)
@given(data=st.data())
@examples(0.3)
def test_newer_live_leaves_survive_every_put(name: str, form: Form, data: st.DataObject) -> None:
    """Set by another client, beside what git declares at an older rung: carried over, or the resource is blocked."""
    kind = packaged().kinds[name]
    documents = data.draw(families(name))
    root = body_node(kind)
    rung = data.draw(st.sampled_from(kind.api_versions[:-1]))
    declared = dict(without_newer(kind, data.draw(thinned(root, body_of(documents[-1]))), rung))
    assume(has_edits(root, declared))
    edit = without_newer(kind, data.draw(edits(root, declared)).body, rung)
    pin = data.draw(st.sampled_from([None, *(each for each in kind.api_versions if each >= rung)]))
    foreign, how = data.draw(bodies(name)), data.draw(st.sampled_from(["update", "republish", "failed"]))
    before, after = ([*documents[:-1], with_body(documents[-1], body)] for body in (declared, edit))
    resource_id = id_of(documents[-1])

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, before)
        if how == "failed":
            bench.world.fail_next(resource_id, "InternalExecutionError", "at the end")
            await bench.apply(after)
        bench.world.edit(resource_id, lambda stored: kept(kind.rules, without_nulls(foreign), stored, rung))
        newer = dict(newer_leaves(kind, bench.world.stored(resource_id), rung))
        bench.pins = {name: pin} if pin else {}
        if how == "republish":
            bench.options = replace(bench.options, republish=(f"{name}/it",))
        outcomes = await bench.apply(before if how == "republish" else after)
        assert dict(newer_leaves(kind, bench.world.stored(resource_id), rung)) == newer
        outcome = outcomes.get(resource_id.lower())
        if outcome is not None and outcome.change.action is Action.BLOCKED:
            assert outcome.change.reason is not Reason.NEWER_LIVE or (newer and pin)
        elif outcome is not None:
            assert outcome.result in {Result.SUCCEEDED, Result.UNCHANGED}, outcome.error

    on_bench(scenario, newer_fields=form)


def newer_leaves(kind: Kind, body: Any, rung: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield everything of a body that is newer than *rung*, by its path with the keys of elements."""
    return _newer(kind.rules, body, rung, ())


def _newer(rule: Rule, value: Any, rung: str, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if is_newer(rule, value, rung) and not isinstance(value, dict | list):
        if not rule.read_only and value != rule.implied:  # a PUT without it leaves the same
            yield path, value
    elif rule.shape is Shape.LIST and rule.keys:
        for key, element in elements(rule, value).items():
            yield from _newer(rule.element, element, rung, (*path, key))
    else:
        for step, child, item in below(rule, value):
            yield from _newer(child, item, rung, (*path, step))


def test_a_round_of_a_loop_sees_what_a_cloud_has_learned() -> None:
    """A newer property, set since the round before: the PUT carries it, in the first round that has one to send."""

    async def scenario(bench: Bench) -> None:
        bench.world.learn({"": "2022-03-03"})
        await _round(bench, description="old")
        bench.world.learn({})
        resource_id = id_of(_tools())
        bench.world.edit(resource_id, lambda stored: {**stored, "identity": {"type": "SystemAssigned"}})
        reading = await _round(bench, description="new")
        assert [each.result for each in reading.outcomes.values()] == [Result.SUCCEEDED]
        assert reading.warnings == ()
        stored: Any = bench.world.stored(resource_id)
        assert (stored["properties"]["description"], stored["identity"]["type"]) == ("new", "SystemAssigned")

    on_bench(scenario, newer_fields="dropped")


def _tools(**properties: str) -> dict[str, Any]:
    params = {
        "subscriptionId": "01523d7c-60da-455e-adef-521b547922c4",
        "resourceGroupName": "rg",
        "galleryName": "tools",
    }
    return manifest(packaged().of("Gallery"), "tools", params, {"location": "westeurope", "properties": properties})


async def _round(bench: Bench, **properties: str) -> Reading:
    """Apply a gallery, as a round of the loop does."""
    documents = as_yaml([_tools(**properties)])
    task = Task(bench.options, read_estate(bench.options, packaged(), START, lambda _: documents), packaged())
    patience = Patience(bench.clock, 1.0, 60.0, asyncio.Event())
    return await pipeline.apply(task, bench.arm, patience, lambda _: nullcontext(Silent()))
