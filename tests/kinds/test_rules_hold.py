"""The effect of each rule of the schemas on a plan: facts of Azure, one by one, for each kind."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.diff import compare
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.validate import validate
from reconciler.model.change import Finding, Refusal
from tests.kit import synthetic
from tests.kit.synthetic import MINIMAL, desired

VERSION = "GalleryApplicationVersion"
APPLICATION = "GalleryApplication"
DEFINITION = "ApplicationDefinition"
GUARD = "allowDeletionOfReplicatedLocations"
ROLE = "b24988ac-6180-42a0-ab88-20f7382dd24c"
Json = dict[str, Any]


def body(kind: str, **changes: Any) -> Json:
    """Return the smallest body of a kind with other properties; a version's are those of its publishing profile."""
    least = MINIMAL[kind]
    properties = least.get("properties", {})
    if kind == VERSION:
        profile = {**properties["publishingProfile"], **changes}
        return {**least, "properties": {"publishingProfile": profile}}
    return {**least, "properties": {**properties, **changes}}


def found(kind: str, stated: Json, live: Json) -> dict[str, tuple[Finding, Refusal | None]]:
    """Return what a plan finds by path, without the content that Azure never returns."""
    item = desired(stated, packaged().kinds[kind])
    fields = compare(item, packaged().kinds[kind].seal(live), Tracking()).fields
    prefix = "properties.publishingProfile." if kind == VERSION else "properties."
    return {
        change.path.removeprefix(prefix): (change.finding, change.refusal)
        for change in fields
        if change.finding is not Finding.UNVERIFIED
    }


def both(kind: str, stated: Json, live: Json) -> dict[str, tuple[Finding, Refusal | None]]:
    """Return what a plan finds between two sets of properties."""
    return found(kind, body(kind, **stated), body(kind, **live))


def within(path: str, value: Any) -> Json:
    """Return an object that holds *value* at a path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("kind", packaged().kinds)
def test_no_location_moves(kind: str) -> None:
    """And each is the same in every spelling of its region."""
    live = {**body(kind), "location": "North Europe"}
    assert found(kind, body(kind) | {"location": "West US"}, live) == {
        "location": (Finding.IMMUTABLE, Refusal.IMMUTABLE)
    }
    assert found(kind, body(kind) | {"location": "northeurope"}, live) == {}


@pytest.mark.parametrize(
    ("kind", "path", "implied", "other"),
    [
        ("Gallery", "sharingProfile.permissions", "Private", "Community"),
        ("Gallery", "softDeletePolicy.isSoftDeleteEnabled", False, True),
        (VERSION, "replicationMode", "Full", "Shallow"),
    ],
)
def test_what_an_answer_that_lacks_it_means_is_known(kind: str, path: str, implied: Any, other: Any) -> None:
    """To declare that is no difference, to declare another value is one, and a silent manifest asks for nothing."""
    assert both(kind, within(path, implied), {}) == {}
    assert len(both(kind, within(path, other), {})) == 1
    assert both(kind, {}, within(path, implied)) == {}


@pytest.mark.parametrize(
    ("kind", "path", "old", "new"),
    [
        (VERSION, "source.mediaLink", "https://a.example/old.zip", "https://a.example/new.zip"),
        (VERSION, "source.defaultConfigurationLink", "https://a.example/old", "https://a.example/new"),
        (VERSION, "manageActions.install", "old", "new"),
        (VERSION, "manageActions.remove", "old", "new"),
        (VERSION, "manageActions.update", "old", "new"),
        (VERSION, "settings.packageFileName", "old", "new"),
        (VERSION, "settings.configFileName", "old", "new"),
        (VERSION, "replicationMode", "Full", "Shallow"),
        (VERSION, "storageAccountType", "Standard_LRS", "Standard_ZRS"),
        (APPLICATION, "supportedOSType", "Linux", "Windows"),
        (DEFINITION, "managementPolicy.mode", "Managed", "Unmanaged"),
    ],
)
def test_what_is_frozen_is_refused(kind: str, path: str, old: str, new: str) -> None:
    """Azure cannot change it after create, so a stated difference blocks instead of being sent."""
    outer = path.partition(".")[0]
    base = body(kind)["properties"].get("publishingProfile", {}).get(outer, {})
    sides = [within(path, value) for value in (new, old)]
    if isinstance(base, dict):
        sides = [{outer: {**base, **side[outer]}} if isinstance(side[outer], dict) else side for side in sides]
    assert both(kind, *sides) == {path: (Finding.IMMUTABLE, Refusal.IMMUTABLE)}


@pytest.mark.parametrize("key", ["storageAccountType"])
def test_what_is_frozen_of_a_region_is_refused(key: str) -> None:
    """Of a region that stays."""
    stated, live = ([{"name": "West US", key: value}] for value in ("Premium_LRS", "Standard_ZRS"))
    assert both(VERSION, {"targetRegions": stated}, {"targetRegions": live}) == {
        f"targetRegions[West US].{key}": (Finding.IMMUTABLE, Refusal.IMMUTABLE)
    }


ONE, OTHER = {"name": "West US"}, {"name": "North Europe"}
ZONES = [{"name": "West US", "extendedLocation": {"name": name}} for name in ("losangeles", "lasvegas")]


@pytest.mark.parametrize(
    ("kind", "stated", "live"),
    [
        (VERSION, {"targetRegions": [ONE, OTHER]}, {"targetRegions": [{"name": "northeurope"}, {"name": "WestUS"}]}),
        (VERSION, {"endOfLifeDate": "2030-01-01T01:00:00+01:00"}, {"endOfLifeDate": "2030-01-01T00:00:00.0000000Z"}),
        (
            VERSION,
            {"source": {"mediaLink": "https://a.example/p.zip?sig=one"}},
            {"source": {"mediaLink": "https://A.example/p.zip?sig=two"}},
        ),
        (
            VERSION,
            {"source": {"mediaLink": "https://a.example/p", "defaultConfigurationLink": "https://a.example/c?s=1"}},
            {"source": {"mediaLink": "https://a.example/p", "defaultConfigurationLink": "https://a.example/c"}},
        ),
        (
            VERSION,
            {"targetExtendedLocations": ZONES},
            {
                "targetExtendedLocations": [
                    {"name": "westus", "extendedLocation": {"name": "LasVegas"}},
                    {"name": "westus", "extendedLocation": {"name": "LosAngeles"}},
                ]
            },
        ),
        (
            APPLICATION,
            {"endOfLifeDate": "2030-01-01T00:00:00Z"},
            {"endOfLifeDate": "2029-12-31T16:00:00-08:00"},
        ),
        (
            DEFINITION,
            {"authorizations": [{"principalId": "a", "roleDefinitionId": ROLE}]},
            {"authorizations": [{"principalId": "A", "roleDefinitionId": ROLE.upper()}]},
        ),
        (
            DEFINITION,
            {"lockingPolicy": {"allowedActions": ["a", "b"], "allowedDataActions": ["c", "d"]}},
            {"lockingPolicy": {"allowedActions": ["b", "a"], "allowedDataActions": ["d", "c"]}},
        ),
        (
            DEFINITION,
            {"policies": [{"name": "p", "policyDefinitionId": "/providers/Acme/policyDefinitions/One"}]},
            {"policies": [{"name": "p", "policyDefinitionId": "/PROVIDERS/acme/policydefinitions/one/"}]},
        ),
        (DEFINITION, {"storageAccountId": "/subscriptions/S"}, {"storageAccountId": "/subscriptions/s"}),
    ],
)
def test_what_azure_spells_otherwise_is_no_difference(kind: str, stated: Json, live: Json) -> None:
    """Regions, ids, times, links without their query, and lists whose order means nothing."""
    assert both(kind, stated, live) == {}


@pytest.mark.parametrize(
    ("kind", "live"),
    [
        (VERSION, {"replicaCount": 1, "storageAccountType": "Standard_LRS", "enableHealthCheck": False}),
        (VERSION, {"excludeFromLatest": False, "publishedDate": "2030-01-01T00:00:00Z"}),
        (
            VERSION,
            {
                "targetRegions": [
                    {
                        "name": "West US",
                        "regionalReplicaCount": 1,
                        "storageAccountType": "Standard_LRS",
                        "excludeFromLatest": False,
                    }
                ]
            },
        ),
        (
            DEFINITION,
            {"isEnabled": True, "artifacts": [{"name": "MainTemplateParameters", "uri": "u", "type": "Custom"}]},
        ),
        ("Gallery", {"identifier": {"uniqueName": "sub-GALLERY"}, "provisioningState": "Succeeded"}),
    ],
)
def test_what_azure_fills_in_is_no_difference(kind: str, live: Json) -> None:
    """Defaults, what it picks, and what is its own; none of it is stated."""
    assert both(kind, {}, live) == {}


@pytest.mark.parametrize(
    "field",
    [{"regionalReplicaCount": 1}, {"storageAccountType": "Standard_LRS"}, {"excludeFromLatest": False}],
)
def test_what_azure_fills_in_for_a_stated_region_is_no_difference(field: Json) -> None:
    """The profile's own value where that is stated, else its default."""
    assert both(VERSION, {"targetRegions": [ONE]}, {"targetRegions": [{**ONE, **field}]}) == {}


def test_what_azure_picks_for_a_definition_is_no_difference() -> None:
    """Where no location is stated, any is right."""
    stated = {name: value for name, value in body(DEFINITION).items() if name != "location"}
    assert found(DEFINITION, stated, body(DEFINITION) | {"managedBy": "/x", "sku": {"name": "P3"}}) == {}


@pytest.mark.parametrize(
    ("kind", "path", "live"),
    [
        (VERSION, "replicaCount", 3),
        (VERSION, "enableHealthCheck", True),
        (VERSION, "excludeFromLatest", True),
        (DEFINITION, "isEnabled", False),
        (DEFINITION, "isEnabled", 1),
        (VERSION, "replicaCount", True),
        (VERSION, "replicaCount", 1.0),
    ],
)
def test_a_default_that_moved_is_a_change(kind: str, path: str, live: object) -> None:
    """A field that the manifest omits is compared with its default, type included."""
    assert both(kind, {}, {path: live}) == {path: (Finding.CHANGE, None)}


def test_a_region_has_as_many_replicas_as_the_profile_says() -> None:
    """Unless it states a number of its own."""
    stated = {"replicaCount": 2, "targetRegions": [ONE]}
    live = {"replicaCount": 2, "targetRegions": [{**ONE, "regionalReplicaCount": 5}]}
    assert both(VERSION, stated, live) == {"targetRegions[West US].regionalReplicaCount": (Finding.CHANGE, None)}


@pytest.mark.parametrize(
    ("name", "stated", "path"),
    [
        ("targetRegions", [ONE], "targetRegions[North Europe]"),
        ("targetExtendedLocations", ZONES[:1], "targetExtendedLocations[West US,lasvegas]"),
    ],
)
def test_a_region_goes_only_where_that_is_allowed(name: str, stated: list[Json], path: str) -> None:
    """Azure asks for a flag; without it the plan is blocked."""
    live = body(VERSION, **{name: [ONE, OTHER] if name == "targetRegions" else ZONES})
    wanted = body(VERSION, **{name: stated})
    assert found(VERSION, wanted, live) == {path: (Finding.CHANGE, Refusal.REMOVAL)}
    wanted["properties"]["safetyProfile"] = live["properties"]["safetyProfile"] = {GUARD: True}
    assert found(VERSION, wanted, live) == {path: (Finding.CHANGE, None)}


def test_the_regions_hold_the_location() -> None:
    """Azure refuses a version that is not kept where it is; so does validation, before."""
    for regions, codes in (([ONE], []), ([OTHER], ["must-contain"])):
        document = synthetic.document(synthetic.stated(VERSION, **body(VERSION, targetRegions=regions)))
        problems = validate([document], packaged().kinds, Tracking()).problems
        assert [problem.code for problem in problems] == codes


def test_a_principal_may_have_two_roles() -> None:
    """An authorization is told by both its parts."""
    two = [{"principalId": "a", "roleDefinitionId": role} for role in ("one", "two")]
    assert both(DEFINITION, {"authorizations": two}, {"authorizations": two[:1]}) == {
        "authorizations[a,two]": (Finding.CHANGE, None)
    }


def test_an_edited_action_is_the_same_action() -> None:
    """Custom actions are told by their names."""
    old, new = ({"customActions": [{"name": "collect", "script": script}]} for script in ("old", "new"))
    for kind in (APPLICATION, VERSION):
        assert both(kind, new, old) == {"customActions[collect].script": (Finding.CHANGE, None)}


@pytest.mark.parametrize(
    ("kind", "path", "value", "refusal"),
    [
        (VERSION, "endOfLifeDate", "2030-01-01T00:00:00Z", Refusal.CANNOT_UNSET),
        (VERSION, "customActions", [{"name": "a", "script": "b"}], None),
        (APPLICATION, "description", "text", Refusal.CANNOT_UNSET),
        (DEFINITION, "displayName", "text", None),
        (DEFINITION, "policies", [{"name": "a"}], None),
    ],
)
def test_what_can_be_removed(kind: str, path: str, value: object, refusal: Refusal | None) -> None:
    """A merging service keeps a scalar that a PUT leaves out; a replacing one keeps nothing."""
    assert both(kind, {path: None}, {path: value}) == {path: (Finding.CHANGE, refusal)}


def test_secrets_are_known() -> None:
    """Signatures in links, and what a webhook carries in its query."""
    secrets = {name: {".".join(path) for path in kind.secret_paths} for name, kind in packaged().kinds.items()}
    assert secrets == {
        "Gallery": set(),
        APPLICATION: set(),
        VERSION: {
            "properties.publishingProfile.source.mediaLink",
            "properties.publishingProfile.source.defaultConfigurationLink",
        },
        "GalleryScript": set(),
        "GalleryScriptVersion": {"properties.publishingProfile.source.scriptLink"},
        DEFINITION: {
            "properties.packageFileUri",
            "properties.artifacts.*.uri",
            "properties.notificationPolicy.notificationEndpoints.*.uri",
        },
    }


def test_what_is_never_returned_is_known() -> None:
    """A definition's content, whichever way it is stated; its digest knows no layout and no signature."""
    kind = packaged().kinds[DEFINITION]
    assert {path[-1] for path in kind.write_only_paths} == {"packageFileUri", "mainTemplate", "createUiDefinition"}
    assert all(not packaged().kinds[name].write_only_paths for name in (VERSION, APPLICATION, "Gallery"))

    def digest(**content: object) -> str | None:
        return desired({"location": "West US", "properties": {"lockLevel": "None", **content}}, kind).digest

    assert digest(mainTemplate={"a": 1, "b": 2}) == digest(mainTemplate='{"b": 2, "a": 1}')
    assert digest(createUiDefinition={"a": 1}) == digest(createUiDefinition='{"a":1}')
    assert digest(packageFileUri="https://a.example/p?sig=1") == digest(packageFileUri="https://a.example/p?sig=2")


def test_how_each_kind_is_written() -> None:
    """Galleries merge and definitions replace; an application and its versions have one writer between them."""
    kinds = packaged().kinds
    assert {name: kind.put for name, kind in kinds.items()} == {
        "Gallery": "merge",
        APPLICATION: "merge",
        VERSION: "merge",
        "GalleryScript": "merge",
        "GalleryScriptVersion": "merge",
        DEFINITION: "replace",
    }
    assert kinds[VERSION].writer == kinds[APPLICATION].writer
    assert set(kinds[VERSION].parameters) - set(kinds[VERSION].writer) == {"galleryApplicationVersionName"}
