"""What holds for every request: versions, names, parents, groups, pages, casing, limits, headers."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from reconciler.emulator import EmulatorSettings
from tests.kit.emulator import (
    APPLICATION,
    BASE,
    DEFINITION,
    DEFINITIONS,
    GALLERIES,
    GALLERY,
    GROUP,
    SUBSCRIPTION,
    VERSION,
    Arm,
    application,
    definition,
    error,
    version,
    with_arm,
)


def test_api_version() -> None:
    """Missing and unknown are refused, the latter naming those that are known; newer ones add systemData."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        missing = await arm.client.get(GALLERY)
        assert error(missing) == (400, "MissingApiVersionParameter")
        unknown = await arm.client.get(GALLERY, params={"api-version": "1999-01-01"})
        assert error(unknown) == (400, "NoRegisteredProviderFound")
        assert "2022-03-03" in unknown.text
        newer = await arm.client.get(GALLERY, params={"api-version": "2024-03-03"})
        assert newer.json()["systemData"]["createdAt"] == "2026-11-21T20:25:00.0000000Z"
        assert "systemData" not in (await arm.get(GALLERY)).json()
        listed = await arm.client.get(GALLERIES, params={"api-version": "2024-03-03"})
        assert "systemData" in listed.json()["value"][0]

    with_arm(scenario)


def token(**claims: str) -> dict[str, str]:
    """Return the header of a bearer token with these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return {"authorization": f"Bearer e30.{payload}.unsigned"}


@pytest.mark.parametrize(
    ("headers", "who", "what"),
    [
        (token(upn="alice@example.com", oid="1"), "alice@example.com", "User"),
        (token(oid="8d7b"), "8d7b", "Application"),
        (token(), "emulator", "Application"),
        ({}, "emulator", "Application"),
        ({"authorization": "Bearer opaque"}, "emulator", "Application"),
        ({"authorization": "Bearer a.W10.c"}, "emulator", "Application"),
        ({"authorization": "Bearer a.\u00e9!.c".encode("latin-1")}, "emulator", "Application"),
    ],
)
def test_newer_api_versions_tell_who_wrote(headers: dict[str, Any], who: str, what: str) -> None:
    """The writer is the token's claim, its signature unchecked; the first writer stays the creator."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        version = {"api-version": "2022-03-03"}
        body = (await arm.get(GALLERY)).json()
        await arm.client.put(GALLERY, params=version, json={"location": body["location"]}, headers=headers)
        found = await arm.client.get(GALLERY, params={"api-version": "2024-03-03"})
        data = found.json()["systemData"]
        assert (data["lastModifiedBy"], data["lastModifiedByType"]) == (who, what)
        assert data["createdBy"] == "emulator"

    with_arm(scenario)


def test_absence_has_three_names() -> None:
    """The resource, its parent, its group."""

    async def scenario(arm: Arm) -> None:
        missing = await arm.get(APPLICATION)
        assert error(missing) == (404, "ResourceNotFound")
        assert "'Microsoft.Compute/galleries/tools/applications/agent' under resource group 'rg'" in missing.text
        for method, url in (("PUT", VERSION), ("PATCH", VERSION), ("GET", f"{APPLICATION}/versions")):
            answer = await arm.send(method, url, version())
            assert error(answer) == (404, "ParentResourceNotFound")
            assert "'tools/agent'" in answer.text
        assert (await arm.get(GALLERIES)).json() == {"value": []}

    with_arm(scenario)


def test_strict_groups() -> None:
    """Groups must have been created; then everything works as usual."""

    async def scenario(arm: Arm) -> None:
        for method, url, body in (
            ("GET", GALLERY, None),
            ("GET", GALLERIES, None),
            ("PUT", DEFINITION, definition()),
            ("DELETE", GALLERY, None),
        ):
            answer = await arm.send(method, url, body)
            assert error(answer) == (404, "ResourceGroupNotFound")
            assert answer.json()["error"]["message"] == "Resource group 'rg' could not be found."
        assert error(await arm.get(GROUP)) == (404, "ResourceGroupNotFound")
        assert (await arm.send("HEAD", GROUP)).status_code == 404
        assert (await arm.put(GROUP, {"location": "West Europe"})).status_code == 201
        assert (await arm.put(DEFINITION, definition())).status_code == 201
        arm.world.create_group(SUBSCRIPTION, "other", "eastus")
        assert (await arm.get(GROUP.replace("rg", "other"))).json()["location"] == "eastus"

    with_arm(scenario, EmulatorSettings(strict_groups=True))


def test_ids_have_no_case() -> None:
    """Any spelling finds the resource; the answer keeps the first; the type is as ARM writes it."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())
        for url in (VERSION.upper(), VERSION.lower()):
            body = (await arm.get(url)).json()
            assert (body["id"], body["type"]) == (VERSION, "Microsoft.Compute/galleries/applications/versions")
        again = await arm.put(VERSION.lower(), version())
        assert (again.status_code, again.json()["id"]) == (200, VERSION)
        assert len((await arm.get(f"{APPLICATION.lower()}/VERSIONS")).json()["value"]) == 1

    with_arm(scenario)


def test_pages() -> None:
    """Absolute links to the same host, each item once, in a stable order; a foreign token is refused."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        arm.world.seed((f"{APPLICATION}/versions/{major}.0.0", version()) for major in range(7))
        url, seen, pages = f"{APPLICATION}/versions", [], 0
        while url:
            body = (await arm.get(url)).json()
            seen += [item["name"] for item in body["value"]]
            pages += 1
            url = body.get("nextLink", "")
            assert not url or url.startswith(f"{BASE}{APPLICATION}/versions?api-version=2022-03-03&$skiptoken=")
        assert (pages, seen) == (3, [f"{major}.0.0" for major in range(7)])
        for token in ("nonsense", "L290aGVy"):
            answer = await arm.get(f"{APPLICATION}/versions", **{"$skiptoken": token})
            assert error(answer) == (400, "InvalidParameter")

    with_arm(scenario, EmulatorSettings(page_size=3))


def test_wide_lists_hold_their_kind_only() -> None:
    """Galleries of a group and of the subscription, without what is below them or beside the group."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(GALLERY.replace("/rg/", "/rg2/"), {"location": "westus"})
        assert [item["name"] for item in (await arm.get(GALLERIES)).json()["value"]] == ["tools"]
        wide = await arm.get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/galleries")
        assert len(wide.json()["value"]) == 2

    with_arm(scenario)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "InvalidRequestContent"),
        (b"{", "InvalidRequestContent"),
        (b"[]", "InvalidRequestContent"),
        (b'{"location": "westus", "properties": {"supportedOSType": "Linux", "x": 1}}', "BadRequest"),
        (b'{"location": "westus"}', "InvalidParameter"),
        (b'{"location": "westus", "properties": {}}', "InvalidParameter"),
        (b'{"location": "westus", "properties": {"supportedOSType": "BSD"}}', "InvalidParameter"),
        (b'{"properties": {"supportedOSType": "Linux"}}', "LocationRequired"),
    ],
)
def test_malformed_bodies(content: bytes, code: str) -> None:
    """400, with a target where there is one."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.client.put(APPLICATION, params={"api-version": "2022-03-03"}, content=content)
        assert error(answer) == (400, code)

    with_arm(scenario)


def test_read_only_properties_and_a_byte_order_mark_are_passed_over() -> None:
    """A client may send back what it got."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        body = (await arm.get(GALLERY)).content
        params = {"api-version": "2022-03-03"}
        answer = await arm.client.put(GALLERY, params=params, content=b"\xef\xbb\xbf" + body)
        assert answer.status_code == 200

    with_arm(scenario)


def test_names_are_checked() -> None:
    """A version is three numbers."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.put(VERSION.replace("1.0.0", "latest"), version())
        assert error(answer) == (400, "InvalidParameter")
        assert answer.json()["error"]["target"] == "galleryApplicationVersionName"

    with_arm(scenario)


def test_bounds() -> None:
    """Bodies past the limit, methods and types that do not exist."""

    async def scenario(arm: Arm) -> None:
        answer = await arm.client.put(GALLERY, params={"api-version": "2022-03-03"}, content=b" " * 4_194_305)
        assert error(answer) == (413, "RequestEntityTooLarge")
        assert error(await arm.send("POST", GALLERY, {})) == (405, "HttpMethodNotSupported")
        assert error(await arm.get(f"{GROUP}/providers/Microsoft.Compute/disks")) == (404, "InvalidResourceType")

    with_arm(scenario)


def test_headers_and_latency() -> None:
    """Ids to be quoted in error reports, those of the client given back; latency is slept by the clock."""

    async def scenario(arm: Arm) -> None:
        sent = {
            "x-ms-client-request-id": "mine",
            "x-ms-return-client-request-id": "true",
            "x-ms-correlation-request-id": "ours",
        }
        answer = await arm.client.get(GALLERIES, params={"api-version": "2022-03-03"}, headers=sent)
        assert len(answer.headers["x-ms-request-id"]) == 36
        assert answer.headers["x-ms-correlation-request-id"] == "ours"
        assert answer.headers["x-ms-client-request-id"] == "mine"
        assert answer.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"
        plain = await arm.get(GALLERIES)
        assert "x-ms-client-request-id" not in plain.headers
        assert plain.headers["x-ms-correlation-request-id"] == plain.headers["x-ms-request-id"]

    clock = with_arm(scenario, EmulatorSettings(latency_ms=250))
    assert clock.slept == [0.25, 0.25]


def test_buckets_of_arm() -> None:
    """250 reads at once, 25 more each second; the refusal has Retry-After and no header of a provider."""

    async def scenario(arm: Arm) -> None:
        for left in range(249, -1, -1):
            answer = await arm.get(GALLERIES)
            assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == str(left)
        refused = await arm.get(GALLERIES)
        assert error(refused) == (429, "SubscriptionRequestsThrottled")
        assert refused.headers["retry-after"] == "1"
        assert "x-ms-ratelimit-remaining-resource" not in refused.headers
        arm.clock.seconds += 1
        answers = [(await arm.get(GALLERIES)).status_code for _ in range(26)]
        assert answers == [200] * 25 + [429]
        assert (await arm.client.get("/tenants")).headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"

    with_arm(scenario, EmulatorSettings(throttle=True))


def test_windows_of_the_provider() -> None:
    """50 writes of galleries in three minutes; the refusal names the window and how long to wait."""

    async def scenario(arm: Arm) -> None:
        body = {"location": "westus"}
        for number in range(50):
            assert (await arm.put(f"{GALLERY}{number}", body)).status_code == 201
        refused = await arm.send("PUT", GALLERY, body)
        assert error(refused) == (429, "TooManyRequests")
        assert refused.headers["x-ms-ratelimit-remaining-resource"].startswith(
            "Microsoft.Compute/CreateUpdateGallery3Min;0"
        )
        arm.clock.seconds += math.ceil(int(refused.headers["retry-after"]))
        assert (await arm.put(GALLERY, body)).status_code == 201
        arm.clock.seconds += 1800
        assert (await arm.put(GALLERY, body)).status_code == 200

    with_arm(scenario, EmulatorSettings(throttle=True))


def test_world() -> None:
    """What a test can see and do behind the service's back."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        await arm.put(VERSION, version())

        def drift(body: dict[str, Any]) -> None:
            body["tags"] = {"drifted": "yes"}

        arm.world.edit(VERSION, drift)
        assert (await arm.get(VERSION)).json()["tags"] == {"drifted": "yes"}
        assert arm.world.answer(VERSION) == (await arm.get(VERSION)).json()
        arm.world.edit(VERSION, lambda body: {**body, "tags": {}})
        assert (await arm.get(VERSION)).json()["tags"] == {}
        await arm.send("PUT", VERSION, version())
        arm.world.finish_operations()
        assert (await arm.get(VERSION)).json()["properties"]["provisioningState"] == "Succeeded"
        assert arm.world.ids() == [GALLERY.lower(), APPLICATION.lower(), VERSION.lower()]
        arm.world.remove(VERSION)
        assert arm.world.answer(VERSION) is arm.world.stored(VERSION) is None
        with pytest.raises(KeyError):
            arm.world.edit(VERSION, drift)
        with pytest.raises(KeyError):
            arm.world.seed([("/nothing", {})])

    with_arm(scenario)


def test_dates_of_applications_and_lists_of_definitions() -> None:
    """An application's date is respelled too; one without offset or sense is refused or kept as text."""

    async def scenario(arm: Arm) -> None:
        await arm.prepare()
        answer = await arm.put(APPLICATION, application(endOfLifeDate="2030-12-19T07:00:00.500Z"))
        assert answer.json()["properties"]["endOfLifeDate"] == "2030-12-18T23:00:00.5-08:00"
        assert (await arm.get(DEFINITIONS)).json() == {"value": []}

    with_arm(scenario)
