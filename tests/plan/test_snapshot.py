"""A snapshot: what was observed, without secrets, gives the plan that Azure itself would have given."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.errors import ErrorInfo, SnapshotFileError
from reconciler.kinds.kind import folded_id
from reconciler.kinds.live import Live
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.model.live import Absence, Absent, Observation, Unmanaged, Unreadable
from reconciler.model.outcome import Report
from reconciler.pipeline import Task
from reconciler.plan.decide import Policy, make_plan
from reconciler.plan.redact import assumed, kept, public
from reconciler.plan.snapshot import OLD, Snapshot, read, save
from reconciler.report import FORMATS, render
from reconciler.secret.text import scrub
from reconciler.values import MISSING
from tests.kit.bench import Bench, on_bench
from tests.kit.signed import sign
from tests.kit.strategies import (
    Place,
    as_yaml,
    body_node,
    body_of,
    edits,
    estates,
    has_edits,
    id_of,
    json_values,
    kind_of,
    meant,
    places,
    replaced,
    values,
    with_body,
)
from tests.kit.synthetic import WIDGET, minimal, sealed, widget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.pipeline import Reading

NOW = datetime(2026, 11, 21, 20, 25, tzinfo=UTC)
KINDS = packaged().kinds
SCHEMA = packaged().documents["snapshot"]


def text(observation: Observation, desired: Sequence[Desired]) -> str:
    """Return the text of a snapshot, held against its schema."""
    made = save(observation, desired, cloud="emulator", endpoint="http://localhost", project="shop", now=NOW)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(made))
    return made


def reread(observation: Observation, desired: Sequence[Desired]) -> Snapshot:
    """Return a snapshot after it was written and read."""
    known = replace(packaged(), kinds={**KINDS, **{item.kind.name: item.kind for item in desired}})
    return read(text(observation, desired).encode(), known, "shop")


# -------------------------------------------------------------------------------------------- the same plan as live


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 4))
def test_a_plan_by_a_snapshot_is_the_plan_by_what_was_live(data: st.DataObject) -> None:
    """
    For all kinds, after changes by another client in Azure and manifests edited or removed in git since the snapshot.

    Except where a secret is hidden: there the plan takes the manifest's value for the live one, and reports it.
    """
    documents = data.draw(estates())
    there = data.draw(st.integers(0, len(documents)))
    stated = [edited(data, each) if data.draw(st.booleans()) else each for each in documents]
    stated = [each for each in stated if data.draw(st.integers(0, 4))] or stated

    async def scenario(bench: Bench) -> None:
        await bench.apply(documents[:there])
        for document in documents[:there]:
            if data.draw(st.booleans()):
                move(bench, data, document)
        taken = await bench.plan(documents)
        snapshot = reread(taken.observation, taken.estate.selected)
        live = await bench.plan(stated)
        by_snapshot = await pipeline.read_snapshot(Task(bench.options, live.estate, packaged()), snapshot)
        unknown = {(each.message.partition(":")[0], each.path.removeprefix("spec.")) for each in by_snapshot.hidden}
        assert told(by_snapshot, unknown) == told(live, unknown)

    on_bench(scenario)


def edited(data: st.DataObject, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with one leaf changed, frozen or not."""
    root, body = body_node(kind_of(document)), body_of(document)
    return with_body(document, data.draw(edits(root, body, may_move)).body if has_edits(root, body, may_move) else body)


def may_move(place: Place) -> bool:
    """Return whether each value of the leaf keeps the manifest valid: other resources may share the location."""
    return not place.is_key and place.value not in (MISSING, None) and place.steps != ("location",)


def move(bench: Bench, data: st.DataObject, document: Mapping[str, Any]) -> None:
    """Change one leaf of a live resource, or delete it, as another client would."""
    resource_id, root = id_of(document), body_node(kind_of(document))
    live = bench.world.answer(resource_id)
    if live is None:
        return
    if not data.draw(st.integers(0, 5)):
        bench.world.remove(resource_id)
        return
    place = data.draw(st.sampled_from([each for each in places(root, live) if not each.is_key]))
    old = meant(root, place.node, live, place.value)
    other = values(place.node).filter(lambda new: meant(root, place.node, live, new) != old)
    value = data.draw(st.one_of(other, other, st.just(MISSING)))
    bench.world.edit(resource_id, lambda stored: replaced(stored, place.steps, value))


def told(reading: Reading, unknown: set[tuple[str, str]]) -> Any:
    """Return what a report tells, save what a snapshot cannot know."""
    plan = reading.plan
    report = json.loads(render(Report("plan", NOW, NOW, plan), "json"))
    found = []
    for item in report["resources"]:
        address = f"{item['kind']}/{item['name']}"
        hidden = {path for of, path in unknown if of == address}
        changes = [_with_digests(each) for each in item["changes"] if each["path"] not in hidden]
        verdict = None if hidden else [item[name] for name in ("action", "reason", "sync", "fix")]
        error = item["error"] and item["error"]["code"]
        found.append((address, item["id"], item["source"], verdict, item["health"], error, changes))
    return json.loads(scrub(json.dumps(found, default=str)))  # as finished text shows it


def _with_digests(change: dict[str, Any]) -> dict[str, Any]:
    """Leave out the live texts that a snapshot holds as a digest: scripts, and those of several lines."""

    def without(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {name: without(item, f"{path}.{name}") for name, item in value.items()}
        if isinstance(value, list):
            return [without(item, path) for item in value]
        is_script = "manageActions" in path or path.rpartition(".")[2] == "defaultScript"
        is_text = isinstance(value, str) and (is_script or "\n" in value or len(value) > 200)
        return None if is_text or str(value).startswith("(text") else value

    return {**change, "observed": without(change["observed"], change["path"])} if "observed" in change else change


# ---------------------------------------------------------------------------------------------- what is kept of a body

SECRET = "CANARY-7f3a-9c1d"
LINK = f"https://h/p?sig={SECRET}"


def test_a_kept_body_has_what_is_compared_and_no_secret() -> None:
    """Read-only and write-only values are left out, except the states; a link shows that it had a query."""
    body = sealed(
        WIDGET,
        text=f"curl {LINK} | sh",
        link=LINK,
        code=SECRET,
        content=SECRET,
        provisioningState="Failed",
        replicationStatus={"summary": [{"region": "x", "state": "Failed", "details": f"no: {LINK}"}]},
        strange={"deep": [LINK]},
    )
    found = kept(WIDGET, {**body, "systemData": {"by": "x"}, "tags": {"a": LINK}})
    assert SECRET not in json.dumps(found)
    assert found["tags"] == {"a": "https://h/p?(secret)"}
    assert set(found) == {"tags", "properties"}
    properties = found["properties"]
    assert (properties["text"], properties["link"], properties["code"]) == (
        "curl https://h/p?(secret) | sh",
        "https://h/p?(secret)",
        "(secret)",
    )
    assert properties["provisioningState"] == "Failed"
    assert "content" not in properties
    assert properties["strange"] == {"deep": ["https://h/p?(secret)"]}


def test_the_keys_of_a_list_are_kept_as_text() -> None:
    """A digest would match no element of the manifest: the same policy would be removed and added."""
    policies = [{"name": "a\nb\n", "parameters": "c\nd\n"}]
    found = kept(KINDS["ApplicationDefinition"], {"properties": {"policies": policies}})
    (policy,) = found["properties"]["policies"]
    assert policy["name"] == "a\nb\n"
    assert policy["parameters"].startswith("(text, sha256 ")


def test_a_body_of_another_shape_is_kept_as_it_is() -> None:
    """Azure may answer anything."""
    assert kept(WIDGET, {"properties": None, "tags": [LINK], "more": 1.0}) == {
        "properties": None,
        "tags": ["https://h/p?(secret)"],
        "more": 1.0,
    }


@pytest.mark.parametrize("value", [None, True, 1, 1.0, "x", [1, "y"], {"a": "b"}, "https://h/p"])
def test_what_is_no_secret_stays(value: Any) -> None:
    """Exactly: a number does not become another one."""
    assert canonical(public(value)) == canonical(value)


@pytest.mark.parametrize(
    ("stated", "live", "unknown"),
    [
        ({"code": "a"}, {"code": "b"}, [("properties", "code")]),
        ({"code": LINK}, {"code": "https://h/p?other"}, [("properties", "code")]),
        ({"code": LINK}, {"code": "https://h/p"}, []),
        ({"code": "https://h/p"}, {"code": LINK}, []),
        ({"code": LINK}, {"code": "https://h/q?other"}, []),
        ({"link": LINK}, {"link": "https://h/p?other"}, []),
        ({"text": f"curl {LINK}"}, {"text": "curl https://h/p?other"}, [("properties", "text")]),
        ({"text": f"curl {LINK}"}, {"text": "wget https://h/p?other"}, []),
        ({"steps": ["a", LINK]}, {"steps": ["a", "https://h/p?other"]}, [("properties", "steps", 1)]),
        ({"words": [LINK]}, {"words": ["https://h/p?other"]}, [("properties", "words", '"https://h/p?(secret)"')]),
        ({"map": {"a": LINK}}, {"map": {"a": "https://h/p?other"}}, [("properties", "map", "a")]),
        ({"map": {"a": LINK}}, {"map": {"b": "https://h/p?other"}}, []),
        ({"meaning": {"a": LINK}}, {"meaning": '{"a":"https://h/p?other"}'}, [("properties", "meaning")]),
        ({"inner": None}, {"inner": {"text": "https://h/p?other"}}, []),
    ],
)
def test_what_is_hidden_is_assumed_where_the_rest_agrees(
    stated: dict[str, Any], live: dict[str, Any], unknown: list[Any]
) -> None:
    """Of a link compared without its query nothing is hidden that counts; what differs visibly still differs."""
    item = widget(**stated)
    saved = WIDGET.seal(kept(WIDGET, sealed(WIDGET, **live)))
    body, found = assumed(WIDGET, saved, item.body)
    assert list(found) == unknown
    name = next(iter(stated))
    assert (body["properties"][name] == item.body["properties"][name]) == bool(unknown)


def test_elements_of_a_list_are_told_apart_by_their_keys() -> None:
    """Keys match elements in any order of the answer; a duplicate element of the live list stays a duplicate."""
    stated = widget(parts=[{"name": "a", "at": {"zone": "1"}, "note": LINK}], words=["x"])
    live = {
        "parts": [
            {"name": "b", "at": {"zone": "1"}, "note": "https://h/p?other"},
            {"name": "A", "at": {"zone": "1"}, "note": "https://h/p?other"},
        ],
        "words": ["x", "x"],
    }
    body, unknown = assumed(WIDGET, WIDGET.seal(kept(WIDGET, sealed(WIDGET, **live))), stated.body)
    assert unknown == (("properties", "parts", "a,1", "note"),)
    assert [each["note"] for each in body["properties"]["parts"]] == ["https://h/p?(secret)", LINK]
    assert body["properties"]["words"] == ["x", "x"]


# --------------------------------------------------------------------------------------------------- what is covered

ITEM = widget(text="a")


def one(observed: Observed, **more: Any) -> Snapshot:
    """Return a snapshot of one widget."""
    return reread(Observation({ITEM.key: observed}, **more), [ITEM])


def seen(snapshot: Snapshot, *desired: Desired, singly: bool = False) -> Observation:
    """Return what a snapshot shows of *desired*, which is all that is stated."""
    return snapshot.observation(desired, frozenset(item.key for item in desired), singly=singly)[0]


@pytest.mark.parametrize("why", list(Absence))
def test_an_absence_is_kept_with_its_reason(why: Absence) -> None:
    """A missing group blocks, by a snapshot as live."""
    assert seen(one(Absent(why)), ITEM).observed == {ITEM.key: Absent(why)}


def test_below_a_missing_group_it_is_the_group_that_is_missing() -> None:
    """A resource below a missing group is absent for its group, one below another absent parent for its parent."""
    parent, child = (minimal(name) for name in ("Gallery", "GalleryApplication"))
    taken = reread(Observation({parent.key: Absent(Absence.GROUP_MISSING)}), [parent])
    assert seen(taken, parent, child).observed[child.key] == Absent(Absence.GROUP_MISSING)
    taken = reread(Observation({parent.key: Absent(Absence.NOT_FOUND)}), [parent])
    assert seen(taken, parent, child).observed[child.key] == Absent(Absence.PARENT_MISSING)


def documents(*numbers: str) -> list[dict[str, Any]]:
    """Return a gallery, an application and some versions."""
    base = {"subscriptionId": "01523d7c-60da-455e-adef-521b547922c4", "resourceGroupName": "rg", "galleryName": "g"}
    made = [("Gallery", {}), ("GalleryApplication", {"galleryApplicationName": "a"})]
    versions = [
        ("GalleryApplicationVersion", {"galleryApplicationName": "a", "galleryApplicationVersionName": number})
        for number in numbers
    ]
    return [
        {
            "apiVersion": "reconciler.dev/v1",
            "kind": kind,
            "metadata": {"name": f"m{index}"},
            "spec": {**base, **params, "location": "westus", **_PROPERTIES[kind]},
        }
        for index, (kind, params) in enumerate([*made, *versions])
    ]


_PROPERTIES: dict[str, dict[str, Any]] = {
    "Gallery": {},
    "GalleryApplication": {"properties": {"supportedOSType": "Linux"}},
    "GalleryApplicationVersion": {
        "properties": {
            "publishingProfile": {
                "source": {"mediaLink": "https://h/p.zip"},
                "manageActions": {"install": "sh i", "remove": "sh r"},
            }
        }
    },
}


def by_snapshot(
    before: list[dict[str, Any]], applied: list[dict[str, Any]], now: list[dict[str, Any]], *targets: str
) -> dict[str, tuple[str, str | None]]:
    """Return action and error code of each resource of *now*, by a snapshot taken for *before* after *applied*."""

    async def scenario(bench: Bench) -> Reading:
        await bench.apply(applied)
        taken = await bench.plan(before)
        snapshot = reread(taken.observation, taken.estate.selected)
        options = Options(paths=("-",), targets=targets)
        estate = read_estate(options, packaged(), bench.clock.now(), lambda _: as_yaml(now))
        return await pipeline.read_snapshot(Task(options, estate, packaged()), snapshot)

    plan = on_bench(scenario).plan
    found = {
        change.desired.id.rpartition("/")[2]: (change.action.value, change.error.code if change.error else None)
        for change in plan.changes
    }
    return found | {each.name: ("unmanaged", None) for each in plan.unmanaged}


def test_a_new_version_beside_those_of_a_snapshot_is_created() -> None:
    """The list that was read whole shows that it did not exist."""
    found = by_snapshot(documents("1.0.0"), documents("1.0.0"), documents("1.0.0", "2.0.0"))
    assert found == {"g": ("none", None), "a": ("none", None), "1.0.0": ("none", None), "2.0.0": ("create", None)}


def test_what_was_unmanaged_and_is_stated_now_is_compared() -> None:
    """A manifest for what exists already does not create it; and what none states any more is unmanaged."""
    found = by_snapshot(documents("1.0.0"), documents("1.0.0", "2.0.0"), documents("2.0.0"))
    assert found["2.0.0"] == ("none", None)
    assert found["1.0.0"] == ("unmanaged", None)


def test_what_a_snapshot_does_not_cover_is_unknown() -> None:
    """A resource outside the snapshot is never created, and neither is a resource below it."""
    other = [{**each, "spec": {**each["spec"], "galleryName": "other"}} for each in documents("1.0.0")]
    found = by_snapshot(documents("1.0.0"), documents("1.0.0"), other)
    assert found == dict.fromkeys(("other", "a", "1.0.0"), ("unknown", "NotInSnapshot"))


def test_a_snapshot_of_targets_covers_no_list() -> None:
    """A snapshot that was read resource by resource leaves other resources of the same parent unknown."""
    one_ = documents("1.0.0")
    found = by_snapshot(one_[:1], one_, documents("1.0.0"))
    assert found == {"g": ("none", None), "a": ("unknown", "NotInSnapshot"), "1.0.0": ("unknown", "NotInSnapshot")}


def test_below_what_did_not_exist_nothing_did() -> None:
    """A gallery that was absent is created with all that is below it, whether or not a manifest stated it then."""
    found = by_snapshot(documents("1.0.0"), [], documents("1.0.0", "2.0.0"))
    assert found == dict.fromkeys(("g", "a", "1.0.0", "2.0.0"), ("create", None))


def test_a_parent_that_no_manifest_states_any_more_is_there() -> None:
    """As a read would find it."""
    found = by_snapshot(documents("1.0.0"), documents(), documents("1.0.0")[2:])
    assert found == {"1.0.0": ("create", None)}
    blocked = by_snapshot(documents("1.0.0"), documents()[:1], documents("1.0.0")[2:])
    assert blocked == {"1.0.0": ("blocked", None)}


def test_targets_show_nothing_unmanaged() -> None:
    """As with live access."""
    found = by_snapshot(documents("1.0.0"), documents("1.0.0", "2.0.0"), documents("1.0.0"), "*/m2")
    assert found == {"1.0.0": ("none", None)}


def test_what_could_not_be_read_stays_unknown() -> None:
    """With what was said of it, and without what looks like a secret."""
    found = seen(one(Unreadable(ErrorInfo("Timeout", f"no answer from {LINK}"))), ITEM).observed[ITEM.key]
    assert isinstance(found, Unreadable)
    assert found.error.code == "Timeout"
    assert found.error.message == "not readable when the snapshot was taken: no answer from https://h/p?(secret)"


@pytest.mark.parametrize("group", ["g", "gr\u00fcn", "gr%C3%BCn"])
def test_what_is_unmanaged_is_kept_as_azure_spells_it(group: str) -> None:
    """Name and id are for people, and letters of a group may be percent-encoded in them."""
    theirs = f"{ITEM.id.rpartition('/')[0]}/Theirs".replace("/g/", f"/{group}/")
    item = replace(ITEM, params={**ITEM.params, "resourceGroupName": unquote(group)})
    stray = Unmanaged(WIDGET, "Theirs", theirs, Live({**sealed(WIDGET, text="b"), "id": theirs, "name": "Theirs"}))
    path = folded_id(WIDGET.list_path(item.params) or "")
    (found,) = seen(one(Absent(Absence.NOT_FOUND), unmanaged=(stray,), lists=frozenset({path})), item).unmanaged
    assert (found.name, found.id, found.live.body["properties"]) == ("Theirs", theirs, {"text": "b"})


@pytest.mark.parametrize(
    ("above", "child"),
    [
        (Live({"id": "x"}), Absent),
        (Absent(Absence.NOT_FOUND), Absent),
        (Unreadable(ErrorInfo("Timeout", "no answer")), Unreadable),
    ],
)
def test_a_parent_that_is_not_among_these_was_looked_at_then(above: Observed, child: type) -> None:
    """An absent resource is created below a live parent, blocked below an absent one, and else unknown."""
    parent, item = (minimal(name) for name in ("Gallery", "GalleryApplication"))
    observed = {parent.key: above, item.key: Absent(Absence.NOT_FOUND)}
    found = seen(reread(Observation(observed), [parent, item]), item)
    assert found.parents == (frozenset({parent.key}) if isinstance(above, Live) else frozenset())
    assert isinstance(found.observed[item.key], child)


# -------------------------------------------------------------------------------------------------------- the file

MADE = text(Observation({ITEM.key: Live(sealed(WIDGET, text="a"))}), [ITEM])
UNKNOWN = "it names a resource of a kind that is not known here"
NAMES = {step for kind in KINDS.values() for path, _ in kind.rules.every() for step in path} | {"provisioningState"}
READ = partial(read, registry=replace(packaged(), kinds={"Widget": WIDGET}), project="shop")


def unusable(content: bytes, **more: Any) -> str:
    """Return why a snapshot cannot be used."""
    with pytest.raises(SnapshotFileError) as caught:
        READ(content, **more)
    return str(caught.value).removeprefix("the snapshot cannot be used: ")


def nested(depth: int) -> dict[str, Any]:
    """Return an object so many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"digest": 1}',
        b'{"digest": ""',
        b"[" * 100_000,
        b"\x80\x04\x95",
        MADE[:-40].encode(),
    ],
)
def test_what_is_no_snapshot_is_refused(content: bytes) -> None:
    """Every content that is no snapshot is refused for the same reason."""
    assert unusable(content) == "it is not a snapshot file"


@pytest.mark.parametrize(
    "edit",
    [
        lambda saved: saved.pop("resources"),
        lambda saved: saved.pop("takenAt"),
        lambda saved: saved.update(takenAt="2026-11-21"),
        lambda saved: saved.update(endpoint="javascript:alert(1)"),
        lambda saved: saved.update(endpoint="https://user@h"),
        lambda saved: saved.update(lists=[1]),
        lambda saved: saved.update(kinds={"Widget": "x"}),
        lambda saved: saved.update(resources=[1]),
        lambda saved: saved["resources"][0].update(body=[]),
        lambda saved: saved["resources"][0].update(more=1),
        lambda saved: saved["resources"][0].pop("name"),
        lambda saved: saved["resources"][0].update({"is": "there"}),
        lambda saved: saved["resources"][0].update(body=nested(200)),
    ],
)
def test_a_snapshot_of_another_shape_is_refused_whatever_its_digest(edit: Callable[[dict[str, Any]], Any]) -> None:
    """The shape is checked as well: any editor of the file can compute the digest."""
    saved = json.loads(MADE)
    edit(saved)
    assert unusable(sign(saved)) == "it is not a snapshot file"


def test_a_body_as_deep_as_an_answer_may_be_is_read() -> None:
    """A saved snapshot with a body of the largest depth can be read again."""
    body = {"id": ITEM.id, "properties": nested(97)}
    assert isinstance(seen(one(Live(body)), ITEM).observed[ITEM.key], Live)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (
            lambda saved: saved["resources"][0].update(kind="Gadget"),
            "it names a resource of a kind that is not known here",
        ),
        (lambda saved: saved["resources"][0].update(id="/x"), "it names a resource of a kind that is not known here"),
        (lambda saved: saved.update(schemaVersion=2), "another version of the reconciler wrote it"),
        (lambda saved: saved.update(project=None), "it was taken for no project, and this run is for project shop"),
        (lambda saved: saved.update(kinds={"Widget": "0" * 64}), "it was taken under another schema of Widget"),
        (lambda saved: saved.update(takenAt="2026-13-21T20:25:00+00:00"), "month must be in 1..12"),
    ],
)
def test_a_snapshot_of_something_else_is_refused(edit: Callable[[dict[str, Any]], Any], why: str) -> None:
    """A kind under another schema was kept by other rules; another version of the tool with the same rules will do."""
    saved = json.loads(MADE)
    edit(saved)
    assert unusable(sign(saved)) == why
    saved = {**json.loads(MADE), "reconcilerVersion": "0.0.0"}
    assert READ(sign({**saved, "kinds": {**saved["kinds"], "Gadget": "0" * 64}})).records


@pytest.mark.properties
@given(data=st.data())
@settings(max_examples=max(1, settings().max_examples // 2))
def test_nothing_in_a_snapshot_breaks_a_plan(data: st.DataObject) -> None:
    """A body may be anything that is JSON: it is compared, and told."""
    taken = [minimal(name) for name in KINDS]
    wild = st.recursive(
        json_values, lambda below: st.dictionaries(st.sampled_from(sorted(NAMES)), below, max_size=4), max_leaves=12
    )
    bodies = st.fixed_dictionaries({}, optional=dict.fromkeys(("location", "tags", "properties", "sku"), wild))
    saved = json.loads(text(Observation({item.key: Live({"id": item.id}) for item in taken}), taken))
    for record in saved["resources"]:
        record["body"] = data.draw(bodies)
    snapshot = read(sign(saved), packaged(), "shop")
    observation, hidden = snapshot.observation(taken, frozenset(), singly=False)
    plan, _ = make_plan(taken, observation, Policy())
    for form in FORMATS:
        assert render(Report("plan", NOW, NOW, plan, warnings=hidden), form)


def test_an_edited_snapshot_is_refused() -> None:
    """Carelessly edited, that is."""
    assert unusable(MADE.replace('"a"', '"b"').encode()) == "it was changed after it was written"


@pytest.mark.parametrize(
    ("age", "told_"),
    [
        (timedelta(0), "less than a minute ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=119), "119 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(hours=47, minutes=59), "47 hours ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(hours=-1), "in the future, by this clock"),
    ],
)
def test_the_age_is_told(age: timedelta, told_: str) -> None:
    """As a reader says it; one that is too old, or of the future, is a warning of its own."""
    remarks = READ(MADE.encode()).remarks("live.json", NOW + age)
    assert (remarks[0].file, remarks[0].code) == ("live.json", "snapshot")
    taken = f"taken 2026-11-21T20:25:00Z, {told_}: Azure was not read"
    assert remarks[0].message == f"compared with a snapshot of emulator (http://localhost), {taken}"
    is_odd = not timedelta(0) <= age <= OLD
    assert [each.code for each in remarks[1:]] == (["snapshot-old"] if is_odd else [])
    if is_odd:
        assert remarks[1].message == f"the snapshot was taken {told_}: later changes are missing"


def test_clocks_may_differ_by_minutes() -> None:
    """The machine that took it is another one."""
    assert len(READ(MADE.encode()).remarks("live.json", NOW - timedelta(minutes=5))) == 1
    assert len(READ(MADE.encode()).remarks("live.json", NOW + OLD)) == 1
    assert len(READ(MADE.encode()).remarks("live.json", NOW + OLD + timedelta(seconds=1))) == 2
