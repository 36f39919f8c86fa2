"""One action for every resource: each row of the contract's table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Health, Live
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import IgnoreRule
from reconciler.model.change import Action, Finding, Reason, Sync
from reconciler.model.live import Absence, Absent, Observation, Observed, Unmanaged, Unreadable
from reconciler.plan.decide import Memory, Parent, Policy, decide, make_plan
from reconciler.plan.versions import ApiVersions
from tests.kit.synthetic import IDENTITY, KINDS, LADDER, MINIMAL, WIDGET, desired, minimal, widget

if TYPE_CHECKING:
    from reconciler.model.desired import Desired

OURS = Policy(tracking=Tracking(project="shop"))
PINNED = replace(OURS, versions=ApiVersions(pins={"Ladder": "2030-01-01"}))
LAGGING = replace(OURS, versions=ApiVersions(known={("Ladder", "s"): "2030-01-01"}))
ERROR = ErrorInfo("AuthorizationFailed", "no", 403)
DIGEST = widget(content="x").digest
OTHER = "v1-" + "0" * 64


def live(state: str = "Succeeded", tags: dict[str, Any] | None = None, **properties: Any) -> Live:
    """Return a live widget."""
    return Live(WIDGET.seal({"tags": tags or {}, "properties": {"provisioningState": state, **properties}}))


def row(item: Desired, observed: Observed, policy: Policy = OURS, parent: Parent | None = None) -> tuple[str, ...]:
    """Return action, reason, sync and health of the decision."""
    decision = decide(item, observed, policy, parent) if parent else decide(item, observed, policy)
    change = decision.change
    assert change.desired is item
    assert decision.live is (observed.body if isinstance(observed, Live) else None)
    assert change.fields == decision.comparison.fields
    return change.action.value, change.reason.value, change.sync.value, change.health.value


SAME = widget(text="a")
CHANGED = widget(text="b")
FROZEN = widget(frozen="b", text="b")
CONTENT = widget(content="x")
DROPPED = widget(parts=[])
UNSET = widget(forever=None, text="b")
NEWER = widget(LADDER, text="b")
PAUSED = replace(CHANGED, paused=True)
PART = {"name": "a", "at": {"zone": "1"}}
GONE = Absent(Absence.NOT_FOUND)
TABLE: list[tuple[Desired, Observed, Policy, Parent | None, tuple[str, ...]]] = [
    # Absent.
    (SAME, GONE, OURS, None, ("create", "not-found", "Missing", "Unknown")),
    (SAME, Absent(Absence.PARENT_MISSING), OURS, Parent(), ("create", "not-found", "Missing", "Unknown")),
    (SAME, GONE, OURS, Parent(exists=False), ("blocked", "parent-missing", "Missing", "Unknown")),
    (SAME, GONE, OURS, Parent(known=False), ("unknown", "read-failed", "Unknown", "Unknown")),
    (SAME, Absent(Absence.GROUP_MISSING), OURS, None, ("blocked", "group-missing", "Missing", "Unknown")),
    (
        SAME,
        Absent(Absence.GROUP_MISSING),
        OURS,
        Parent(exists=False),
        ("blocked", "group-missing", "Missing", "Unknown"),
    ),
    (PAUSED, GONE, OURS, Parent(exists=False), ("paused", "paused", "Missing", "Unknown")),
    # Unreadable.
    (SAME, Unreadable(ERROR), OURS, None, ("unknown", "read-failed", "Unknown", "Unknown")),
    (PAUSED, Unreadable(ERROR), OURS, None, ("unknown", "read-failed", "Unknown", "Unknown")),
    # Live.
    (SAME, live(text="a"), OURS, None, ("none", "in-sync", "InSync", "Healthy")),
    (CHANGED, live(text="a"), OURS, None, ("update", "fields-differ", "OutOfSync", "Healthy")),
    (CHANGED, live("Failed", text="a"), OURS, None, ("update", "fields-differ", "OutOfSync", "Degraded")),
    (SAME, live("Failed", text="a"), OURS, None, ("update", "last-operation-failed", "OutOfSync", "Degraded")),
    (SAME, live("Canceled", text="a"), OURS, None, ("update", "last-operation-failed", "OutOfSync", "Degraded")),
    (
        CHANGED,
        live(text="a"),
        replace(OURS, memory=Memory(rejected=frozenset({CHANGED.key}))),
        None,
        ("none", "fields-differ", "OutOfSync", "Healthy"),
    ),
    (
        SAME,
        Absent(Absence.NOT_FOUND),
        replace(OURS, memory=Memory(rejected=frozenset({SAME.key}))),
        None,
        ("none", "not-found", "Missing", "Unknown"),
    ),
    (
        SAME,
        live("Failed", text="a"),
        replace(OURS, memory=Memory(retried=frozenset({SAME.key}))),
        None,
        ("none", "in-sync", "InSync", "Degraded"),
    ),
    (
        CHANGED,
        live("Failed", text="a"),
        replace(OURS, memory=Memory(retried=frozenset({CHANGED.key}))),
        None,
        ("update", "fields-differ", "OutOfSync", "Degraded"),
    ),
    (
        CHANGED,
        live(text="a"),
        replace(OURS, memory=Memory(given_up=frozenset({CHANGED.key}))),
        None,
        ("blocked", "did-not-stick", "OutOfSync", "Healthy"),
    ),
    (
        SAME,
        live(text="a"),
        replace(OURS, memory=Memory(given_up=frozenset({SAME.key}))),
        None,
        ("none", "in-sync", "InSync", "Healthy"),
    ),
    *[
        (item, live(state, text="a"), OURS, None, ("wait", "operation-running", "Unknown", "Progressing"))
        for item in (SAME, CHANGED, FROZEN)
        for state in ("Creating", "Updating", "Deleting", "Migrating", "Ruminating")
    ],
    (FROZEN, live(text="a", frozen="a"), OURS, None, ("blocked", "immutable-field", "OutOfSync", "Healthy")),
    (FROZEN, live("Failed", text="a"), OURS, None, ("blocked", "immutable-field", "OutOfSync", "Degraded")),
    (DROPPED, live(parts=[PART]), OURS, None, ("blocked", "removal-refused", "OutOfSync", "Healthy")),
    (UNSET, live(forever="a"), OURS, None, ("blocked", "cannot-unset", "OutOfSync", "Healthy")),
    (
        widget(frozen="b", parts=[], forever=None),
        live(frozen="a", parts=[PART], forever="a"),
        OURS,
        None,
        ("blocked", "immutable-field", "OutOfSync", "Healthy"),
    ),
    (PAUSED, live(text="a"), OURS, None, ("paused", "paused", "OutOfSync", "Healthy")),
    (replace(SAME, paused=True), live(text="a"), OURS, None, ("paused", "paused", "InSync", "Healthy")),
    (replace(FROZEN, paused=True), live(frozen="a"), OURS, None, ("paused", "paused", "OutOfSync", "Healthy")),
    (replace(CONTENT, paused=True), live(), OURS, None, ("paused", "paused", "Unknown", "Healthy")),
    (
        PAUSED,
        live("Updating", {"reconciler-project": "x"}, text="a"),
        OURS,
        None,
        ("paused", "paused", "OutOfSync", "Progressing"),
    ),
    # Write-only content.
    (CONTENT, live(tags={"reconciler-digest": DIGEST}), OURS, None, ("none", "in-sync", "InSync", "Healthy")),
    (CONTENT, live(tags={"reconciler-digest": OTHER}), OURS, None, ("update", "fields-differ", "OutOfSync", "Healthy")),
    (CONTENT, live(), OURS, None, ("update", "adopt", "OutOfSync", "Healthy")),
    (CONTENT, live(tags={"reconciler-digest": "odd"}), OURS, None, ("update", "adopt", "OutOfSync", "Healthy")),
    (CONTENT, live(), replace(OURS, adopt=False), None, ("none", "in-sync", "Unknown", "Healthy")),
    (CONTENT, live(), Policy(tracking=Tracking(tags=False)), None, ("none", "in-sync", "Unknown", "Healthy")),
    (
        CONTENT,
        live("Failed"),
        replace(OURS, adopt=False),
        None,
        ("update", "last-operation-failed", "OutOfSync", "Degraded"),
    ),
    # Ownership.
    (SAME, live(tags={"reconciler-project": "shop"}, text="a"), OURS, None, ("none", "in-sync", "InSync", "Healthy")),
    (
        SAME,
        live(tags={"reconciler-project": "other"}, text="a"),
        OURS,
        None,
        ("blocked", "owned-elsewhere", "OutOfSync", "Healthy"),
    ),
    (
        CHANGED,
        live("Updating", tags={"Reconciler-Project": "other"}),
        OURS,
        None,
        ("blocked", "owned-elsewhere", "OutOfSync", "Progressing"),
    ),
    (
        CHANGED,
        live(tags={"reconciler-project": "other"}, text="a"),
        replace(OURS, take_over=True),
        None,
        ("update", "fields-differ", "OutOfSync", "Healthy"),
    ),
    (
        CHANGED,
        live(tags={"reconciler-project": "other"}, text="a"),
        Policy(),
        None,
        ("update", "fields-differ", "OutOfSync", "Healthy"),
    ),
    # Asked for by name.
    (
        SAME,
        live(text="a"),
        replace(OURS, republish=frozenset({SAME.key})),
        None,
        ("update", "republish", "InSync", "Healthy"),
    ),
    (
        FROZEN,
        live(frozen="a"),
        replace(OURS, republish=frozenset({FROZEN.key})),
        None,
        ("blocked", "immutable-field", "OutOfSync", "Healthy"),
    ),
    # Newer api-versions.
    (widget(LADDER, late="b"), GONE, OURS, None, ("create", "not-found", "Missing", "Unknown")),
    (widget(LADDER, late="b"), GONE, LAGGING, None, ("blocked", "api-version-lag", "Missing", "Unknown")),
    (widget(LADDER, late="b"), live(), LAGGING, None, ("blocked", "api-version-lag", "OutOfSync", "Healthy")),
    (widget(LADDER, late="a"), live(late="a"), LAGGING, None, ("none", "in-sync", "InSync", "Healthy")),
    (NEWER, live(late="a"), OURS, None, ("update", "fields-differ", "OutOfSync", "Healthy")),
    (NEWER, live(late="a"), PINNED, None, ("blocked", "newer-live", "OutOfSync", "Healthy")),
    (NEWER, live(late="a"), LAGGING, None, ("blocked", "newer-live", "OutOfSync", "Healthy")),
    (NEWER, live("Updating", late="a"), PINNED, None, ("wait", "operation-running", "Unknown", "Progressing")),
    (replace(NEWER, paused=True), live(late="a"), PINNED, None, ("paused", "paused", "OutOfSync", "Healthy")),
    (widget(LADDER, text="a"), live(text="a", late="a"), PINNED, None, ("none", "in-sync", "InSync", "Healthy")),
    (
        widget(LADDER, frozen="b"),
        live(frozen="a", late="a"),
        PINNED,
        None,
        ("blocked", "immutable-field", "OutOfSync", "Healthy"),
    ),
    # Undeclared values.
    (SAME, live(text="a", any=1), OURS, None, ("none", "in-sync", "InSync", "Healthy")),
    (SAME, live(text="a", any=1), replace(OURS, strict=True), None, ("none", "fields-differ", "OutOfSync", "Healthy")),
    (
        SAME,
        live(text="a", kept="big"),
        replace(OURS, strict=True),
        None,
        ("none", "fields-differ", "OutOfSync", "Healthy"),
    ),
    (
        SAME,
        live(tags={"zone": "z", "reconciler-project": "shop"}, text="a"),
        replace(OURS, strict=True),
        None,
        ("none", "in-sync", "InSync", "Healthy"),
    ),
    # Ignored differences.
    (
        CHANGED,
        live(text="a"),
        replace(OURS, ignore=(IgnoreRule("properties.text", "because"),)),
        None,
        ("none", "in-sync", "InSync", "Healthy"),
    ),
    (
        FROZEN,
        live(frozen="a", text="b"),
        replace(OURS, ignore=(IgnoreRule("properties.frozen", "because"),)),
        None,
        ("none", "in-sync", "InSync", "Healthy"),
    ),
]


@pytest.mark.parametrize(("item", "observed", "policy", "parent", "expected"), TABLE)
def test_the_first_rule_that_matches_decides(
    item: Desired, observed: Observed, policy: Policy, parent: Parent | None, expected: tuple[str, ...]
) -> None:
    """Every row of the contract's table."""
    assert row(item, observed, policy, parent) == expected


def test_the_table_has_every_action_and_reason() -> None:
    """None is left without an example; one resource alone is not unmanaged, held, rolled out or without latest."""
    assert {entry[-1][0] for entry in TABLE} == set(Action)
    assert {entry[-1][1] for entry in TABLE} == set(Reason) - {
        *(Reason.UNMANAGED, Reason.HELD, Reason.LATEST_LOST, Reason.ROLLOUT_WAITING, Reason.ROLLOUT_FAILED)
    }
    assert {entry[-1][2] for entry in TABLE} == set(Sync) - {Sync.UNMANAGED}
    assert {entry[-1][3] for entry in TABLE} == set(Health)


@pytest.mark.parametrize(
    ("item", "observed", "parent", "fix"),
    [
        (
            FROZEN,
            live(frozen="a"),
            None,
            "restore the live value, or publish under a new name or version: this field is immutable after creation",
        ),
        (
            DROPPED,
            live(parts=[PART]),
            None,
            ("declare the element again, or set properties.flag to true: Azure keeps the element otherwise"),
        ),
        (
            UNSET,
            live(forever="a"),
            None,
            "delete the null, or declare a value: Azure cannot clear this field once it is set",
        ),
        (
            widget(forever=None, frozen="b"),
            live(forever="a", frozen="a"),
            None,
            (
                "restore the live value, or publish under a new name or version:"
                " this field is immutable after creation;"
                " delete the null, or declare a value: Azure cannot clear this field once it is set"
            ),
        ),
        (
            SAME,
            live(tags={"reconciler-project": "other"}),
            None,
            (
                "owned by project `other`: remove its `reconciler-project` tag, or pass --take-over"
                " (with --republish Widget/m to record this project at once)"
            ),
        ),
        (
            SAME,
            Absent(Absence.GROUP_MISSING),
            None,
            "create resource group g, or correct `resourceGroupName`: resource groups are not managed",
        ),
        (SAME, GONE, Parent(exists=False, fix="do this"), "do this"),
        (SAME, GONE, None, None),
        (CHANGED, live(text="a"), None, None),
        (PAUSED, live(text="a"), None, "remove the annotation `reconciler.dev/paused` to have the resource written"),
        (PAUSED, GONE, None, "remove the annotation `reconciler.dev/paused` to have the resource written"),
    ],
)
def test_what_is_blocked_or_paused_says_what_to_do(
    item: Desired, observed: Observed, parent: Parent | None, fix: str | None
) -> None:
    """The fix names what to change; the others need none."""
    assert decide(item, observed, OURS, parent or Parent()).change.fix == fix


def test_trap_immutable_a_published_script_is_blocked_with_the_page_that_says_so() -> None:
    """An edit of a version's script never becomes a PUT that Azure rejects minutes later."""
    profile = {"source": {"mediaLink": "https://h/p"}, "manageActions": {"install": "new", "remove": "r"}}
    item = minimal("GalleryApplicationVersion", publishingProfile=profile)
    observed = Live(
        item.kind.seal(
            {
                "location": "westus",
                "properties": {
                    "publishingProfile": {**profile, "manageActions": {"install": "old", "remove": "r"}},
                    "provisioningState": "Succeeded",
                },
            }
        )
    )
    change = decide(item, observed, Policy()).change
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.IMMUTABLE_FIELD)
    assert [(field.path, field.finding) for field in change.fields] == [
        ("properties.publishingProfile.manageActions.install", Finding.IMMUTABLE)
    ]
    assert change.fix is not None
    assert change.fix.endswith(f"({item.kind.docs})")


def test_what_cannot_be_known_says_why() -> None:
    """The error of the read, or that the parent could not be read."""
    error = decide(SAME, Unreadable(ERROR), OURS).change.error
    assert error is not None
    assert (error.code, error.message, error.status) == (ERROR.code, ERROR.message, ERROR.status)
    dependent = decide(SAME, GONE, OURS, Parent(known=False)).change.error
    assert dependent is not None
    assert dependent.code == "DependencyFailed"


def test_differences_of_a_running_resource_are_shown() -> None:
    """They are provisional, and still worth seeing."""
    change = decide(CHANGED, live("Updating", text="a"), OURS).change
    assert [field.path for field in change.fields] == ["properties.text"]


def test_ignored_differences_are_counted() -> None:
    """How many there are, not what."""
    rules = (IgnoreRule("properties.*", "because"), IgnoreRule("properties.unused", "because"))
    change = decide(widget(text="b", any=2), live(text="a", any=1), replace(OURS, ignore=rules)).change
    assert (change.ignored, change.fields) == (2, ())


GALLERY = minimal("Gallery")
APPLICATION = replace(minimal("GalleryApplication"), depth=1)
VERSION = replace(minimal("GalleryApplicationVersion"), depth=2)
CHAIN = (GALLERY, APPLICATION, VERSION)


def alive(item: Desired, state: str = "Succeeded") -> Live:
    """Return the resource as stated."""
    return Live({**item.body, "properties": {**item.body.get("properties", {}), "provisioningState": state}})


def plan(*items: tuple[Desired, Observed], parents: frozenset[str] = frozenset(), policy: Policy | None = None) -> Any:
    """Return what is decided for each resource, by the last part of its id."""
    observation = Observation({item.key: observed for item, observed in items}, parents)
    made, _ = make_plan(
        [item for item, _ in reversed(items)], observation, policy or Policy(), {item.key: item for item in CHAIN}
    )
    return {change.desired.kind.name: (change.action.value, change.reason.value, change.fix) for change in made.changes}


def test_a_chain_that_is_absent_is_created_from_the_top() -> None:
    """A parent that this plan creates exists for its children; parents come first."""
    made = plan(*((item, GONE) for item in CHAIN))
    assert list(made) == ["Gallery", "GalleryApplication", "GalleryApplicationVersion"]
    assert set(made.values()) == {("create", "not-found", None)}


def test_a_parent_that_is_live_lets_its_children_be_created() -> None:
    """Children are created below a live parent that is updating, failed or owned by another project."""
    for observed in (alive(GALLERY), alive(GALLERY, "Updating"), alive(GALLERY, "Failed")):
        assert plan((GALLERY, observed), (APPLICATION, GONE))["GalleryApplication"] == ("create", "not-found", None)
    foreign = Live({**GALLERY.body, "tags": {"reconciler-project": "other"}})
    made = plan((GALLERY, foreign), (APPLICATION, GONE), policy=OURS)
    assert [entry[:2] for entry in made.values()] == [("blocked", "owned-elsewhere"), ("create", "not-found")]


def test_a_parent_that_was_seen_is_enough() -> None:
    """It need not be stated, nor selected."""
    made = plan((APPLICATION, GONE), parents=frozenset({GALLERY.key}))
    assert made == {"GalleryApplication": ("create", "not-found", None)}


def test_children_of_a_paused_absent_parent_are_blocked() -> None:
    """Down to the last, each with the parent to resolve first."""
    made = plan((replace(GALLERY, paused=True), GONE), (APPLICATION, GONE), (VERSION, GONE))
    assert made == {
        "Gallery": ("paused", "paused", "remove the annotation `reconciler.dev/paused` to have the resource written"),
        "GalleryApplication": ("blocked", "parent-missing", "Gallery/m is paused: resolve that first"),
        "GalleryApplicationVersion": (
            "blocked",
            "parent-missing",
            "GalleryApplication/m is blocked: resolve that first",
        ),
    }


def test_children_of_an_unreadable_parent_are_unknown() -> None:
    """Absence is not concluded from a failure."""
    made = plan((GALLERY, Unreadable(ERROR)), (APPLICATION, GONE), (VERSION, GONE))
    assert {entry[:2] for entry in made.values()} == {("unknown", "read-failed")}


def test_a_parent_that_is_not_selected_is_named_with_its_target() -> None:
    """``--target`` pulls no parents in; the fix says which one to add."""
    made = plan((VERSION, Absent(Absence.PARENT_MISSING)))
    assert made["GalleryApplicationVersion"] == (
        "blocked",
        "parent-missing",
        ("add --target GalleryApplication/m, or the label that --selector selects: the parent is declared in m.yaml"),
    )


def test_a_parent_that_nobody_states_is_named_with_its_id() -> None:
    """Without a manifest, one has to be written."""
    observation = Observation({APPLICATION.key: GONE})
    made, _ = make_plan([APPLICATION], observation, Policy())
    assert made.changes[0].fix == f"add a Gallery manifest for {GALLERY.id}, or create it in Azure"


def test_the_plan_is_in_the_order_of_doing() -> None:
    """Waves first, parents before children, then ids; unmanaged resources go along, and every write is counted."""
    late = replace(desired({"location": "x"}, KINDS["Gallery"]), key="/a", wave=1)
    first = replace(desired({"location": "x"}, KINDS["Gallery"]), key="/z")
    stray = Unmanaged(GALLERY.kind, "stray", "/stray", Live({}))
    items = (late, VERSION, first, APPLICATION, GALLERY)
    made, used = make_plan(items, Observation({item.key: GONE for item in items}, unmanaged=(stray,)), Policy())
    assert [change.desired.key for change in made.changes] == [
        GALLERY.key,
        "/z",
        APPLICATION.key,
        VERSION.key,
        "/a",
    ]
    assert (made.unmanaged, made.puts, used) == ((stray,), 5, frozenset())


def test_the_rules_that_hid_something_are_known() -> None:
    """The others may be reported as idle."""
    used, idle = IgnoreRule("properties.description", "because"), IgnoreRule("properties.eula", "because")
    item = minimal("Gallery", description="b")
    observed = Live({**item.body, "properties": {"description": "a"}})
    made, found = make_plan([item], Observation({item.key: observed}), Policy(ignore=(used, idle)))
    assert found == {used}
    assert (made.changes[0].action, made.changes[0].ignored, made.puts) == (Action.NONE, 1, 0)


def test_what_is_stated_is_what_is_planned() -> None:
    """The minimal resources of all kinds are in sync with themselves."""
    assert set(IDENTITY) == set(MINIMAL) == set(KINDS)
    for name in KINDS:
        item = minimal(name)
        assert row(item, alive(item), Policy(tracking=Tracking(tags=False)))[0] == "none"
