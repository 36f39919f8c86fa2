"""The api-version of each request: reads at the newest that Azure knows, PUTs at the lowest that has every field."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import pytest

from reconciler.runtime import connect
from tests.kit.cli import (
    SUBSCRIPTION,
    Azure,
    Manifest,
    Workspace,
    application,
    as_yaml,
    changed,
    estate,
    gallery,
    resource,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.cli.conftest import Command, Reporting

LADDER: Final = ("2022-03-03", "2024-03-03", "2025-03-03", "2026-03-03")
MINE: Final = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/p"
)
IDENTITY: Final = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {MINE: {}}}


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    version: str


class Wire(list[Sent]):
    """
    The requests to the embedded ARM, in their order.

    Attributes:
        puts_up_to: PUTs at newer versions are refused.
    """

    puts_up_to = LADDER[-1]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Return the requests to the embedded ARM."""
    sent = Wire()
    embedded = connect._embedded

    def heard(*given: Any) -> Any:
        app = embedded(*given)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                query = parse_qs(scope["query_string"].decode())
                sent.append(Sent(scope["method"], scope["path"], query["api-version"][0]))
            if scope["type"] == "http" and scope["method"] == "PUT" and sent[-1].version > sent.puts_up_to:
                body = json.dumps({"error": {"code": "NoRegisteredProviderFound", "message": "no"}}).encode()
                await send({"type": "http.response.start", "status": 400, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
            await app(scope, receive, send)

        answer.state = app.state  # type: ignore[attr-defined]
        return answer

    monkeypatch.setattr(connect, "_embedded", heard)
    return sent


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a way to let the cloud know no newer api-versions."""

    def newest(version: str) -> None:
        monkeypatch.setenv("RECONCILER_EMULATOR_API_VERSIONS", version)

    return newest


def identified(**properties: Any) -> Manifest:
    """Return a gallery with an identity."""
    return changed(gallery(**properties), "identity", IDENTITY)


def puts(wire: Wire) -> dict[str, str]:
    """Return the version of the last PUT of each resource, by the end of its id."""
    return {each.path.rpartition("/")[2]: each.version for each in wire if each.method == "PUT"}


def reads(wire: Sequence[Sent]) -> set[str]:
    """Return the versions of all reads of resources and lists."""
    return {each.version for each in wire if each.method == "GET" and "/resourceGroups/" in each.path}


def used(made: dict[str, Any]) -> dict[str, str]:
    """Return the api-version of each resource of a report."""
    return {each["name"]: each["apiVersion"] for each in made["resources"]}


def codes(made: dict[str, Any]) -> list[str]:
    """Return the codes of the warnings."""
    return [each["code"] for each in made["warnings"]]


def test_usual_manifests_go_out_at_the_reference_version(work: Workspace, report: Reporting, wire: Wire) -> None:
    """The reads ask for the newest one, and the plan after it is empty."""
    work.state(*estate())
    made = report("apply")
    reference = {"tools": "2022-03-03", "agent": "2022-03-03", "agent-1.0.0": "2022-03-03", "suite": "2019-07-01"}
    assert puts(wire) == {"tools": "2022-03-03", "agent": "2022-03-03", "1.0.0": "2022-03-03", "suite": "2019-07-01"}
    assert used(made) == reference
    assert reads([each for each in wire if "Microsoft.Solutions" in each.path]) == {"2021-07-01"}
    planned = report("plan")
    assert (planned["summary"]["inSync"], used(planned), codes(planned)) == (4, reference, [])


def test_a_newer_field_asks_for_the_lowest_version_that_has_it(
    work: Workspace, report: Reporting, run: Command, azure: Azure, wire: Wire
) -> None:
    """Only its own resource; the report names the field."""
    sets = [{"storageAccountType": "PremiumV2_LRS", "regionalReplicaCount": 1}]
    regions = [{"name": "West Europe", "additionalReplicaSets": sets}]
    rerun = version("1.1.0", settings={"scriptBehaviorAfterReboot": "Rerun"})
    strategic = version("1.2.0", storageAccountStrategy="PreferStandard_ZRS")
    work.state(identified(), application(), version(targetRegions=regions), rerun, strategic)
    text = run("plan", "-o", "markdown").out
    assert "api-version 2024-03-03, for `identity.type`" in text
    assert "targetRegions[West Europe].additionalReplicaSets[PremiumV2_LRS].storageAccountType`" in text
    assert "api-version 2022-03-03" not in text
    made = report("apply")
    assert puts(wire) == {
        "tools": "2024-03-03",
        "agent": "2022-03-03",
        "1.0.0": "2024-03-03",
        "1.1.0": "2024-03-03",
        "1.2.0": "2025-03-03",
    }
    assert used(made)["agent-1.2.0"] == "2025-03-03"
    assert azure.stored(gallery())["identity"]["type"] == IDENTITY["type"]
    planned = report("plan", "--detailed-exitcode")
    assert planned["summary"]["inSync"] == 5
    assert used(planned) == used(made)


def test_a_newer_list_that_is_declared_null_asks_for_no_newer_version(
    work: Workspace, report: Reporting, azure: Azure, wire: Wire
) -> None:
    """Unless there is one to remove."""
    bare = version(targetRegions=[{"name": "West Europe", "additionalReplicaSets": None}])
    work.state(gallery(), application(), bare)
    report("apply")
    assert puts(wire)["1.0.0"] == "2022-03-03"
    work.state(gallery(), application(), changed(bare, "properties.publishingProfile.replicaCount", 2))
    assert resource(report("apply"), bare)["apiVersion"] == puts(wire)["1.0.0"] == "2022-03-03"
    sets = [{"storageAccountType": "Standard_LRS", "regionalReplicaCount": 1}]
    azure.edit(bare, "properties.publishingProfile.targetRegions.0.additionalReplicaSets", sets)
    report("apply")
    assert puts(wire)["1.0.0"] == "2024-03-03"
    assert not azure.stored(bare)["properties"]["publishingProfile"]["targetRegions"][0].get("additionalReplicaSets")


@pytest.mark.parametrize("fate", ["kept", "dropped"])
def test_a_live_newer_field_survives(
    work: Workspace,
    report: Reporting,
    azure: Azure,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    fate: str,
) -> None:
    """No older PUT is sent, with every way in which Azure may treat newer values in one."""
    monkeypatch.setenv("RECONCILER_EMULATOR_NEWER_FIELDS", fate)
    work.state(identified(), application(), version(settings={"scriptBehaviorAfterReboot": "Rerun"}))
    report("apply")
    work.state(gallery(description="new"), application(), version(replicaCount=2))
    planned = report("plan")
    assert resource(planned, gallery())["apiVersion"] == "2024-03-03"
    wire.clear()
    made = report("apply")
    assert made["summary"]["succeeded"] == 2
    assert puts(wire) == {"tools": "2024-03-03", "1.0.0": "2024-03-03"}
    assert azure.stored(gallery())["identity"]["type"] == IDENTITY["type"]
    settings = azure.stored(version())["properties"]["publishingProfile"]["settings"]
    assert settings["scriptBehaviorAfterReboot"] == "Rerun"


def test_a_pin_that_cannot_carry_a_live_field_blocks(
    work: Workspace, report: Reporting, run: Command, azure: Azure, wire: Wire
) -> None:
    """With the field and the fix, in a plan and just before the PUT; what is in sync stays so."""
    work.state(identified())
    report("apply")
    work.state(gallery(description="new"))
    work.project(apiVersions={"Gallery": "2022-03-03"})
    wire.clear()
    planned = report("plan", code=1)
    blocked = resource(planned, gallery())
    assert (blocked["action"], blocked["reason"], blocked["sync"]) == ("blocked", "newer-live", "OutOfSync")
    assert blocked["apiVersion"] == "2024-03-03"
    assert "spec.apiVersions.Gallery" in blocked["fix"]
    assert "identity.type" in blocked["fix"]
    assert "newer than the api-version of the PUT" in run("plan").out
    assert report("apply", code=1)["summary"]["puts"] == 0
    assert puts(wire) == {}
    work.state(gallery())
    assert resource(report("plan"), gallery())["sync"] == "InSync"
    assert azure.stored(gallery())["identity"]["type"] == IDENTITY["type"]


def test_a_field_that_appears_between_plan_and_put_blocks(
    work: Workspace, report: Reporting, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is made again from the read just before the PUT."""
    work.state(gallery())
    report("apply")
    work.project(apiVersions={"Gallery": "2022-03-03"})
    work.state(gallery(description="new"))
    embedded = connect._embedded

    def edited(*given: Any) -> Any:
        app = embedded(*given)
        seen = Counter[str]()

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            seen[scope["method"]] += 1
            if seen["GET"] == 2:
                azure.edit(gallery(), "identity", {"type": "SystemAssigned"})
            await app(scope, receive, send)

        answer.state = app.state  # type: ignore[attr-defined]
        return answer

    monkeypatch.setattr(connect, "_embedded", edited)
    blocked = resource(report("apply", code=1), gallery())
    assert (blocked["action"], blocked["reason"], blocked["outcome"]) == ("blocked", "newer-live", None)
    assert azure.stored(gallery())["properties"].get("description") is None


@pytest.mark.parametrize("pin", LADDER)
def test_a_pin_is_the_version_of_every_put(
    work: Workspace, report: Reporting, run: Command, wire: Wire, pin: str
) -> None:
    """Reads look at the newest all the same, and another pin makes no difference."""
    work.project(apiVersions={"GalleryApplicationVersion": pin})
    work.state(gallery(), application(), version())
    made = report("apply")
    assert puts(wire) == {"tools": "2022-03-03", "agent": "2022-03-03", "1.0.0": pin}
    assert resource(made, version())["apiVersion"] == pin
    assert reads(wire) == {LADDER[-1]}
    for other in LADDER:
        work.project(apiVersions={"GalleryApplicationVersion": other})
        planned = report("plan", "--detailed-exitcode")
        assert (planned["summary"]["puts"], planned["summary"]["inSync"]) == (0, 3)
        assert resource(planned, version())["apiVersion"] == other
    work.state(gallery(), application(), version(replicaCount=2))
    assert f"api-version {LADDER[-1]}, as pinned" in run("plan").out


@pytest.mark.parametrize(
    "error",
    ["NoRegisteredProviderFound", "InvalidApiVersionParameter", "UnsupportedApiVersion", "InvalidResourceType"],
)
def test_a_cloud_that_lags_is_read_at_the_next_lower_version(
    work: Workspace,
    report: Reporting,
    wire: Wire,
    knows: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    error: str,
) -> None:
    """Once for each kind and subscription, however many rungs down and requests; one warning for each."""
    monkeypatch.setenv("RECONCILER_EMULATOR_API_VERSION_ERROR", error)
    knows("2022-03-03")
    work.state(gallery(), application(), *(version(f"1.{minor}.0") for minor in range(3)))
    made = report("apply", "--concurrency", "1")
    assert made["summary"]["succeeded"] == 5
    assert codes(made) == ["api-version-lag"] * 3
    refused = Counter((each.path.rpartition("/")[2], each.version) for each in wire if each.version != "2022-03-03")
    assert set(refused.values()) == {1}
    assert {rung for _, rung in refused} == set(LADDER[1:])
    planned = report("plan")
    assert (planned["summary"]["inSync"], codes(planned)) == (5, ["api-version-lag"] * 3)
    warning = next(each for each in planned["warnings"] if "Gallery " in each["message"])
    assert (warning["file"], warning["line"]) == ("manifests/Gallery-tools.yaml", 1)
    assert warning["fix"]


def test_a_rung_between_is_used(work: Workspace, report: Reporting, wire: Wire, knows: Callable[[str], None]) -> None:
    """The newest that the cloud knows."""
    knows("2024-03-03")
    work.state(identified())
    report("apply")
    assert {each.version for each in wire if each.method == "PUT"} == {"2024-03-03"}
    assert report("plan")["summary"]["inSync"] == 1


def test_a_declared_field_that_the_cloud_does_not_know_blocks(
    work: Workspace, report: Reporting, wire: Wire, knows: Callable[[str], None], azure: Azure
) -> None:
    """With its line; the others are written."""
    knows("2022-03-03")
    work.state(identified(), gallery("other"))
    for command in ("plan", "apply"):
        made = report(command, code=1)
        blocked = resource(made, identified())
        assert (blocked["action"], blocked["reason"], blocked["sync"]) == ("blocked", "api-version-lag", "Missing")
        line = as_yaml(identified()).splitlines().index("    type: SystemAssigned, UserAssigned") + 1
        assert f"manifests/Gallery-tools.yaml:{line}" in blocked["fix"]
        assert "2022-03-03" in blocked["fix"]
    assert set(puts(wire)) == {"other"}
    assert azure.holds(gallery("other"))


def test_a_pin_above_a_newer_field_is_the_reason(work: Workspace, run: Command) -> None:
    """Of the version of its PUT; a pin at that field's version leaves the field as the reason."""
    work.state(identified())
    for pin, reason in ((LADDER[-1], ", as pinned"), (LADDER[1], ", for `identity.")):
        work.project(apiVersions={"Gallery": pin})
        assert f"api-version {pin}{reason}" in run("plan").out


@pytest.mark.parametrize(("install", "reason"), [("run", "api-version-lag"), ("other", "immutable-field")])
def test_a_frozen_field_that_the_cloud_cannot_show_is_a_lag(
    work: Workspace, report: Reporting, knows: Callable[[str], None], install: str, reason: str
) -> None:
    """No new version would help, unless a field that is visible has changed too."""
    made = version(settings={"scriptBehaviorAfterReboot": "Rerun"}, manageActions={"install": "run", "remove": "rm"})
    work.state(gallery(), application(), made)
    report("apply")
    work.state(gallery(), application(), changed(made, "properties.publishingProfile.manageActions.install", install))
    knows("2022-03-03")
    blocked = resource(report("plan", code=1), made)
    assert (blocked["action"], blocked["reason"]) == ("blocked", reason)
    assert ("new-version" in blocked["fix"]) == (reason == "immutable-field")


def test_a_type_that_the_cloud_lacks_is_no_lag(
    work: Workspace, report: Reporting, knows: Callable[[str], None]
) -> None:
    """At the lowest version the error is the real one, and nothing is said of versions."""
    knows("2001-01-01")
    work.state(gallery())
    planned = report("plan", code=1)
    unread = resource(planned, gallery())
    assert (unread["action"], unread["error"]["code"]) == ("unknown", "InvalidResourceType")
    assert codes(planned) == []


def test_a_put_that_is_refused_for_its_version_goes_out_at_an_older_one(
    work: Workspace, report: Reporting, wire: Wire
) -> None:
    """Where its body allows it: a pin is the newest that is tried."""
    work.project(apiVersions={"Gallery": "2025-03-03"})
    work.state(gallery(), gallery("other"))
    wire.puts_up_to = "2022-03-03"
    made = report("apply", "--concurrency", "1")
    assert made["summary"]["succeeded"] == 2
    assert [each.version for each in wire if each.method == "PUT"] == ["2025-03-03", "2024-03-03"] + ["2022-03-03"] * 2
    assert codes(made) == ["api-version-lag"]
    assert used(made) == {"tools": "2022-03-03", "other": "2022-03-03"}


def test_a_put_that_is_refused_for_its_version_blocks_where_its_body_needs_it(
    work: Workspace, report: Reporting, azure: Azure, wire: Wire
) -> None:
    """A field that an older version would not carry."""
    work.state(identified())
    wire.puts_up_to = "2022-03-03"
    blocked = resource(report("apply", code=1), gallery())
    assert (blocked["action"], blocked["reason"], blocked["error"]) == ("blocked", "api-version-lag", None)
    assert [each.version for each in wire if each.method == "PUT"] == ["2024-03-03"]
    assert not azure.holds(gallery())


def test_a_snapshot_decides_as_azure_did(
    work: Workspace, report: Reporting, run: Command, knows: Callable[[str], None]
) -> None:
    """It keeps the version at which each kind was read."""
    knows("2022-03-03")
    work.state(gallery(), application())
    report("apply")
    work.state(identified(), application(description="new"))
    assert run("snapshot", "--out", "live.json").code == 0
    online = report("plan", code=1)
    knows("")
    offline = report("plan", "--against-snapshot", "live.json", code=1)
    assert [each["action"] for each in offline["resources"]] == [each["action"] for each in online["resources"]]
    assert resource(offline, gallery())["reason"] == "api-version-lag"
    assert [each for each in codes(offline) if each == "api-version-lag"] == ["api-version-lag"] * 2


def test_a_snapshot_with_a_newer_live_field(work: Workspace, report: Reporting, run: Command) -> None:
    """A plan by it knows the version of each PUT."""
    work.state(identified())
    report("apply")
    assert run("snapshot", "--out", "live.json").code == 0
    work.state(gallery(description="new"))
    assert used(report("plan", "--against-snapshot", "live.json")) == {"tools": "2024-03-03"}
    work.project(apiVersions={"Gallery": "2022-03-03"})
    run("snapshot", "--out", "live.json")
    blocked = resource(report("plan", "--against-snapshot", "live.json", code=1), gallery())
    assert blocked["reason"] == "newer-live"


def test_a_saved_plan_holds_its_version(work: Workspace, report: Reporting, azure: Azure) -> None:
    """A newer field that comes up later is another request; a pin that changes nothing is not."""
    work.state(gallery())
    report("apply")
    work.state(gallery(description="new"))
    report("plan", "--out", "plan.json")
    work.project(apiVersions={"Gallery": "2024-03-03"})
    report("plan", "--check", "plan.json", code=1)
    (work.folder / "reconciler.yaml").unlink()
    assert report("apply", "--plan", "plan.json")["summary"]["succeeded"] == 1
    assert azure.stored(gallery())["properties"]["description"] == "new"


def test_an_export_has_the_newer_fields(work: Workspace, report: Reporting, run: Command) -> None:
    """And plans to nothing."""
    work.state(identified(), application(), version(settings={"scriptBehaviorAfterReboot": "Rerun"}))
    report("apply")
    work.state()
    assert run("export", "--subscription", SUBSCRIPTION, "--force").code == 0
    planned = report("plan", "--detailed-exitcode")
    assert planned["summary"]["inSync"] == 3
    assert {each["apiVersion"] for each in planned["resources"]} == {"2022-03-03", "2024-03-03"}


def test_an_export_of_a_cloud_that_lags_says_so(
    work: Workspace, report: Reporting, run: Command, knows: Callable[[str], None]
) -> None:
    """A field that is not visible there cannot be exported."""
    knows("2022-03-03")
    work.state(gallery())
    report("apply")
    work.state()
    out = run("export", "--subscription", SUBSCRIPTION, "--force").out
    assert f"Azure does not know api-version {LADDER[-1]} of Gallery" in out


def test_an_export_of_a_cloud_that_lacks_a_type_says_so(
    work: Workspace, report: Reporting, run: Command, knows: Callable[[str], None]
) -> None:
    """Nothing of that type is exported, and the rest is."""
    work.state(gallery())
    report("apply")
    work.state()
    knows("Microsoft.Compute/galleries/scripts=2022-03-03")
    done = run("export", "--subscription", SUBSCRIPTION, "--force")
    assert (done.code, "resource type of GalleryScript " in done.out) == (0, True)
    assert "tools.yaml" in done.out


def test_explain_has_the_reason_of_the_plan(work: Workspace, report: Reporting, run: Command) -> None:
    """Blocked, with the fix."""
    work.state(identified())
    report("apply")
    work.project(apiVersions={"Gallery": "2022-03-03"})
    work.state(gallery(description="new"))
    found = json.loads(run("explain", "Gallery/tools", "-o", "json").out)
    assert (found["action"], found["reason"]) == ("blocked", "newer-live")
