"""What az, Terraform and token libraries ask for besides the resources."""

from __future__ import annotations

import base64
import json

import pytest

from tests.kit.emulator import BASE, DEFINITION, GROUP, SUBSCRIPTION, Arm, definition, error, with_arm


def test_subscriptions_and_tenants() -> None:
    """Any subscription exists; those in use are listed."""

    async def scenario(arm: Arm) -> None:
        await arm.put(DEFINITION, definition())
        one = (await arm.get(f"/subscriptions/{SUBSCRIPTION}")).json()
        assert (one["subscriptionId"], one["state"]) == (SUBSCRIPTION, "Enabled")
        assert (await arm.get("/subscriptions")).json()["value"] == [one]
        assert (await arm.get("/tenants")).json()["value"][0]["tenantId"] == one["tenantId"]
        regions = (await arm.get(f"/subscriptions/{SUBSCRIPTION}/locations")).json()["value"]
        assert {"name": "eastus2", "displayName": "East US 2"}.items() <= next(
            region for region in regions if region["name"] == "eastus2"
        ).items()

    with_arm(scenario)


def test_listed_subscriptions() -> None:
    """There is always one to sign in to; a resource group alone makes its subscription one of those in use."""

    async def scenario(arm: Arm) -> None:
        (first,) = (await arm.get("/subscriptions")).json()["value"]
        assert first["state"] == "Enabled"
        await arm.put(GROUP, {"location": "westus"})
        (used,) = (await arm.get("/subscriptions")).json()["value"]
        assert used["subscriptionId"] == SUBSCRIPTION

    with_arm(scenario)


def test_resource_groups() -> None:
    """They exist on first use; creating one sets its location; one that is inhabited stays."""

    async def scenario(arm: Arm) -> None:
        assert (await arm.get(GROUP)).json()["location"] == "westus"
        assert (await arm.send("HEAD", GROUP)).status_code == 204
        assert error(await arm.put(GROUP, {})) == (400, "LocationRequired")
        sent = {"location": "West Europe", "tags": {"a": "b"}}
        assert [(await arm.put(GROUP, sent)).status_code for _ in range(2)] == [201, 200]
        group = (await arm.get(GROUP.lower())).json()
        assert (group["id"], group["location"], group["tags"]) == (GROUP, "westeurope", {"a": "b"})
        assert (await arm.get(f"/subscriptions/{SUBSCRIPTION}/resourcegroups")).json()["value"] == [group]
        await arm.put(DEFINITION, definition())
        assert error(await arm.send("DELETE", GROUP)) == (409, "CannotDeleteResource")
        arm.world.remove(DEFINITION)
        assert (await arm.send("DELETE", GROUP)).status_code == 200
        assert (await arm.get(f"/subscriptions/{SUBSCRIPTION}/resourcegroups")).json() == {"value": []}

    with_arm(scenario)


def test_providers() -> None:
    """Namespaces with their types."""

    async def scenario(arm: Arm) -> None:
        listed = (await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers")).json()["value"]
        assert {each["namespace"] for each in listed} == {"Microsoft.Compute", "Microsoft.Solutions"}
        one = (await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.compute")).json()
        assert "galleries/applications/versions" in {each["resourceType"] for each in one["resourceTypes"]}
        assert one["registrationState"] == "Registered"

    with_arm(scenario)


@pytest.mark.parametrize("version", ["2015-01-01", "2019-05-01", "2022-09-01"])
def test_metadata(version: str) -> None:
    """The three shapes of the metadata endpoint."""

    async def scenario(arm: Arm) -> None:
        body = (await arm.client.get("/metadata/endpoints", params={"api-version": version})).json()
        cloud = body[0] if isinstance(body, list) else body
        assert isinstance(body, list) == (version == "2019-05-01")
        assert cloud["authentication"]["loginEndpoint"] == BASE

    with_arm(scenario)


def test_sign_in() -> None:
    """Discovery leads to a token endpoint, which gives anyone a token."""

    async def scenario(arm: Arm) -> None:
        discovery = (await arm.client.get("/common/discovery/instance")).json()
        openid = (await arm.client.get(discovery["tenant_discovery_endpoint"])).json()
        assert (await arm.client.get(openid["jwks_uri"])).json() == {"keys": []}
        token = (await arm.client.post(openid["token_endpoint"], content="grant_type=client_credentials")).json()
        claims = token["access_token"].split(".")[1]
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        assert decoded["exp"] - decoded["iat"] == token["expires_in"] == 3600

    with_arm(scenario)
