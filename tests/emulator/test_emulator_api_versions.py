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
    GALLERIES,
    GALLERY,
    SUBSCRIPTION,
    VERSION,
    Arm,
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


async def put(arm: Arm, url: str, body: Any, at: dict[str, str] = NEWEST) -> httpx.Response:
    """PUT at an api-version, and let the operation end."""
    answer = await arm.send("PUT", url, body, **at)
    arm.clock.seconds += 1
    return answer


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
