"""Application definitions, line by line as the recordings show them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.emulator import DEFINITION, DEFINITIONS, SUBSCRIPTION, Arm, definition, error, with_arm

_PACKAGE = "packageFileUri"
_INLINE: dict[str, Any] = {_PACKAGE: None, "mainTemplate": {"resources": []}, "createUiDefinition": '{"handler": "x"}'}


def test_put_get_and_list_answer_alike() -> None:
    """201 and 200 in one request, without header, state or write-only content; location as sent."""

    async def scenario(arm: Arm) -> None:
        new, again = [await arm.send("PUT", DEFINITION, definition()) for _ in range(2)]
        assert (new.status_code, again.status_code) == (201, 200)
        assert "azure-asyncoperation" not in new.headers
        assert "x-ms-ratelimit-remaining-resource" not in new.headers
        body = new.json()
        assert list(body) == ["properties", "id", "name", "type", "location"]
        assert list(body["properties"]) == [
            "isEnabled", "lockLevel", "displayName", "description", "authorizations", "artifacts",
        ]  # fmt: skip
        assert body["properties"]["isEnabled"] is True
        assert body["location"] == "East US"
        listed = (await arm.get(DEFINITIONS)).json()["value"]
        wide = (
            await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Solutions/applicationDefinitions")
        ).json()
        assert [body] == [again.json()] == [(await arm.get(DEFINITION)).json()] == listed == wide["value"]

    with_arm(scenario)


def test_artifacts_come_from_the_package() -> None:
    """Three; the same for the same package under another signature, another GUID for another package."""

    async def scenario(arm: Arm) -> None:
        first = (await arm.put(DEFINITION, definition())).json()["properties"]["artifacts"]
        assert [(each["name"], each["type"]) for each in first] == [
            ("ApplicationResourceTemplate", "Template"),
            ("CreateUiDefinition", "Custom"),
            ("MainTemplateParameters", "Custom"),
        ]
        assert first[1]["uri"] == f"{DEFINITION}/applicationArtifacts/CreateUiDefinition?api-version=2017-09-01"
        same = definition(
            description="new", packageFileUri="https://packages.blob.core.windows.net/suite/app.zip?sig=two"
        )
        assert (await arm.put(DEFINITION, same)).json()["properties"]["artifacts"] == first
        tagged = await arm.send("PATCH", DEFINITION, {"tags": {"a": "b"}})
        assert tagged.json()["properties"]["artifacts"] == first
        other = (await arm.put(DEFINITION, definition(packageFileUri="https://x.example/b.zip"))).json()
        assert other["properties"]["artifacts"][0] != first[0]
        assert other["properties"]["artifacts"][1:] == first[1:]

    with_arm(scenario)


def test_inline_content_is_never_answered() -> None:
    """Objects and texts alike are taken and not given back; the world knows them."""

    async def scenario(arm: Arm) -> None:
        answer = await arm.put(DEFINITION, definition(**_INLINE))
        assert answer.status_code == 201
        assert {"mainTemplate", "createUiDefinition"}.isdisjoint(answer.json()["properties"])
        stored = arm.world.stored(DEFINITION)
        assert stored
        assert stored["properties"]["mainTemplate"] == {"resources": []}
        text = await arm.put(DEFINITION, definition(**{**_INLINE, "mainTemplate": '{"resources": []}'}))
        assert text.json() == answer.json()

    with_arm(scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"mainTemplate": {}, "createUiDefinition": {}},
        {_PACKAGE: None},
        {_PACKAGE: None, "mainTemplate": {}},
        {**_INLINE, "mainTemplate": "{"},
        {_PACKAGE: "'https://x.example/a.zip'"},
        {"lockLevel": "Some"},
    ],
)
def test_refused_bodies(change: dict[str, Any]) -> None:
    """Both ways, no way, half a way, text that is not JSON, quoted links, unknown lock levels: 400."""

    async def scenario(arm: Arm) -> None:
        assert (await arm.put(DEFINITION, definition(**change))).status_code == 400

    with_arm(scenario)


def test_put_replaces() -> None:
    """What is left out is gone, tags too; what the service does not know is dropped."""

    async def scenario(arm: Arm) -> None:
        policy = {"lockingPolicy": {"allowedActions": ["*/read"]}, "isEnabled": False, "unheardOf": 1}
        answer = await arm.put(DEFINITION, {**definition(**policy), "tags": {"a": "b"}})
        assert answer.json()["tags"] == {"a": "b"}
        assert answer.json()["properties"]["isEnabled"] is False
        assert "unheardOf" not in answer.json()["properties"]
        body = (await arm.put(DEFINITION, definition())).json()
        assert "tags" not in body
        assert "lockingPolicy" not in body["properties"]
        assert body["properties"]["isEnabled"] is True

    with_arm(scenario)


@pytest.mark.parametrize(
    ("live", "sent", "status"),
    [
        ("Managed", "Unmanaged", 409),
        ("Managed", None, 409),
        ("Managed", "Managed", 200),
        ("Unmanaged", None, 200),
        (None, "Managed", 409),
        (None, "NotSpecified", 200),
    ],
)
def test_management_mode(live: str | None, sent: str | None, status: int) -> None:
    """Another mode, or none while the live one is Managed, is a conflict with a code of its own."""

    async def scenario(arm: Arm) -> None:
        await arm.put(DEFINITION, definition(managementPolicy={"mode": live} if live else None))
        answer = await arm.put(DEFINITION, definition(managementPolicy={"mode": sent} if sent else None))
        assert answer.status_code == status
        if status == 409:
            assert error(answer)[1] == "ApplicationDefinitionApplicationManagementPolicyLockConflict"

    with_arm(scenario)


def test_provider_not_registered() -> None:
    """409 with details, from the gateway; registering helps."""

    async def scenario(arm: Arm) -> None:
        arm.world.unregister(SUBSCRIPTION, "Microsoft.Solutions")
        answer = await arm.put(DEFINITION, definition())
        assert error(answer) == (409, "MissingSubscriptionRegistration")
        assert answer.json()["error"]["details"][0]["target"] == "Microsoft.Solutions"
        assert answer.headers["x-ms-failure-cause"] == "gateway"
        url = f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.solutions"
        assert (await arm.get(url)).json()["registrationState"] == "NotRegistered"
        assert (await arm.send("POST", f"{url}/register")).json()["registrationState"] == "Registered"
        assert (await arm.put(DEFINITION, definition())).status_code == 201
        assert (await arm.send("POST", f"{url}/unregister")).json()["registrationState"] == "NotRegistered"

    with_arm(scenario)


def test_delete_and_location() -> None:
    """200, then 204; a location left out is the group's; another one is refused."""

    async def scenario(arm: Arm) -> None:
        body = definition()
        del body["location"]
        assert (await arm.put(DEFINITION, body)).json()["location"] == "westus"
        assert error(await arm.put(DEFINITION, definition())) == (409, "InvalidResourceLocation")
        assert [(await arm.send("DELETE", DEFINITION)).status_code for _ in range(2)] == [200, 204]
        arm.world.fail_next(DEFINITION, "DownloadItemFromBlobFailed", "no")
        assert error(await arm.put(DEFINITION, definition())) == (400, "DownloadItemFromBlobFailed")

    with_arm(scenario)


def test_patch_takes_tags_only() -> None:
    """Properties in a PATCH are not looked at."""

    async def scenario(arm: Arm) -> None:
        await arm.put(DEFINITION, definition())
        answer = await arm.send("PATCH", DEFINITION, {"tags": {"a": "b"}, "properties": {"lockLevel": "ReadOnly"}})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["tags"], answer.json()["properties"]["lockLevel"]) == ({"a": "b"}, "None")

    with_arm(scenario)
