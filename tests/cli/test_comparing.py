"""What is compared: findings, null and absence, lists, tags, and how a report names a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    LINK,
    REGIONS,
    Azure,
    Manifest,
    Workspace,
    application,
    changed,
    changes_of,
    definition,
    gallery,
    paths,
    resource,
    verdict,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting

_PROFILE = "properties.publishingProfile"
_EAST = "[East US 2]"


def _applied(work: Workspace, report: Reporting, *made: Manifest) -> None:
    work.state(gallery(), application(), *made)
    report("apply")


def test_spellings_are_equal(work: Workspace, report: Reporting) -> None:
    """Regions, instants, links and key orders that are spelled otherwise are no difference."""
    regions = [{"name": "eastus2", "regionalReplicaCount": 2}, {"name": "West Europe"}]
    _applied(work, report, version(targetRegions=regions, endOfLifeDate="2035-06-30T07:00:00Z"))
    other = version(
        endOfLifeDate="2035-06-30T00:00:00-07:00",
        targetRegions=[{"name": "westeurope"}, {"regionalReplicaCount": 2, "name": "East US 2"}],
        source={"mediaLink": f"{LINK}?sv=2023&sig=x"},
    )
    work.state(gallery(), application(), changed(other, "location", "WestEurope"))
    plan = report("plan", "--detailed-exitcode")
    assert plan["summary"]["inSync"] == 3
    assert changes_of(plan) == []


def test_region_added_and_removed(work: Workspace, azure: Azure, report: Reporting) -> None:
    """An element that comes or goes is one entry; the removal needs the safety flag."""
    flagged = changed(version(), "properties.safetyProfile.allowDeletionOfReplicatedLocations", value=True)
    _applied(work, report, flagged)
    two = [{"name": "West Europe"}, {"name": "eastus2", "regionalReplicaCount": 2}]
    work.state(gallery(), application(), changed(flagged, REGIONS, two))
    (added,) = changes_of(report("plan"))
    assert (added["path"], added["op"], added["finding"]) == (f"{REGIONS}[eastus2]", "add", "change")
    assert added["desired"] == two[1]
    assert "observed" not in added
    report("apply")
    work.state(gallery(), application(), flagged)
    (removed,) = changes_of(report("plan", "--allow-latest-lost"))
    assert (removed["path"], removed["op"]) == (f"{REGIONS}{_EAST}", "remove")
    assert "desired" not in removed
    assert removed["observed"]["name"] == "East US 2"
    report("apply", "--allow-latest-lost")
    assert [item["name"] for item in azure.stored(flagged)["properties"]["publishingProfile"]["targetRegions"]] == [
        "West Europe"
    ]


def test_region_removed_without_the_flag(work: Workspace, report: Reporting) -> None:
    """Dropping a region without the flag is blocked before Azure refuses it, with the way out."""
    _applied(work, report, version(targetRegions=[{"name": "West Europe"}, {"name": "eastus2"}]))
    work.state(gallery(), application(), version())
    plan = report("plan", code=1)
    assert verdict(plan, version()) == ("blocked", "removal-refused", "OutOfSync")
    assert "allowDeletionOfReplicatedLocations" in resource(plan, version())["fix"]
    assert report("apply", code=1)["summary"]["requests"]["PUT"] == 0


def test_list_that_is_not_stated(work: Workspace, report: Reporting) -> None:
    """A list of the server's choosing that is not stated is no finding; another one is undeclared, and kept."""
    actions = [{"name": "logs", "script": "sh logs.sh"}]
    stated = version(customActions=actions)
    _applied(work, report, stated)
    silent = without(without(stated, REGIONS), f"{_PROFILE}.customActions")
    work.state(gallery(), application(), silent)
    plan = report("plan", "--detailed-exitcode")
    (change,) = changes_of(plan)
    assert (change["path"], change["finding"]) == (f"{_PROFILE}.customActions[logs]", "undeclared")
    assert change["observed"]["name"] == "logs"
    assert "desired" not in change
    assert change["line"] is None
    assert verdict(plan, silent) == ("none", "in-sync", "InSync")


@pytest.mark.parametrize("key", ["install", "remove", "update"])
def test_frozen_and_stated(work: Workspace, report: Reporting, key: str) -> None:
    """A frozen leaf that differs from what is stated blocks the resource, and says what to do."""
    actions = {"install": "a", "remove": "b", "update": "c"}
    _applied(work, report, version(manageActions=actions))
    other = version(manageActions={**actions, key: "other"})
    work.state(gallery(), application(), other)
    plan = report("plan", code=1)
    assert verdict(plan, other) == ("blocked", "immutable-field", "OutOfSync")
    (change,) = changes_of(plan)
    assert (change["path"], change["finding"]) == (f"{_PROFILE}.manageActions.{key}", "immutable")
    assert "version" in resource(plan, other)["fix"]
    applied = report("apply", code=1)
    assert applied["summary"]["requests"]["PUT"] == 0
    assert resource(applied, other)["outcome"] is None


def test_frozen_and_not_stated(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A frozen leaf that differs only from a default is undeclared, never a reason for anything."""
    _applied(work, report, version())
    azure.edit(version(), f"{_PROFILE}.storageAccountType", "Premium_LRS")
    azure.edit(version(), f"{REGIONS}.0.storageAccountType", "Premium_LRS")
    plan = report("plan", "--detailed-exitcode")
    assert paths(plan) == [f"{_PROFILE}.storageAccountType", f"{REGIONS}[West Europe].storageAccountType"]
    assert paths(plan, "undeclared") == paths(plan)
    work.state(gallery(), application(), changed(version(), f"{REGIONS}.0.regionalReplicaCount", 2))
    report("apply")
    assert azure.stored(version())["properties"]["publishingProfile"]["storageAccountType"] == "Premium_LRS"


def test_frozen_from_project_defaults(work: Workspace, report: Reporting) -> None:
    """A frozen leaf that a project default states counts as stated."""
    _applied(work, report, version())
    work.project(defaults={"properties": {"publishingProfile": {"storageAccountType": "Standard_ZRS"}}})
    plan = report("plan", code=1)
    assert verdict(plan, version())[:2] == ("blocked", "immutable-field")


def test_default_that_drifted(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A leaf with a default that is not stated and differs is a change, and the PUT states the default."""
    _applied(work, report, version())
    azure.edit(version(), f"{_PROFILE}.excludeFromLatest", value=True)
    plan = report("plan", "--detailed-exitcode", code=2)
    (change,) = changes_of(plan)
    assert (change["path"], change["observed"], change["desired"]) == (f"{_PROFILE}.excludeFromLatest", True, False)
    assert change["line"] is None
    assert report("apply")["summary"]["puts"] == 1
    assert azure.stored(version())["properties"]["publishingProfile"]["excludeFromLatest"] is False


def test_stated_default_and_live_absence(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A stated default equals a live absence, and a stated value differs from it."""
    _applied(work, report, version())
    azure.drop(version(), f"{_PROFILE}.enableHealthCheck")
    work.state(gallery(), application(), version(enableHealthCheck=False))
    assert report("plan")["summary"]["puts"] == 0
    work.state(gallery(), application(), version(enableHealthCheck=True))
    (change,) = changes_of(report("plan"))
    assert (change["op"], change["desired"]) == ("add", True)
    assert "observed" not in change


def test_default_from_another_property(work: Workspace, report: Reporting) -> None:
    """The replicas of a region are by default those of the profile."""
    made = version(replicaCount=2, targetRegions=[{"name": "West Europe"}])
    _applied(work, report, made)
    work.state(gallery(), application(), changed(made, f"{REGIONS}.0.regionalReplicaCount", 2))
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 3


def test_deleted_key_is_undeclared(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Deleting an optional key from a manifest makes it undeclared; it stays in Azure, also after a PUT."""
    work.state(definition(description="old"))
    report("apply")
    work.state(definition())
    plan = report("plan", "--detailed-exitcode")
    assert [(c["path"], c["finding"]) for c in changes_of(plan)] == [("properties.description", "undeclared")]
    work.state(definition(displayName="New"))
    report("apply")
    stored = azure.stored(definition())["properties"]
    assert (stored["description"], stored["displayName"]) == ("old", "New")


def test_null_on_a_replacing_kind(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Null removes: a replacing kind leaves the key out, and the next plan is empty."""
    work.state(definition(description="old"))
    report("apply")
    work.state(definition(description=None))
    (change,) = changes_of(report("plan", "--detailed-exitcode", code=2))
    assert (change["op"], change["finding"], change["observed"]) == ("remove", "change", "old")
    report("apply")
    assert "description" not in azure.stored(definition())["properties"]
    assert changes_of(report("plan", "--detailed-exitcode")) == []


def test_null_on_a_list_of_a_merging_kind(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A merging kind is sent an empty list for null, so that the elements really go."""
    _applied(work, report, version(customActions=[{"name": "logs", "script": "x"}]))
    gone = version(customActions=None)
    work.state(gallery(), application(), gone)
    assert report("plan")["summary"]["update"] == 1
    report("apply")
    assert not azure.stored(gone)["properties"]["publishingProfile"].get("customActions")
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 3


def test_null_on_a_scalar_of_a_merging_kind(work: Workspace, report: Reporting) -> None:
    """What the service cannot clear is blocked; what is not there anyway is in sync."""
    work.state(gallery(description="old"))
    report("apply")
    work.state(gallery(description=None))
    plan = report("plan", code=1)
    assert verdict(plan, gallery()) == ("blocked", "cannot-unset", "OutOfSync")
    assert resource(plan, gallery())["fix"]
    work.state(gallery("other", description=None))
    report("apply")
    assert report("plan", "--detailed-exitcode", "--target", "Gallery/other")["summary"]["inSync"] == 1


def test_map_key_that_is_null(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Null in a map takes that key away."""
    _applied(work, report, version(advancedSettings={"a": "1", "b": "2"}))
    work.state(gallery(), application(), version(advancedSettings={"a": "1", "b": None}))
    (change,) = changes_of(report("plan"))
    assert (change["path"], change["op"]) == (f"{_PROFILE}.advancedSettings.b", "remove")
    report("apply")
    assert azure.stored(version())["properties"]["publishingProfile"]["advancedSettings"] == {"a": "1"}


def test_foreign_tags_stay(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Tags of others are undeclared and stay; stated ones are compared without the case of names."""
    tagged = changed(gallery(), "tags", {"Team": "endpoint"})
    work.state(tagged)
    report("apply")
    azure.edit(tagged, "tags", {"team": "endpoint", "cost center": "7"})
    plan = report("plan", "--detailed-exitcode")
    assert [(c["path"], c["finding"]) for c in changes_of(plan)] == [('tags["cost center"]', "undeclared")]
    work.state(changed(tagged, "tags.Team", "other"))
    report("apply")
    assert {name.lower(): value for name, value in azure.tags(tagged).items()} == {"team": "other", "cost center": "7"}


def test_tag_that_must_go(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A tag of null is removed, its name compared without case, and the others stay."""
    work.state(changed(gallery(), "tags", {"a": "1", "b": "2"}))
    report("apply")
    work.state(changed(gallery(), "tags", {"A": None}))
    plan = report("plan")
    assert [(c["path"].lower(), c["op"]) for c in changes_of(plan, "change")] == [("tags.a", "remove")]
    report("apply")
    assert azure.tags(gallery()) == {"b": "2"}


def test_unknown_live_leaf(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A live leaf that the schema does not know is undeclared."""
    work.state(definition())
    report("apply")
    azure.edit(definition(), "properties.novelty", {"a": 1})
    plan = report("plan", "--detailed-exitcode")
    assert paths(plan, "undeclared") == ["properties.novelty"]


def test_sets_and_keyed_lists(work: Workspace, report: Reporting) -> None:
    """Elements of a set are named by value, of a keyed list by key, parts joined by a comma."""
    one = {"principalId": "6a1d2f0e-3c55-4b43-9f0a-7d1c5be0a8f4", "roleDefinitionId": _ROLE}
    two = {"principalId": "c8e5b7a2-94d1-4e6f-8b3c-0f2a6d9e1b57", "roleDefinitionId": _ROLE}
    work.state(definition(authorizations=[one], lockingPolicy={"allowedActions": ["a/read"]}))
    report("apply")
    work.state(definition(authorizations=[two, one], lockingPolicy={"allowedActions": ["b/read", "a/read"]}))
    assert paths(report("plan")) == [
        f"properties.authorizations[{two['principalId']},{_ROLE}]",
        'properties.lockingPolicy.allowedActions["b/read"]',
    ]


def test_ordered_list_by_index(work: Workspace, report: Reporting) -> None:
    """Parameters of an action are a keyed list inside a keyed list."""
    action: dict[str, Any] = {"name": "logs", "script": "x", "parameters": [{"name": "since", "defaultValue": "1"}]}
    _applied(work, report, version(customActions=[action]))
    other = {**action, "parameters": [{"name": "since", "defaultValue": "2"}]}
    work.state(gallery(), application(), version(customActions=[other]))
    assert paths(report("plan")) == [f"{_PROFILE}.customActions[logs].parameters[since].defaultValue"]


def test_object_absent_on_one_side(work: Workspace, report: Reporting) -> None:
    """An object that is absent on one side is one entry."""
    work.state(definition())
    report("apply")
    policy = {"notificationEndpoints": [{"uri": "https://example.org/hook?code=CANARY"}]}
    work.state(definition(notificationPolicy=policy))
    plan = report("plan")
    (change,) = changes_of(plan)
    assert (change["path"], change["op"]) == ("properties.notificationPolicy", "add")
    assert "CANARY" not in str(plan)


def test_nothing_of_others_is_wiped(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A PUT for one leaf keeps the values that another client set beside it."""
    work.state(definition())
    report("apply")
    azure.edit(definition(), "properties.lockingPolicy", {"allowedActions": ["x/read"]})
    azure.edit(definition(), "properties.storageAccountId", "/subscriptions/s/x")
    work.state(definition(displayName="New"))
    report("apply")
    stored = azure.stored(definition())["properties"]
    assert stored["lockingPolicy"] == {"allowedActions": ["x/read"]}
    assert stored["storageAccountId"] == "/subscriptions/s/x"
    assert stored["packageFileUri"]


def test_create_sends_what_is_stated(work: Workspace, azure: Azure, report: Reporting) -> None:
    """A create holds the manifest and the tracking tags, and no null."""
    work.state(gallery(description=None))
    report("apply")
    assert "description" not in azure.stored(gallery()).get("properties", {})
    assert azure.tags(gallery()) == {}


_ROLE = "b24988ac-6180-42a0-ab88-20f7382dd24c"
