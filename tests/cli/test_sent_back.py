"""Undeclared values of Azure's answers: their meaning, those that a PUT sends, and those that it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import (
    Workspace,
    application,
    changed,
    changes_of,
    definition,
    estate,
    gallery,
    paths,
    resource,
    verdict,
    version,
    without,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Manifest
    from tests.kit.proxy import Proxy

SHARING = "properties.sharingProfile.permissions"
SOFT_DELETE = "properties.softDeletePolicy.isSoftDeleteEnabled"
REGIONS = "properties.publishingProfile.targetRegions"


def shared(permissions: str | None, **more: Any) -> Manifest:
    """Return a gallery that says how it is shared."""
    return gallery(sharingProfile={"permissions": permissions, **more})


# ------------------------------------------------------------------------------------------------ what absence means


@pytest.mark.parametrize("permissions", ["Private", None])
def test_the_implied_value_of_a_gallery_that_never_said_it_is_no_difference(
    work: Workspace, proxy: Proxy, report: Reporting, permissions: str | None
) -> None:
    """Private is how it is shared, so declaring that, or that nothing must be set, writes nothing."""
    work.state(gallery())
    report("apply")
    work.state(shared(permissions))
    assert changes_of(report("plan", "--detailed-exitcode")) == []
    report("apply")
    assert len(proxy.puts("galleries")) == 1


@pytest.mark.parametrize("permissions", ["Community", "Groups"])
def test_sharing_changes_by_a_put(work: Workspace, azure: Azure, report: Reporting, permissions: str) -> None:
    """From Private, declared or not, and back."""
    work.state(gallery())
    report("apply")
    for wanted in (permissions, "Private"):
        work.state(shared(wanted))
        plan = report("plan", "--detailed-exitcode", code=2)
        assert verdict(plan, gallery()) == ("update", "fields-differ", "OutOfSync")
        assert [(each["path"], each["finding"], each["desired"]) for each in changes_of(plan)] == [
            (SHARING, "change", wanted)
        ]
        assert report("apply")["summary"]["succeeded"] == 1
        assert azure.stored(gallery())["properties"]["sharingProfile"] == {"permissions": wanted}
        assert report("plan")["summary"]["inSync"] == 1


def test_a_silent_manifest_changes_no_sharing(work: Workspace, azure: Azure, proxy: Proxy, report: Reporting) -> None:
    """It is reported, carried over, and causes nothing; the implied value is not even reported."""
    azure.seed(shared("Community"))
    work.state(gallery())
    plan = report("plan", "--detailed-exitcode")
    assert paths(plan, "undeclared") == ["properties.sharingProfile"]
    work.state(gallery(description="New"))
    report("apply")
    assert proxy.puts("galleries")[-1]["properties"]["sharingProfile"] == {"permissions": "Community"}
    azure.edit(gallery(), SHARING, "Private")
    assert changes_of(report("plan")) == []
    work.state(gallery(description="Newer"))
    report("apply")
    assert "sharingProfile" not in proxy.puts("galleries")[-1]["properties"]


def test_sharing_that_azure_refuses_is_reported_on_its_path(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that declares it."""
    monkeypatch.setenv("RECONCILER_EMULATOR_SHARING", "fixed")
    work.state(gallery())
    report("apply")
    work.state(shared("Community"))
    failed = resource(report("apply", code=1), gallery())
    assert failed["outcome"] == "failed"
    assert failed["error"]["code"] == "PropertyChangeNotAllowed"
    assert SHARING in str(failed["error"])


def test_the_full_replication_of_a_version_that_never_said_it(work: Workspace, azure: Azure, report: Reporting) -> None:
    """It is immutable, and declaring what it is blocks nothing."""
    work.state(*estate())
    report("apply")
    work.state(*estate()[:2], version(replicationMode="Full"), definition())
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 4
    work.state(*estate()[:2], version(replicationMode="Shallow"), definition())
    assert verdict(report("plan", code=1), version())[:2] == ("blocked", "immutable-field")


# ----------------------------------------------------------------------------------------------- what is not sent back


def test_a_policy_that_azure_answers_and_refuses_is_not_sent(
    work: Workspace, azure: Azure, proxy: Proxy, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The soft delete of a subscription without the feature."""
    monkeypatch.setenv("RECONCILER_EMULATOR_SOFT_DELETE", "refused")
    work.state(gallery())
    report("apply")
    work.state(gallery(description="New"))
    assert paths(report("plan"), "undeclared") == []
    assert report("apply")["summary"]["succeeded"] == 1
    assert "softDeletePolicy" not in proxy.puts("galleries")[-1]["properties"]
    work.state(gallery(description="New", softDeletePolicy={"isSoftDeleteEnabled": True}))
    failed = resource(report("apply", code=1), gallery())
    assert failed["outcome"] == "failed"
    assert "softDeletePolicy" in str(failed["error"])


@pytest.mark.parametrize("made", [definition(), version()], ids=["definition", "version"])
def test_defaults_that_nobody_declared_are_not_sent_back(
    work: Workspace, proxy: Proxy, report: Reporting, made: Manifest
) -> None:
    """Immutable ones are carried all the same."""
    work.state(*estate())
    report("apply")
    kept = [each for each in estate() if each["kind"] != made["kind"]]
    work.state(*kept, changed(made, "tags", {"team": "x"}))
    report("apply")
    first, last = proxy.puts("versions" if made["kind"].endswith("Version") else "applicationDefinitions")
    if made["kind"] == "ApplicationDefinition":
        assert last["properties"].keys() == first["properties"].keys()
    else:
        profile = last["properties"]["publishingProfile"]
        assert profile.keys() == first["properties"]["publishingProfile"].keys() | {"storageAccountType"}
        assert not {"replicaCount", "excludeFromLatest", "enableHealthCheck", "publishedDate"} & profile.keys()
    assert report("plan")["summary"]["inSync"] == 4


@pytest.mark.parametrize("where", [SOFT_DELETE, "properties.softDeletePolicy", "properties.soft*"])
def test_a_rule_that_omits(work: Workspace, azure: Azure, proxy: Proxy, report: Reporting, where: str) -> None:
    """Neither the live value nor, in an update, a declared one is sent; nothing is left of the object around it."""
    rule = {"path": where, "reason": "The subscription lacks the feature", "omit": True}
    work.project(ignore=[rule])
    azure.seed(changed(gallery(), SOFT_DELETE, value=True))
    work.state(gallery(description="New"))
    proxy.refuse_where(lambda body: "softDeletePolicy" in body["properties"], "galleries", "InvalidParameter")
    plan = report("plan")
    assert paths(plan, "undeclared") == []
    assert plan["summary"]["ignored"] == 1
    assert plan["warnings"] == []
    assert report("apply")["summary"]["succeeded"] == 1
    work.state(gallery(description="Newer", softDeletePolicy={"isSoftDeleteEnabled": True}))
    assert report("apply")["summary"]["succeeded"] == 1
    work.state(gallery(description="Newest", softDeletePolicy={"isSoftDeleteEnabled": False}))
    assert report("apply")["summary"]["succeeded"] == 1
    assert azure.stored(gallery())["properties"]["softDeletePolicy"] == {"isSoftDeleteEnabled": True}
    assert report("plan", "--detailed-exitcode")["warnings"] == []


def test_a_rule_that_omits_nothing_is_idle(work: Workspace, report: Reporting) -> None:
    """Like any other rule that never matches."""
    work.project(ignore=[{"path": "properties.softDeletePolicy", "reason": "because", "omit": True}])
    work.state(gallery())
    report("apply")
    assert [each["code"] for each in report("plan")["warnings"]] == ["ignore-unused"]


def test_an_element_that_a_rule_omits(work: Workspace, azure: Azure, proxy: Proxy, report: Reporting) -> None:
    """Two of a list, by their keys."""
    actions = [{"name": name, "script": "x"} for name in ("a", "b", "c")]
    azure.seed(gallery(), application(customActions=actions))
    work.project(
        ignore=[
            {"path": "properties.customActions[[]".replace("[[]", f"[{name}]"), "reason": "x", "omit": True}
            for name in "ab"
        ]
    )
    work.state(gallery(), application(description="New"))
    report("apply")
    assert [each["name"] for each in proxy.puts("applications")[-1]["properties"]["customActions"]] == ["c"]


@pytest.mark.parametrize("fields", ["none", "writes", "all"])
def test_the_servers_own_fields_are_read_only_everywhere(
    work: Workspace, proxy: Proxy, report: Reporting, monkeypatch: pytest.MonkeyPatch, fields: str
) -> None:
    """State, etag, system data and a type in lower case, in answers to GET, list and PUT."""
    monkeypatch.setenv("RECONCILER_EMULATOR_SERVER_FIELDS", fields)
    work.state(definition(), definition("other"))
    report("apply")
    work.state(definition(displayName="New"), definition("other"))
    assert paths(report("plan"), "undeclared") == []
    report("apply")
    body = proxy.puts("applicationDefinitions")[-1]
    assert not {"etag", "systemData", "type", "id", "name"} & body.keys()
    assert "provisioningState" not in body["properties"]
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 2
    assert report("drift")["summary"]["undeclared"] == 0


@pytest.mark.parametrize("made", estate(), ids=lambda made: str(made["kind"]))
def test_every_kind_may_answer_them(
    work: Workspace, proxy: Proxy, report: Reporting, run: Command, made: Manifest
) -> None:
    """A state where none was documented, an etag, and who made it."""

    def dress(body: dict[str, Any]) -> None:
        body.update(etag='"1"', systemData={"createdBy": "x"}, type=body["type"].lower())
        body["properties"].setdefault("provisioningState", "Succeeded")

    proxy.alter("", dress)
    work.state(*estate())
    report("apply")
    kept = [each for each in estate() if each["kind"] != made["kind"]]
    work.state(*kept, changed(made, "tags", {"team": "x"}))
    assert changes_of(report("plan"))[0]["path"].startswith("tags")
    assert len(changes_of(report("plan"))) == 1
    report("apply")
    _, body = proxy.written[-1]
    assert not {"etag", "systemData", "type", "id", "name"} & body.keys()
    assert "provisioningState" not in body["properties"]
    assert report("plan")["summary"]["inSync"] == 4
    address = f"{made['kind']}/{made['metadata']['name']}"
    assert "read-only" in run("explain", address, "properties.provisioningState").out


def test_a_state_that_no_schema_describes_is_health(
    work: Workspace, azure: Azure, proxy: Proxy, report: Reporting
) -> None:
    """A definition that is Failed is degraded, and no value of it is undeclared."""
    work.state(definition())
    report("apply")
    proxy.alter("applicationDefinitions", lambda body: body["properties"].update(provisioningState="Failed"))
    found = resource(report("plan"), definition())
    assert (found["health"], found["reason"], found["changes"]) == ("Degraded", "last-operation-failed", [])


# ---------------------------------------------------------------------------------------------------------- regions


def test_regions_that_nobody_declared_are_sent_as_they_are(
    work: Workspace, azure: Azure, proxy: Proxy, report: Reporting
) -> None:
    """A PUT that leaves them out may be read as a request to drop them."""
    silent = without(version(), REGIONS)
    azure.seed(
        gallery(),
        application(),
        version(
            targetRegions=[
                {"name": "westeurope", "regionalReplicaCount": 2},
                {"name": "northeurope", "excludeFromLatest": True},
            ]
        ),
    )
    live = azure.stored(version())["properties"]["publishingProfile"]["targetRegions"]
    work.state(gallery(), application(), changed(silent, "properties.publishingProfile.replicaCount", 3))
    report("apply")
    (body,) = proxy.puts("versions")
    assert body["properties"]["publishingProfile"]["targetRegions"] == live
    assert azure.stored(version())["properties"]["publishingProfile"]["targetRegions"] == live
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 3
