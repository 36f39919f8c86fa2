"""A plan that can be kept, and refuses each item whose ground has moved."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from reconciler import __version__
from reconciler.errors import ErrorInfo, PlanFileError
from reconciler.kinds.kind import compile_kind
from reconciler.kinds.live import Health
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import IgnoreRule
from reconciler.model.change import Action, Change, Plan, Reason, Sync
from reconciler.plan.decide import Policy
from reconciler.plan.saved import SavedPlan, read, save
from tests.kit.signed import sign
from tests.kit.synthetic import WIDGET, schema, sealed, widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.model.desired import Desired

SCHEMA = packaged().documents["plan"]
NOW = datetime(2026, 11, 21, 20, 25, tzinfo=UTC)
CANARY = "CANARY-7f3a"
LIVE = sealed(WIDGET, text="a", link=f"https://h/p?sig={CANARY}", code=CANARY)
ITEM = widget(text="b", link=f"https://h/p?sig={CANARY}", code=CANARY, content=CANARY, map={"a": None})
POLICY = Policy()
FIX = "plan again, and have the new plan reviewed"


def change(item: Desired = ITEM, action: Action = Action.UPDATE) -> Change:
    """Return an item of a plan."""
    return Change(item, action, Reason.FIELDS_DIFFER, Sync.OUT_OF_SYNC, Health.HEALTHY)


def text(*changes: Change, live: Any = LIVE, policy: Policy = POLICY) -> str:
    """Return the text of a plan file."""
    made = save(Plan(changes or (change(),)), {ITEM.key: live}, "shop", NOW, policy)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(made))
    return made


def reread(made: str, now: datetime = NOW) -> SavedPlan:
    """Read a plan file."""
    return read(made.encode(), SCHEMA, "shop", now)


def test_a_plan_file_holds_digests_and_no_bodies() -> None:
    """When, by what, for whom, until when; no value of a manifest or of Azure, least of all a secret."""
    saved = json.loads(text())
    (item,) = saved.pop("items")
    assert len(saved.pop("digest")) == 64
    assert saved == {
        "schemaVersion": 1,
        "reconcilerVersion": __version__,
        "project": "shop",
        "environment": None,
        "cloud": None,
        "endpoint": None,
        "createdAt": "2026-11-21T20:25:00+00:00",
        "expiresAt": "2026-11-28T20:25:00+00:00",
    }
    assert [len(item.pop(name)) for name in ("manifest", "rules", "live", "settings")] == [64] * 4
    assert item == {"id": ITEM.id, "kind": "Widget", "name": "m", "action": "update"}
    assert CANARY not in text()
    assert text().endswith("}\n")


@pytest.mark.parametrize("action", list(Action))
def test_what_writes_is_kept(action: Action) -> None:
    """The rest is not to be written, nor is what waits: what is to be done after it is not known yet."""
    kept = action in {Action.CREATE, Action.UPDATE}
    assert set(reread(text(change(action=action))).items) == ({ITEM.key} if kept else set())


def test_nothing_that_moved_is_no_refusal() -> None:
    """Nor is another spelling, another order, or what is never compared."""
    saved = reread(text())
    assert saved.refusal(ITEM, Action.UPDATE, LIVE) is None
    again = {**LIVE, "id": "/other", "systemData": {"by": "x"}}
    assert saved.refusal(ITEM, Action.UPDATE, again) is None
    other = sealed(WIDGET, code=CANARY, link="https://H/p?sig=renewed", text="a", provisioningState="Updating")
    assert saved.refusal(ITEM, Action.UPDATE, other) is None
    absent = reread(text(change(action=Action.CREATE), live=None))
    assert absent.refusal(ITEM, Action.CREATE, None) is None


@pytest.mark.parametrize(
    ("item", "action", "live", "moved"),
    [
        (ITEM, Action.CREATE, LIVE, "action"),
        (ITEM, Action.UPDATE, {**LIVE, "location": "x"}, "live"),
        (ITEM, Action.UPDATE, sealed(WIDGET, text="a", link="https://h/p", code="other"), "live"),
        (ITEM, Action.UPDATE, None, "live"),
        (widget(**{**ITEM.body["properties"], "text": "c"}), Action.UPDATE, LIVE, "manifest"),
        (widget(**{**ITEM.body["properties"], "content": "c"}), Action.UPDATE, LIVE, "manifest"),
        (widget(**{**ITEM.body["properties"], "map": {}}), Action.UPDATE, LIVE, "manifest"),
        (widget(**{**ITEM.body["properties"], "map": {"b": None}}), Action.UPDATE, LIVE, "manifest"),
        (replace(ITEM, content=None), Action.UPDATE, LIVE, "manifest"),
        (replace(ITEM, kind=compile_kind(schema("Widget", text={}))), Action.UPDATE, LIVE, "manifest, rules, live"),
        (widget(text="c"), Action.CREATE, None, "action, manifest, live"),
    ],
)
def test_an_item_whose_ground_moved_is_refused(item: Desired, action: Action, live: Any, moved: str) -> None:
    """Naming all that moved."""
    message = f"changed since the plan was made: {moved}"
    assert reread(text()).refusal(item, action, live) == ErrorInfo("PlanMoved", message, fix=FIX)


IGNORING = Policy(ignore=(IgnoreRule("properties.text", "theirs"),))


@pytest.mark.parametrize(
    ("reviewed", "applied"),
    [
        (IGNORING, POLICY),
        (POLICY, IGNORING),
        (POLICY, Policy(tracking=Tracking(prefix="other"))),
        (POLICY, Policy(tracking=Tracking(tags=False))),
    ],
)
def test_another_decision_is_refused(reviewed: Policy, applied: Policy) -> None:
    """An ignore rule lapsed, or is new; tags are written under another name, or none are."""
    saved = reread(text(policy=reviewed))
    assert saved.within(reviewed).refusal(ITEM, Action.UPDATE, LIVE) is None
    message = "changed since the plan was made: settings"
    assert saved.within(applied).refusal(ITEM, Action.UPDATE, LIVE) == ErrorInfo("PlanMoved", message, fix=FIX)


def test_what_decides_nothing_is_no_refusal() -> None:
    """The commit, and an ignore rule that hides nothing here."""
    rules = (IgnoreRule("properties.size", "theirs"), IgnoreRule("properties.text", "theirs", name="other"))
    applied = Policy(Tracking(commit="c"), rules, take_over=True)
    assert reread(text()).within(applied).refusal(ITEM, Action.UPDATE, LIVE) is None


def test_an_item_whose_manifest_is_gone_is_named() -> None:
    """The plan cannot be applied as it was reviewed."""
    with pytest.raises(PlanFileError, match="no manifest declares Widget/m any more"):
        reread(text()).require(set())


def test_a_null_inside_a_list_is_part_of_the_manifest() -> None:
    """It removes something; without it the same manifest removes nothing. The order of keys says nothing."""

    def stating(**more: Any) -> Desired:
        return widget(parts=[{"name": "a", "at": {"zone": "1"}, **more}])

    saved = reread(text(change(stating(note=None, count=None))))
    assert saved.refusal(stating(count=None, note=None), Action.UPDATE, LIVE) is None
    assert saved.refusal(stating(note=None), Action.UPDATE, LIVE) is not None
    assert saved.refusal(stating(), Action.UPDATE, LIVE) is not None


def test_what_was_not_planned_is_refused() -> None:
    """An item that was in sync, or not there, when the plan was reviewed."""
    refusal = ErrorInfo("PlanMoved", "the saved plan does not write this resource", fix=FIX)
    assert SavedPlan({}).refusal(ITEM, Action.UPDATE, LIVE) == refusal


def unusable(content: bytes, project: str | None = "shop", now: datetime = NOW) -> str:
    """Return why a plan file cannot be used."""
    with pytest.raises(PlanFileError) as caught:
        read(content, SCHEMA, project, now)
    message = str(caught.value)
    assert message.startswith("the plan file cannot be used: ")
    return message.removeprefix("the plan file cannot be used: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"digest": 1}',
        b"[" * 100_000,
        b"\x80\x04\x95",
        b"\xff\xfe",
        text().encode()[:-40],
    ],
)
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    """Cut, empty, pickled or something else; nothing in it is run."""
    assert unusable(content) == "it is not a plan file"


@pytest.mark.parametrize(
    "edit",
    [
        lambda saved: saved.pop("items"),
        lambda saved: saved.pop("project"),
        lambda saved: saved.pop("expiresAt"),
        lambda saved: saved.pop("schemaVersion"),
        lambda saved: saved.pop("reconcilerVersion"),
        lambda saved: saved.update(items={}, expiresAt="soon"),
        lambda saved: saved.update(expiresAt="2030-01-01T00:00:00"),
        lambda saved: saved.update(expiresAt=7),
        lambda saved: saved.update(items=[1]),
        lambda saved: saved.update(items=[{"id": 1}]),
        lambda saved: saved["items"][0].pop("rules"),
        lambda saved: saved["items"][0].pop("settings"),
        lambda saved: saved["items"][0].pop("name"),
        lambda saved: saved["items"][0].update(live="not a digest"),
        lambda saved: saved["items"][0].update(action="delete"),
        lambda saved: saved.update(more=1),
    ],
)
def test_a_plan_of_another_shape_is_refused_whatever_its_digest(edit: Callable[[dict[str, Any]], Any]) -> None:
    """The digest finds accidents, not intent: any editor of the file can compute it, so the shape is checked too."""
    saved = json.loads(text())
    edit(saved)
    assert unusable(sign(saved)) == "it is not a plan file"


def test_an_edited_plan_is_refused() -> None:
    """To the last character, in values and in keys."""
    made = text()
    assert unusable(made.replace('"update"', '"create"').encode()) == "it was changed after it was written"
    assert unusable(made.replace('"shop"', '"other"').encode(), "other") == "it was changed after it was written"
    assert unusable(made.replace('"items"', '"new": 1, "items"').encode()) == "it was changed after it was written"


@pytest.mark.parametrize(("key", "value"), [("schemaVersion", 2), ("reconcilerVersion", "0.0.0")])
def test_another_version_is_refused(key: str, value: Any) -> None:
    """It may have compared otherwise."""
    assert unusable(sign({**json.loads(text()), key: value})) == "another version of the reconciler wrote it"


@pytest.mark.parametrize("project", [None, "other"])
def test_another_project_is_refused(project: str | None) -> None:
    """Also a repository without a project file."""
    assert unusable(text().encode(), project).startswith("this plan was made for project shop, and this run is for ")


def test_a_plan_lives_for_seven_days() -> None:
    """And not a second longer."""
    made = text()
    assert reread(made, NOW + timedelta(days=7, seconds=-1)).items
    assert unusable(made.encode(), now=NOW + timedelta(days=7)) == "it expired at 2026-11-28T20:25:00+00:00"


def test_reformatting_is_no_edit() -> None:
    """The digest is that of what the file says."""
    assert reread(json.dumps(json.loads(text()))).items == reread(text()).items
