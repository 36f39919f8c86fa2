"""Galleries, applications and versions, line by line as the recordings show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reconciler.emulator import EmulatorSettings
from tests.kit.emulator import (
    APPLICATION,
    GALLERY,
    LINK,
    VERSION,
    Arm,
    application,
    error,
    profile,
    version,
    with_arm,
)

if TYPE_CHECKING:
    import httpx


def test_application_put_is_over_with_its_answer() -> None:
    """201 then 200, no operation header, no provisioning state, the rate limit of the provider."""

    async def scenario(arm: Arm) -> None:
        await arm.put(GALLERY, {"location": "westus"})
        new, again = [await arm.send("PUT", APPLICATION, application(description="x")) for _ in range(2)]
        assert (new.status_code, again.status_code) == (201, 200)
        for answer in (new, again):
            assert "azure-asyncoperation" not in answer.headers
            assert "provisioningState" not in answer.json()["properties"]
        assert new.headers["x-ms-ratelimit-remaining-resource"] == (
            "Microsoft.Compute/CreateUpdateGalleryApplication3Min;149,"
            "Microsoft.Compute/CreateUpdateGalleryApplication30Min;749"
        )

    with_arm(scenario)


def test_version_put_is_a_long_operation() -> None:
    """201 Creating with Azure-AsyncOperation only; it is polled by that address and then Succeeded."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.send("PUT", VERSION, version())
        assert answer.status_code == 201
        assert answer.json()["properties"]["provisioningState"] == "Creating"
        assert {"location", "retry-after"}.isdisjoint(answer.headers)
        address = answer.headers["azure-asyncoperation"]
        assert 3000 < len(address) < 5000
        assert set(parse_qs(urlsplit(address).query)) == {"api-version", "t", "c", "s", "h"}
        assert "/locations/eastus2/capsOperations/" in address
        running = (await arm.get(address)).json()
        assert list(running) == ["startTime", "status", "name"]
        assert (running["status"], running["startTime"][-6:]) == ("InProgress", "-08:00")
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Creating"
        arm.clock.seconds += 1
        done = await arm.get(address)
        assert list(done.json()) == ["startTime", "endTime", "status", "name"]
        assert done.json()["status"] == "Succeeded"
        assert "GetOperationStatus3Min;1199" in done.headers["x-ms-ratelimit-remaining-resource"]
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Succeeded"

    with_arm(scenario)


def test_update_answers_200_and_is_not_over() -> None:
    """200 Updating with the same header, new values already shown."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        answer = await arm.send("PUT", VERSION, version(replicaCount=2))
        assert answer.status_code == 200
        assert answer.json()["properties"]["provisioningState"] == "Updating"
        assert "azure-asyncoperation" in answer.headers
        seen = await arm.get(VERSION)
        assert (profile(seen)["replicaCount"], seen.json()["properties"]["provisioningState"]) == (2, "Updating")

    with_arm(scenario)


def test_an_operation_ends_by_stored_time_and_can_fail() -> None:
    """A planted failure shows in the operation and in the resource, which stays behind."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        arm.world.fail_next(VERSION, "GalleryApplicationVersionInternalError", "no room")
        answer = await arm.put(VERSION, version())
        assert answer.status_code == 201
        body = (await arm.get(answer.headers["azure-asyncoperation"])).json()
        assert body["status"] == "Failed"
        assert body["error"] == {"code": "GalleryApplicationVersionInternalError", "message": "no room"}
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Failed"
        assert (await arm.put(VERSION, version())).status_code == 200
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Succeeded"

    with_arm(scenario)


def test_a_planted_refusal_is_answered_once() -> None:
    """With a status the PUT itself is refused and nothing is written."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        arm.world.fail_next(VERSION, "InvalidParameter", "The blob cannot be read.", status=400)
        assert error(await arm.put(VERSION, version())) == (400, "InvalidParameter")
        assert arm.world.stored(VERSION) is None
        assert (await arm.put(VERSION, version())).status_code == 201

    with_arm(scenario)


def test_a_rebuilt_operation_address_is_not_found() -> None:
    """The address is used as it was given or not at all."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        address = (await arm.send("PUT", VERSION, version())).headers["azure-asyncoperation"]
        assert (await arm.get(address.partition("&t=")[0])).status_code == 404
        assert (await arm.get(address.replace("&s=", "&s=x"))).status_code == 404

    with_arm(scenario)


def test_delete_of_a_version() -> None:
    """202 with both headers; gone afterwards; the application cannot follow for twenty seconds."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        assert error(await arm.send("DELETE", APPLICATION)) == (409, "CannotDeleteResource")
        answer = await arm.send("DELETE", VERSION)
        assert answer.status_code == 202
        assert "monitor=true" in answer.headers["location"]
        assert (await arm.get(answer.headers["location"])).status_code == 202
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Deleting"
        refused = await arm.send("PUT", VERSION, version())
        assert error(refused) == (409, "Conflict")
        assert "marked for deletion" in refused.text
        assert error(await arm.send("DELETE", VERSION)) == (409, "Conflict")
        arm.clock.seconds += 1
        assert (await arm.get(answer.headers["location"])).status_code == 200
        assert (await arm.get(answer.headers["azure-asyncoperation"])).json()["status"] == "Succeeded"
        assert error(await arm.get(VERSION)) == (404, "ResourceNotFound")
        assert error(await arm.send("DELETE", APPLICATION)) == (409, "CannotDeleteResource")
        arm.clock.seconds += 20
        assert (await arm.send("DELETE", APPLICATION)).status_code == 200
        assert (await arm.send("DELETE", APPLICATION)).status_code == 204
        assert (await arm.send("DELETE", VERSION)).status_code == 204

    with_arm(scenario)


def test_a_failing_delete_leaves_the_resource() -> None:
    """The operation ends Failed, by either address, and the version is there, Failed."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        arm.world.fail_next(VERSION, "InternalError", "no")
        answer = await arm.send("DELETE", VERSION)
        arm.clock.seconds += 1
        assert (await arm.get(answer.headers["location"])).status_code == 409
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Failed"
        arm.world.fail_next(VERSION, "ScopeLocked", "locked", status=409)
        assert error(await arm.send("DELETE", VERSION)) == (409, "ScopeLocked")

    with_arm(scenario)


def test_empty_list() -> None:
    """An empty list is an empty value, and carries no header of the provider's limits."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.get(f"{APPLICATION}/versions")
        assert answer.json() == {"value": []}
        assert "x-ms-ratelimit-remaining-resource" not in answer.headers
        assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"

    with_arm(scenario)


def test_what_the_answer_spells_otherwise() -> None:
    """Display names of regions, the location as sent, local dates, defaults echoed, the rest absent."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        sent = version(targetRegions=[{"name": "eastus2"}, {"name": "moonbase"}], endOfLifeDate="2030-06-19T07:00:00Z")
        body = (await arm.put(VERSION, sent)).json()
        assert list(body) == ["name", "id", "type", "location", "properties"]
        assert body["location"] == "eastus2"
        assert list(body["properties"]) == ["publishingProfile", "provisioningState"]
        shown = body["properties"]["publishingProfile"]
        assert list(shown) == [
            "source",
            "manageActions",
            "enableHealthCheck",
            "targetRegions",
            "replicaCount",
            "excludeFromLatest",
            "publishedDate",
            "endOfLifeDate",
            "storageAccountType",
        ]
        assert shown["targetRegions"] == [
            {"name": "East US 2", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"},
            {"name": "moonbase", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"},
        ]
        assert shown["endOfLifeDate"] == "2030-06-19T00:00:00-07:00"
        assert re.fullmatch(r"2026-11-21T12:25:\d\d\.\d{7}-08:00", shown["publishedDate"])
        assert (shown["replicaCount"], shown["storageAccountType"]) == (1, "Standard_LRS")
        assert shown["enableHealthCheck"] is shown["excludeFromLatest"] is False
        assert shown["source"]["mediaLink"] == LINK

    with_arm(scenario)


def test_regions_left_out_become_the_location() -> None:
    """One entry with the display name; the counts and the storage type of the profile hold for it."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.put(VERSION, version(replicaCount=3, storageAccountType="Standard_ZRS"))
        assert profile(answer)["targetRegions"] == [
            {"name": "East US 2", "regionalReplicaCount": 3, "storageAccountType": "Standard_ZRS"}
        ]

    with_arm(scenario)


def test_media_link_stripped() -> None:
    """In the mode of 2026 the query part of links is gone from every answer, not from what is stored."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        bare = LINK.partition("?")[0]
        answers = [await arm.put(VERSION, version()), await arm.get(VERSION)]
        for body in [
            *(answer.json() for answer in answers),
            *(await arm.get(f"{APPLICATION}/versions")).json()["value"],
        ]:
            assert body["properties"]["publishingProfile"]["source"]["mediaLink"] == bare
        stored = arm.world.stored(VERSION)
        assert stored
        assert stored["properties"]["publishingProfile"]["source"]["mediaLink"] == LINK

    with_arm(scenario, EmulatorSettings(media_link="stripped"))


def test_put_merges() -> None:
    """What is left out stays, null is left out, lists and maps replace whole, tags stay when left out."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        full = version(advancedSettings={"a": "1", "b": "2"}, customActions=[{"name": "x", "script": "y"}])
        await arm.put(VERSION, {**full, "tags": {"team": "one"}})
        body: dict[str, Any] = {
            "location": "eastus2",
            "properties": {"publishingProfile": {"source": {"mediaLink": LINK}}},
        }
        kept = await arm.put(VERSION, body)
        assert profile(kept)["manageActions"] == {"install": "sh install", "remove": "sh remove"}
        assert [region["name"] for region in profile(kept)["targetRegions"]] == ["East US 2"]
        assert kept.json()["tags"] == {"team": "one"}
        body["tags"] = {"other": "two"}
        body["properties"]["publishingProfile"] |= {
            "advancedSettings": {"c": "3"},
            "customActions": [],
            "settings": None,
        }
        changed = await arm.put(VERSION, body)
        assert changed.json()["tags"] == {"other": "two"}
        assert profile(changed)["advancedSettings"] == {"c": "3"}
        assert profile(changed)["customActions"] == []
        assert "settings" not in profile(changed)

    with_arm(scenario)


@pytest.mark.parametrize(
    ("profile_change", "where"),
    [
        ({"manageActions": {"install": "other", "remove": "sh remove"}}, "manageActions.install"),
        ({"settings": {"packageFileName": "p"}}, "settings.packageFileName"),
        ({"storageAccountType": "Premium_LRS"}, "storageAccountType"),
        ({"replicationMode": "Shallow"}, "replicationMode"),
        (
            {"targetRegions": [{"name": "East US 2", "storageAccountType": "Premium_LRS"}]},
            "targetRegions.storageAccountType",
        ),
        ({"source": {"mediaLink": "https://packages.blob.core.windows.net/agent/other.zip?sig=x"}}, "source.mediaLink"),
    ],
)
def test_frozen_properties(profile_change: dict[str, Any], where: str) -> None:
    """409 PropertyChangeNotAllowed, with the path as target."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        for method in ("PUT", "PATCH"):
            answer = await arm.send(method, VERSION, version(**profile_change))
            assert error(answer) == (409, "PropertyChangeNotAllowed")
            target = f"galleryApplicationVersion.properties.publishingProfile.{where}"
            assert answer.json()["error"]["target"] == target
            assert target in answer.json()["error"]["message"]

    with_arm(scenario)


def test_another_spelling_is_no_change() -> None:
    """Another signature, another spelling of the location, the default stated: none of it is frozen."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        same = version(LINK.replace("one", "two"), replicationMode="Full", targetRegions=[{"name": "East US 2"}])
        answer = await arm.put(VERSION, {**same, "location": "East US 2"})
        assert answer.status_code == 200
        assert profile(answer)["source"]["mediaLink"].endswith("sig=two")

    with_arm(scenario)


def test_a_new_region_brings_its_own_storage() -> None:
    """The type of storage is frozen for each region; one that is added has its own; one that is kept keeps it."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version(targetRegions=[{"name": "eastus2", "storageAccountType": "Standard_ZRS"}]))
        more = [{"name": "eastus2"}, {"name": "westus", "storageAccountType": "Premium_LRS"}]
        answer = await arm.put(VERSION, version(targetRegions=more))
        shown = {region["name"]: region["storageAccountType"] for region in profile(answer)["targetRegions"]}
        assert shown == {"East US 2": "Standard_ZRS", "West US": "Premium_LRS"}

    with_arm(scenario)


def test_operating_system_is_frozen() -> None:
    """The type of system of an application cannot change."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.send("PUT", APPLICATION, application(supportedOSType="Windows"))
        assert error(answer) == (409, "PropertyChangeNotAllowed")
        assert answer.json()["error"]["target"] == "galleryApplication.properties.supportedOSType"

    with_arm(scenario)


def test_location_is_frozen() -> None:
    """ARM itself refuses, with its own text."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.send("PUT", APPLICATION, {**application(), "location": "East US"})
        assert error(answer) == (409, "InvalidResourceLocation")
        assert "already exists in location 'westus' in resource group 'rg'" in answer.json()["error"]["message"]
        assert answer.headers["x-ms-failure-cause"] == "gateway"

    with_arm(scenario)


def test_dropping_a_region() -> None:
    """Refused without the flag; an empty list means all that are there."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version(targetRegions=[{"name": "East US 2"}, {"name": "West US"}]))
        fewer = version(targetRegions=[{"name": "eastus2"}])
        refused = await arm.send("PUT", VERSION, fewer)
        assert error(refused) == (400, "BadRequest")
        assert "'West US'" in refused.text
        assert "allowDeletionOfReplicatedLocations" in refused.text
        assert len(profile(await arm.put(VERSION, version(targetRegions=[])))["targetRegions"]) == 2
        fewer["properties"]["safetyProfile"] = {"allowDeletionOfReplicatedLocations": True}
        answer = await arm.put(VERSION, fewer)
        assert [region["name"] for region in profile(answer)["targetRegions"]] == ["East US 2"]
        assert answer.json()["properties"]["safetyProfile"] == {"allowDeletionOfReplicatedLocations": True}

    with_arm(scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"targetRegions": [{"name": "West US"}]},
        {"targetRegions": [{"name": "East US 2"}, {"name": "eastus2"}]},
        {"targetRegions": [{"name": "East US 2", "encryption": {"osDiskImage": {}}}]},
        {"source": {"mediaLink": f'"{LINK}"'}},
        {"source": {"mediaLink": f"{LINK}?sig=two"}},
        {"source": {}},
        {"manageActions": {"install": "x" * 4097, "remove": ""}},
        {"customActions": [{"name": "a", "script": ""}, {"name": "a", "script": ""}]},
        {"replicaCount": "two"},
    ],
)
def test_refused_bodies(change: dict[str, Any]) -> None:
    """400 with the path as target."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.send("PUT", VERSION, version(**change))
        assert error(answer) == (400, "InvalidParameter")
        assert answer.json()["error"]["target"].startswith("galleryApplicationVersion.properties.publishingProfile.")
        assert "sig=one" not in answer.text

    with_arm(scenario)


def test_one_writer_per_application() -> None:
    """While an operation runs, any other write in the application is a conflict; another application is not."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        other = APPLICATION.replace("agent", "other")
        await arm.put(other, application())
        await arm.send("PUT", VERSION, version())
        for method, url, body in (
            ("PUT", VERSION.replace("1.0.0", "2.0.0"), version()),
            ("PATCH", VERSION, version()),
            ("DELETE", VERSION, None),
            ("PUT", APPLICATION, application()),
        ):
            assert error(await arm.send(method, url, body)) == (409, "Conflict")
        assert (await arm.send("PUT", f"{other}/versions/1.0.0", version())).status_code == 201

    with_arm(scenario)


def test_replication_status() -> None:
    """Only with $expand; short region names; Replicating, then Completed by time; Failed after a failure."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.send("PUT", VERSION, version())
        arm.clock.seconds += 0.25
        assert "replicationStatus" not in (await arm.get(VERSION)).json()["properties"]
        assert _replication(await _expanded(arm)) == ("InProgress", "eastus2", "Replicating", 50)
        arm.clock.seconds += 1
        assert _replication(await _expanded(arm)) == ("Completed", "eastus2", "Completed", 100)
        arm.world.fail_next(VERSION, "x", "y")
        await arm.put(VERSION, version())
        assert _replication(await _expanded(arm)) == ("Failed", "eastus2", "Failed", 0)

    with_arm(scenario)


async def _expanded(arm: Arm) -> httpx.Response:
    return await arm.get(VERSION, **{"$expand": "ReplicationStatus"})


def _replication(answer: httpx.Response) -> tuple[str, str, str, int]:
    status = answer.json()["properties"]["replicationStatus"]
    (region,) = status["summary"]
    assert list(region) == ["region", "state", "details", "progress"]
    return status["aggregatedState"], region["region"], region["state"], region["progress"]


def test_patch_merges_and_runs() -> None:
    """Tags and properties; 200 Updating with the header; 404 for what is not there."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        assert error(await arm.send("PATCH", VERSION, {"tags": {}})) == (404, "ResourceNotFound")
        await arm.put(VERSION, {**version(), "tags": {"a": "1"}})
        answer = await arm.send("PATCH", VERSION, {"tags": {"b": "2"}})
        assert (answer.status_code, answer.json()["tags"]) == (200, {"b": "2"})
        assert "azure-asyncoperation" in answer.headers
        arm.clock.seconds += 1
        body = {"properties": {"publishingProfile": {"source": {"mediaLink": LINK}, "excludeFromLatest": True}}}
        assert profile(await arm.send("PATCH", VERSION, body))["excludeFromLatest"] is True
        assert error(await arm.send("PATCH", VERSION, {"properties": {}})) == (400, "InvalidParameter")

    with_arm(scenario)


def test_gallery() -> None:
    """A long operation; unique name; the sharing profile echoed, its groups only on request; permissions change."""

    async def scenario(arm: Arm) -> None:
        answer = await arm.put(GALLERY, {"location": "westus", "properties": {"description": "d"}})
        assert answer.json()["properties"] == {
            "description": "d",
            "identifier": {"uniqueName": "01523d7c-60da-455e-adef-521b547922c4-TOOLS"},
            "provisioningState": "Creating",
        }
        assert "azure-asyncoperation" in answer.headers
        private = {"location": "westus", "properties": {"sharingProfile": {"permissions": "Private"}}}
        assert (await arm.put(GALLERY, private)).status_code == 200
        private["properties"] = {"sharingProfile": {"permissions": "Groups"}}
        assert (await arm.put(GALLERY, private)).status_code == 200
        selected = await arm.get(GALLERY, **{"$select": "Permissions"})
        assert selected.json()["properties"]["sharingProfile"] == {"permissions": "Groups", "groups": []}
        assert (await arm.send("DELETE", GALLERY)).status_code == 202
        assert error(await arm.send("PUT", APPLICATION, application())) == (409, "Conflict")

    with_arm(scenario)


def test_sharing_that_is_fixed() -> None:
    """Then a gallery that never said how it is shared is Private, and stays so."""

    async def scenario(arm: Arm) -> None:
        await arm.put(GALLERY, {"location": "westus"})
        for permissions, status in (("Private", 200), ("Community", 409)):
            body = {"location": "westus", "properties": {"sharingProfile": {"permissions": permissions}}}
            answer = await arm.put(GALLERY, body)
            assert answer.status_code == status
        assert answer.json()["error"]["target"] == "gallery.properties.sharingProfile.permissions"

    with_arm(scenario, EmulatorSettings(sharing="fixed"))


def test_soft_delete_that_the_subscription_lacks() -> None:
    """Every gallery answers it, and none takes it."""

    async def scenario(arm: Arm) -> None:
        policy = {"softDeletePolicy": {"isSoftDeleteEnabled": False}}
        await arm.put(GALLERY, {"location": "westus", "properties": {"description": "d"}})
        assert (await arm.get(GALLERY)).json()["properties"].items() >= policy.items()
        for sent in ({}, {"isSoftDeleteEnabled": False}, {"isSoftDeleteEnabled": True}):
            body = {"location": "westus", "properties": {"softDeletePolicy": sent}}
            assert error(await arm.put(GALLERY, body)) == (400, "InvalidParameter")

    with_arm(scenario, EmulatorSettings(soft_delete="refused"))
