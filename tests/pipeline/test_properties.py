"""
Properties that hold for every manifest of every kind.

More examples: ``make properties``.
"""

from __future__ import annotations

import tempfile
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.compare.diff import compare
from reconciler.compare.normalize import comparable, normalized
from reconciler.emulator.versions import is_newer
from reconciler.kinds.blank import is_blank
from reconciler.kinds.normal_forms import NAMES, canonical, normalize
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Shape
from reconciler.kinds.tracking import Tracking
from reconciler.model.change import Action, Change, Finding, Reason, Sync
from reconciler.model.outcome import Result
from reconciler.plan.body import put_body
from reconciler.values import MISSING
from tests.kit.bench import Bench, MediaLink, desired_of, on_bench
from tests.kit.strategies import (
    FRESH,
    Edit,
    Node,
    Place,
    applied,
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
    is_editable,
    kind_of,
    lookup,
    manifest,
    meant,
    places,
    replaced,
    respelled,
    rule_path,
    shuffled,
    texts,
    thinned,
    values,
    with_body,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.pipeline import Reading

kinds = pytest.mark.parametrize("name", packaged().kinds)  # a whole kind is too much to show with a failing example


def examples(share: float) -> settings:
    """Return settings for a share of the examples that the profile asks for."""
    return settings(max_examples=max(1, int(settings().max_examples * share)))


def assert_in_sync(reading: Reading) -> None:
    """Every resource is in sync, and nothing at all was found."""
    for change in reading.plan.changes:
        assert change.fields == (), change.desired.id
        assert (change.action, change.sync) == (Action.NONE, Sync.IN_SYNC)
    assert reading.plan.unmanaged == ()


async def assert_applied(bench: Bench, documents: Sequence[Mapping[str, Any]]) -> None:
    """Applying ends well for every resource."""
    for outcome in (await bench.apply(documents)).values():
        assert outcome.result is Result.SUCCEEDED, (outcome.change.desired.id, outcome.error)


def one_of(reading: Reading, document: Mapping[str, Any]) -> Change:
    """Return what is planned for one document; for all others nothing is."""
    key = id_of(document).lower()
    others = [change for change in reading.plan.changes if change.desired.key != key]
    assert all(change.action is Action.NONE and not change.fields for change in others)
    return next(change for change in reading.plan.changes if change.desired.key == key)


def found(change: Change) -> dict[str, Finding]:
    """Return the findings by path."""
    return {item.path: item.finding for item in change.fields}


# ------------------------------------------------------------------------------------------------ whole estates


@pytest.mark.parametrize("media_link", ["whole", "stripped"])
@given(data=st.data())
@examples(1.2)
def test_what_was_applied_plans_empty(media_link: MediaLink, data: st.DataObject) -> None:
    """After an apply the plan is empty, also for the same manifests in other spellings; no PUT follows."""
    documents = data.draw(estates())
    respelt = [data.draw(respelled(document)) for document in documents]

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, documents)
        assert bench.puts == len(documents)
        assert_in_sync(await bench.plan(documents))
        assert_in_sync(await bench.plan(respelt))
        assert await bench.apply(respelt) == {}
        assert bench.puts == len(documents)

    on_bench(scenario, media_link)


@given(data=st.data())
@examples(0.5)
def test_order_of_files_and_keys_does_not_matter(data: st.DataObject) -> None:
    """The plan is the same however files are named, and keys and documents are ordered in them."""
    documents = data.draw(estates())
    changed = [
        with_body(each, data.draw(edits(root, body_of(each))).body) if has_edits(root, body_of(each)) else each
        for each, root in ((document, body_node(kind_of(document))) for document in documents)
    ]
    mixed = data.draw(st.permutations([data.draw(shuffled_deeply(document)) for document in changed]))
    there = data.draw(st.integers(0, len(documents)))

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, documents[:there])
        plain = await bench.plan(changed)
        with tempfile.TemporaryDirectory() as folder:
            names = data.draw(st.permutations(range(len(mixed))))
            write(Path(folder), [f"{name}.yaml" for name in names], mixed)
            other = await bench.plan(mixed, folder)
        assert [summary(change) for change in plain.plan.changes] == [summary(change) for change in other.plan.changes]

    on_bench(scenario)


def write(folder: Path, names: Sequence[str], documents: Sequence[Mapping[str, Any]]) -> None:
    """Write each document into a file of its own."""
    for name, document in zip(names, documents, strict=True):
        (folder / name).write_bytes(as_yaml([document]))


@st.composite
def shuffled_deeply(draw: st.DrawFn, value: Any) -> Any:
    """Return *value* with the keys of every object in another order."""
    if isinstance(value, list):
        return [draw(shuffled_deeply(item)) for item in value]
    if not isinstance(value, dict):
        return value
    return draw(shuffled({name: draw(shuffled_deeply(item)) for name, item in value.items()}))


def summary(change: Change) -> Any:
    """Return what a reader of the plan sees of one resource, save where it is written."""
    fields = [replace(item, line=None, where=None) for item in change.fields]
    return change.desired.id, change.action, change.reason, change.sync, change.health, fields


# ------------------------------------------------------------------------------------------------ pure functions


@kinds
@given(data=st.data())
@examples(1)
def test_normal_forms(name: str, data: st.DataObject) -> None:
    """A body's normal form is its own, and that of every other spelling of the body."""
    kind = packaged().kinds[name]
    body = data.draw(bodies(name))
    document = manifest(kind, "it", dict.fromkeys(kind.parameters, "x"), body)
    form = normalized(kind.rules, kind.seal(body))
    assert normalized(kind.rules, form) == form
    other = body_of(data.draw(respelled(document, defaults=False)))
    assert normalized(kind.rules, kind.seal(other)) == form


@pytest.mark.parametrize("name", sorted(NAMES))
@given(data=st.data())
@examples(1)
def test_spellings_are_idempotent(name: str, data: st.DataObject) -> None:
    """The normal form of a normal form is itself, for any text."""
    parts = [texts, st.sampled_from(["https://", ":443", "/", "?", "#", "Z", "+01:00", '"', "[", "]", "1"])]
    text = data.draw(st.one_of(st.text(), st.lists(st.one_of(parts), max_size=6).map("".join), texts.map(repr)))
    once = normalize(name, text)
    assert normalize(name, once) == once


@kinds
@given(data=st.data())
@examples(1)
def test_no_stage_touches_its_input(name: str, data: st.DataObject) -> None:
    """Comparing and building a body leave both bodies as they were."""
    kind = packaged().kinds[name]
    desired = desired_of(kind, data.draw(bodies(name)))
    live = kind.seal(data.draw(bodies(name)))
    tracking = Tracking(project="p", commit="c")
    before = deepcopy((desired.body, live))
    normalized(kind.rules, live)
    comparable(kind.rules, desired.body, live)
    put_body(desired, live, compare(desired, live, tracking), tracking)
    assert (desired.body, live) == before


@kinds
@given(data=st.data())
@examples(1)
def test_nothing_differs_from_itself(name: str, data: st.DataObject) -> None:
    """A body compared with itself, its digest recorded, gives no finding."""
    kind = packaged().kinds[name]
    desired = desired_of(kind, data.draw(bodies(name)))
    stamp = Tracking().stamp(desired)
    live = {**desired.body, "tags": {**(desired.body.get("tags") or {}), **stamp}}
    assert compare(desired, live, Tracking()).fields == ()


# ------------------------------------------------------------------------------------------------ one difference


@kinds
@given(data=st.data())
@examples(0.6)
def test_a_change_of_one_leaf_is_planned_and_reached(name: str, data: st.DataObject) -> None:
    """One leaf of a manifest changed: exactly its path is planned, and one PUT brings it about."""
    kind = packaged().kinds[name]
    documents = data.draw(families(name))
    root, body = body_node(kind), body_of(documents[-1])
    assume(has_edits(root, body))
    edit = data.draw(edits(root, body))
    changed = [*documents[:-1], with_body(documents[-1], edit.body)]

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, documents)
        sent = bench.puts
        live = bench.world.answer(id_of(documents[-1])) or {}
        planned = one_of(await bench.plan(changed), documents[-1])
        assert found(planned) == dict.fromkeys(expected_paths(root, body, edit, live), Finding.CHANGE)
        assert (planned.action, planned.reason) == (Action.UPDATE, Reason.FIELDS_DIFFER)
        await assert_applied(bench, changed)
        assert bench.puts == sent + 1
        assert_in_sync(await bench.plan(changed))
        assert await bench.apply(changed) == {}
        assert bench.puts == sent + 1

    on_bench(scenario, data.draw(st.sampled_from(["whole", "stripped"])))


def expected_paths(root: Node, body: dict[str, Any], edit: Edit, live: Mapping[str, Any]) -> set[str]:
    """Return the paths that differ once *edit* was made: its own, and those that take their default from it."""
    if edit.place.node.rule.write_only:  # one digest for each field of the content
        return {edit.place.path}
    path = rule_path(root, edit.place.steps)
    dependent = {
        each.path for each in places(root, body) if each.node.rule.default_from == path and each.value is MISSING
    }
    return {first_absent(edit.place, live), *dependent}


def first_absent(place: Place, live: Mapping[str, Any]) -> str:
    """Return the path of the outermost object above a place that *live* lacks: one that comes whole is one entry."""
    for length in range(1, len(place.steps)):
        if lookup(live, place.steps[:length]) in (MISSING, None):
            return dotted(place, length)
    return place.path


def dotted(place: Place, length: int) -> str:
    """Return the path of what stands so many steps down the way to *place*."""
    if length == len(place.steps):
        return place.path
    assert all(isinstance(step, str) for step in place.steps[:length])  # elements are there as stated
    return ".".join(map(str, place.steps[:length]))


@kinds
@given(data=st.data())
@examples(0.4)
def test_null_is_reached_or_refused_before_anything_is_sent(name: str, data: st.DataObject) -> None:
    """A leaf that must not be set is cleared by one PUT, or blocks the resource where Azure cannot clear it."""
    kind = packaged().kinds[name]
    documents = data.draw(families(name))
    root, body = body_node(kind), body_of(documents[-1])

    def is_nullable(place: Place) -> bool:
        is_set = place.value not in (MISSING, None) and not is_unset(place, place.value)
        return is_editable(place) and place.node.takes_null and is_set

    nullable = [place for place in places(root, body) if is_nullable(place) and not place.node.rule.write_only]
    assume(nullable)
    place = data.draw(st.sampled_from(nullable))
    changed = [*documents[:-1], with_body(documents[-1], replaced(body, place.steps, None))]

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, documents)
        sent = bench.puts
        planned = one_of(await bench.plan(changed), documents[-1])
        assert found(planned) == {place.path: Finding.CHANGE}
        if place.node.rule.clearable:
            await assert_applied(bench, changed)
            assert_in_sync(await bench.plan(changed))
            assert bench.puts == sent + 1
        else:
            assert (planned.action, planned.reason) == (Action.BLOCKED, Reason.CANNOT_UNSET)
            await bench.apply(changed)
            assert bench.puts == sent

    on_bench(scenario)


@kinds
@given(data=st.data())
@examples(0.6)
def test_a_foreign_change_of_one_leaf_is_reported(name: str, data: st.DataObject) -> None:
    """One leaf of the live resource changed: reported at exactly its path, as what it is, in a cloud of any rung."""
    kind = packaged().kinds[name]
    rung = data.draw(st.sampled_from(kind.api_versions))
    documents = at_rung(data.draw(families(name)), rung)
    root, body = body_node(kind), body_of(documents[-1])

    async def scenario(bench: Bench) -> None:
        bench.world.learn({"": rung})
        await assert_applied(bench, documents)
        resource_id = id_of(documents[-1])
        live = bench.world.answer(resource_id) or {}
        choices = [each for each in places(root, live) if not each.is_key and not is_tracking(each)]
        place = data.draw(st.sampled_from([each for each in choices if not is_newer(each.node.rule, None, rung)]))
        old = meant(root, place.node, live, place.value)
        known = values(place.node).filter(lambda new: not is_newer(place.node.rule, new, rung))
        other = known.filter(lambda new: meant(root, place.node, live, new) != old)
        value = data.draw(st.one_of(other, other, st.just(MISSING)))
        bench.world.edit(resource_id, lambda stored: replaced(stored, place.steps, value))
        seen = one_of(await bench.plan(documents), documents[-1])
        now = bench.world.answer(resource_id) or {}
        assert found(seen) == expected_finding(root, body, now, place, value)

    on_bench(scenario)


def is_tracking(place: Place) -> bool:
    """Whether it is a tag of the reconciler's own."""
    return place.steps[0] == "tags" and str(place.steps[-1]).startswith("reconciler-")


def spelled(root: Node, body: dict[str, Any], place: Place) -> str:
    """Return the path in the manifest's spelling, as far as the manifest states it or a leaf beside it."""
    known = {each.steps: each.path for each in places(root, body)}
    beside = [path for steps, path in known.items() if steps[:-1] == place.steps[:-1] and isinstance(steps[-1], str)]
    if place.steps in known or not beside or not place.in_list:
        return known.get(place.steps, place.path)
    return f"{beside[0].rpartition('.')[0]}.{place.steps[-1]}"


def expected_finding(
    root: Node, body: dict[str, Any], live: dict[str, Any], place: Place, value: Any
) -> dict[str, Finding]:
    """Return what is to be found once the live leaf at *place* has *value*."""
    place = replace(place, path=spelled(root, body, place))
    path = place.path
    forbidden = Finding.IMMUTABLE if place.frozen else Finding.CHANGE
    rule, node, unstated = place.node.rule, root, None
    for length in range(1, len(place.steps) + 1):
        node = node.child(place.steps[length - 1])
        above = lookup(body, place.steps[:length])
        above = MISSING if is_blank(node.rule, above) else above
        if above is MISSING and node.rule.server_populated:
            return {}
        if above is None and not rule.write_only:  # "must not be set", all of it
            return {} if is_unset(place, value) else {dotted(place, length): forbidden}
        if above is MISSING and unstated is None and node.rule.shape is Shape.OBJECT:
            unstated = dotted(place, length)
    stated = lookup(body, place.steps)
    stated = MISSING if is_blank(rule, stated) else stated
    wanted = meant(root, place.node, body, stated)
    had = (meant if stated is MISSING else applied)(root, place.node, live, value)
    if rule.write_only or wanted == had or (stated is MISSING and is_unset(place, value)):
        return {}
    if stated is not MISSING:
        return {path: forbidden}
    if wanted is not MISSING and not rule.frozen:
        return {path: Finding.CHANGE}
    return {unstated or path: Finding.UNDECLARED} if value is not MISSING else {}


def is_unset(place: Place, value: Any) -> bool:
    """Whether a live value is as good as absent, where no default is."""
    rule = place.node.rule
    if value is MISSING or is_blank(rule, value):
        return rule.default is MISSING and rule.default_from is None
    return rule.implied is not MISSING and bool(canonical(value) == canonical(rule.implied))


# ------------------------------------------------------------------------------------------------ other owners


@kinds
@given(data=st.data())
@examples(0.6)
def test_an_update_wipes_nothing_that_others_own(name: str, data: st.DataObject) -> None:
    """What a manifest does not state, and no default explains, survives a PUT that changes something else."""
    kind = packaged().kinds[name]
    documents = data.draw(families(name))
    root, whole = body_node(kind), body_of(documents[-1])
    thin = data.draw(thinned(root, whole))
    assume(has_edits(root, thin))
    edit = data.draw(edits(root, thin))
    changed = [*documents[:-1], with_body(documents[-1], edit.body)]
    resource_id = id_of(documents[-1])

    def with_foreign_tag(stored: dict[str, Any]) -> dict[str, Any]:
        return {**stored, "tags": {**(stored.get("tags") or {}), FRESH: "theirs"}}

    async def scenario(bench: Bench) -> None:
        await assert_applied(bench, documents)
        bench.world.edit(resource_id, with_foreign_tag)
        before = bench.world.answer(resource_id) or {}
        await assert_applied(bench, changed)
        after = bench.world.answer(resource_id) or {}
        for place in places(root, before):
            if place.value is not MISSING and is_theirs(root, edit.body, place):
                assert lookup(after, place.steps) == place.value, place.path

    on_bench(scenario)  # values stripped from answers cannot be sent back


def is_theirs(root: Node, body: Mapping[str, Any], place: Place) -> bool:
    """Whether nothing in *body* speaks of a live leaf."""
    node = root
    for length in range(1, len(place.steps) + 1):
        node = node.child(place.steps[length - 1])
        stated = lookup(body, place.steps[:length])
        if stated is None or (stated is MISSING and node.rule.server_populated):
            return False
    has_default = place.node.rule.default is not MISSING or place.node.rule.default_from is not None
    return stated is MISSING and (place.frozen or not has_default) and not is_tracking(place)
