"""Api-versions: the known ones, the properties of each, and the fate of newer ones in an older request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.emulator import EmulatorSettings
from reconciler.errors import UsageError
from reconciler.runtime.connect import emulator_settings
from reconciler.settings import Environment
from tests.kit.emulator import (
    APPLICATION,
    DEFINITION,
    GALLERIES,
    GALLERY,
    SUBSCRIPTION,
    VERSION,
    Arm,
    definition,
    error,
    profile,
    version,
    with_arm,
)

if TYPE_CHECKING:
    import httpx

    from reconciler.emulator.settings import VersionError

OLD: Final = {"api-version": "2022-03-03"}
NEW: Final = {"api-version": "2024-03-03"}
NEWEST: Final = {"api-version": "2026-03-03"}
MINE: Final = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/p"
)
BOTH: Final = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {MINE: {}}}


def with_identity(identity: Any = BOTH, **properties: Any) -> dict[str, Any]:
    """Return the body of a gallery."""
    return {"location": "westus", "identity": identity, "properties": properties}


def newer_version(**profile: Any) -> dict[str, Any]:
    """Return the body of a version with properties of 2024-03-03, at the top and in a list."""
    sets = [{"storageAccountType": "PremiumV2_LRS", "regionalReplicaCount": 1}]
    regions = [{"name": "East US 2", "additionalReplicaSets": sets}, {"name": "West US"}]
    settings = {"packageFileName": "agent.zip", "scriptBehaviorAfterReboot": "Rerun"}
    return version(settings=settings, targetRegions=regions, **profile)


async def put(arm: Arm, url: str, body: Any, at: dict[str, str] = NEWEST) -> httpx.Response:
    """PUT at an api-version, and let the operation end."""
    answer = await arm.send("PUT", url, body, **at)
    arm.clock.seconds += 1
    return answer


def test_an_answer_has_the_properties_of_its_version() -> None:
    """GET, list and the answer to a PUT hide what is newer; the next versions show it."""

    async def scenario(arm: Arm) -> None:
        made = await put(arm, GALLERY, with_identity(), NEW)
        assert made.json()["identity"]["type"] == BOTH["type"]
        for at, there in ((OLD, False), ({"api-version": "2023-07-03"}, False), (NEW, True), (NEWEST, True)):
            one = (await arm.get(GALLERY, **at)).json()
            (listed,) = (await arm.get(GALLERIES, **at)).json()["value"]
            assert ("identity" in one, "systemData" in one) == ("identity" in listed, "systemData" in listed)
            assert ("identity" in one, "systemData" in one) == (there, there)
        again = await put(arm, GALLERY, {"location": "westus"}, OLD)
        assert again.status_code == 200
        assert "identity" not in again.json()

    with_arm(scenario)


def test_an_identity_gets_its_ids() -> None:
    """The server's own for the resource and for each user-assigned one; those of a dropped type go."""

    async def scenario(arm: Arm) -> None:
        await put(arm, GALLERY, with_identity())
        both = (await arm.get(GALLERY, **NEW)).json()["identity"]
        assert {"principalId", "tenantId", "type", "userAssignedIdentities"} == both.keys()
        assert both["userAssignedIdentities"][MINE].keys() == {"principalId", "clientId"}
        await put(arm, GALLERY, with_identity(both))
        assert (await arm.get(GALLERY, **NEW)).json()["identity"] == both
        await put(arm, GALLERY, with_identity({"type": "UserAssigned", "userAssignedIdentities": {MINE: {}}}))
        mine = (await arm.get(GALLERY, **NEW)).json()["identity"]
        assert mine == {"type": "UserAssigned", "userAssignedIdentities": both["userAssignedIdentities"]}
        await put(arm, GALLERY, with_identity({"type": "SystemAssigned"}))
        assert (await arm.get(GALLERY, **NEW)).json()["identity"].keys() == {"principalId", "tenantId", "type"}
        await put(arm, GALLERY, with_identity({"type": "None"}))
        assert (await arm.get(GALLERY, **NEW)).json()["identity"] == {"type": "None"}

    with_arm(scenario)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_newer_properties_are_refused(method: str) -> None:
    """As Compute refuses them (azure-cli#18855), at any depth; the next version takes them."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        regions = [{"name": "East US 2", "additionalReplicaSets": []}]
        for url, body, target in (
            (GALLERY, with_identity(), "gallery.identity"),
            (
                VERSION,
                version(settings={"scriptBehaviorAfterReboot": "Rerun"}),
                "galleryApplicationVersion.properties.publishingProfile.settings.scriptBehaviorAfterReboot",
            ),
            (
                VERSION,
                version(targetRegions=regions),
                "galleryApplicationVersion.properties.publishingProfile.targetRegions.additionalReplicaSets",
            ),
        ):
            refused = await arm.send(method, url, body, **OLD)
            assert error(refused) == (400, "BadRequest")
            assert refused.json()["error"]["target"] == target
            assert refused.json()["error"]["message"].startswith("Could not find member")
        taken = await arm.send(method, GALLERY, with_identity(), **NEW)
        assert taken.status_code == 200

    with_arm(scenario)


def test_newer_values_are_refused_and_answered() -> None:
    """The enumeration is open, so an older answer shows what an older PUT cannot set."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        body = version(storageAccountType="PremiumV2_LRS")
        refused = await arm.send("PUT", VERSION, body, **OLD)
        assert error(refused) == (400, "InvalidParameter")
        assert refused.json()["error"]["target"].endswith("publishingProfile.storageAccountType")
        assert (await put(arm, VERSION, body, NEW)).status_code == 201
        assert profile(await arm.get(VERSION, **OLD))["storageAccountType"] == "PremiumV2_LRS"

    with_arm(scenario)


@pytest.mark.parametrize("form", ["kept", "dropped"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_newer_live_properties_in_an_older_write(form: Any, method: str) -> None:
    """They stay or they go, wherever they are, by the setting; what the write says is done in both."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        assert (await put(arm, VERSION, newer_version(storageAccountType="PremiumV2_LRS"))).status_code == 201
        before = profile(await arm.get(VERSION, **NEWEST))
        older = version(replicaCount=2, targetRegions=[{"name": "eastus2"}, {"name": "westus"}])
        assert (await arm.send(method, VERSION, older, **OLD)).status_code == 200
        after = profile(await arm.get(VERSION, **NEWEST))
        assert after["replicaCount"] == 2
        assert after["settings"]["packageFileName"] == "agent.zip"
        assert len(after["targetRegions"]) == 2
        stays = form == "kept"
        assert ("scriptBehaviorAfterReboot" in after["settings"]) == stays
        assert ("additionalReplicaSets" in after["targetRegions"][0]) == stays
        assert (after["storageAccountType"] == before["storageAccountType"]) == stays
        if stays:
            assert (
                after["targetRegions"][0]["additionalReplicaSets"]
                == before["targetRegions"][0]["additionalReplicaSets"]
            )

    with_arm(scenario, EmulatorSettings(newer_fields=form, operation_seconds=0))


@pytest.mark.parametrize("form", ["kept", "dropped"])
def test_a_newer_identity_in_an_older_write(form: Any) -> None:
    """A whole object of a newer version; its ids stay with it."""

    async def scenario(arm: Arm) -> None:
        await put(arm, GALLERY, with_identity(description="before"))
        before = (await arm.get(GALLERY, **NEW)).json()["identity"]
        await put(arm, GALLERY, {"location": "westus", "properties": {"description": "after"}}, OLD)
        after = (await arm.get(GALLERY, **NEW)).json()
        assert after["properties"]["description"] == "after"
        assert after.get("identity") == (before if form == "kept" else None)

    with_arm(scenario, EmulatorSettings(newer_fields=form))


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("2022-08-01", 400, "NoRegisteredProviderFound"),
        ("2099-01-01", 400, "NoRegisteredProviderFound"),
        ("2024-03-03-preview", 400, "NoRegisteredProviderFound"),
        ("newest", 400, "InvalidApiVersionParameter"),
    ],
)
def test_an_unknown_version(asked: str, status: int, code: str) -> None:
    """With the versions that are known, for every method and for lists."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        for method, url in (("GET", GALLERY), ("PUT", GALLERY), ("DELETE", GALLERY), ("GET", GALLERIES)):
            answer = await arm.send(method, url, None, **{"api-version": asked})
            assert error(answer) == (status, code)
            assert answer.headers["x-ms-failure-cause"] == "gateway"
            assert "2026-03-03" in answer.text
        listed = await arm.get(GALLERIES, **{"api-version": asked})
        if code == "NoRegisteredProviderFound":
            assert f"for location 'westus' and API version '{asked}' for type 'galleries'" in listed.text

    with_arm(scenario)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("NoRegisteredProviderFound", 400),
        ("InvalidApiVersionParameter", 400),
        ("UnsupportedApiVersion", 400),
        ("InvalidResourceType", 404),
    ],
)
def test_a_cloud_that_lags(form: VersionError, status: int) -> None:
    """It refuses what is newer than it, in the form that was chosen, and learns while it runs."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        refused = await arm.get(GALLERY, **NEWEST)
        assert error(refused) == (status, form)
        assert "2024-03-03" in refused.text
        assert "2025-03-03" not in refused.text
        assert (await arm.get(GALLERY, **NEW)).status_code == 200
        types = (await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute")).json()["resourceTypes"]
        galleries = next(each for each in types if each["resourceType"] == "galleries")
        assert galleries["apiVersions"][0] == "2024-03-03"
        arm.world.learn({})
        assert (await arm.get(GALLERY, **NEWEST)).status_code == 200

    with_arm(scenario, EmulatorSettings(newest={"": "2024-12-31"}, version_error=form))


def test_types_lag_apart() -> None:
    """A type covers those below it, and the longest that fits counts; a type newer than its cloud is not there."""
    newest = {"Microsoft.Compute/galleries": "2024-03-03", "microsoft.compute/galleries/applications": "2022-03-03"}

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        assert (await arm.get(GALLERY, **NEW)).status_code == 200
        for url in (APPLICATION, f"{APPLICATION}/versions"):
            assert error(await arm.get(url, **NEW)) == (400, "NoRegisteredProviderFound")
            assert (await arm.get(url, **OLD)).status_code == 200
        arm.world.learn({"Microsoft.Compute": "2020-01-01"})
        gone = await arm.get(GALLERY, **OLD)
        assert error(gone) == (404, "InvalidResourceType")
        assert "supported" not in gone.text
        types = (await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute")).json()["resourceTypes"]
        assert types == []

    with_arm(scenario, EmulatorSettings(newest=newest))


def test_private_packages() -> None:
    """A plain link is readable with the identity of the gallery only, a signed one always."""
    plain = version(link="https://packages.blob.core.windows.net/agent/agent.zip")

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        refused = await put(arm, VERSION, plain)
        assert error(refused) == (400, "InvalidParameter")
        assert refused.json()["error"]["target"].endswith("publishingProfile.source.mediaLink")
        assert (await put(arm, VERSION, version())).status_code == 201
        assert error(await arm.send("PATCH", VERSION, plain)) == (400, "InvalidParameter")
        package = definition(packageFileUri="https://packages.blob.core.windows.net/suite/app.zip")
        assert error(await arm.put(DEFINITION, package)) == (400, "DownloadItemFromBlobFailed")
        assert (await arm.put(DEFINITION, definition())).status_code == 201
        await put(arm, GALLERY, with_identity({"type": "None"}))
        assert error(await put(arm, VERSION, plain)) == (400, "InvalidParameter")
        await put(arm, GALLERY, with_identity({"type": "SystemAssigned"}))
        assert (await put(arm, VERSION, plain)).status_code == 200

    with_arm(scenario, EmulatorSettings(packages="private"))


def test_settings_of_the_environment() -> None:
    """A date for all types, one for some; anything else is wrong usage."""
    text = "2024-03-03, Microsoft.Solutions=2019-07-01"
    settings = emulator_settings(Environment({"RECONCILER_EMULATOR_API_VERSIONS": text}))
    assert settings.newest == {"": "2024-03-03", "Microsoft.Solutions": "2019-07-01"}
    assert emulator_settings(Environment({})).newest == {}
    for wrong in ("newest", "Microsoft.Compute", "=2024-03-03", "Microsoft.Compute=2024"):
        with pytest.raises(UsageError):
            emulator_settings(Environment({"RECONCILER_EMULATOR_API_VERSIONS": wrong}))


def test_a_kind_that_is_only_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a line in the table of facts a version is made, replicated, listed, frozen and updated all the same."""
    monkeypatch.setattr("reconciler.emulator.facts.FACTS", {})

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        made = await arm.put(VERSION, version(endOfLifeDate="2030-06-19T07:00:00Z"))
        assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Creating")
        live = profile(await arm.get(VERSION))
        assert live["targetRegions"] == [
            {"name": "East US 2", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}
        ]
        assert (live["replicaCount"], live["excludeFromLatest"]) == (1, False)
        copies = (await arm.get(VERSION, **{"$expand": "ReplicationStatus"})).json()["properties"]["replicationStatus"]
        assert copies["aggregatedState"] == "Completed"
        assert [each["region"] for each in copies["summary"]] == ["eastus2"]
        changed = version(manageActions={"install": "other", "remove": "sh remove"})
        assert error(await arm.put(VERSION, changed)) == (409, "PropertyChangeNotAllowed")
        assert error(await arm.put(VERSION, version(targetRegions=[{"name": "westus"}])))[0] == 400
        assert len((await arm.get(f"{APPLICATION}/versions")).json()["value"]) == 1
        assert error(await arm.get(VERSION, **{"api-version": "2021-07-01"})) == (400, "NoRegisteredProviderFound")

    with_arm(scenario)
