"""
The endpoints around the resource types that other clients request: az, the Azure SDKs, Terraform, PowerShell.

Subscriptions, resource groups, registrations; cloud metadata and sign-in are in :mod:`reconciler.emulator.signin`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.calls import Call, Reply, json_reply
from reconciler.emulator.checks import parse
from reconciler.emulator.errors import Refused, group_not_found, has_children
from reconciler.emulator.provider import DEFAULT_LOCATION, group_key
from reconciler.emulator.regions import DISPLAY_NAMES, short_name
from reconciler.emulator.routes import Route, route
from reconciler.emulator.signin import TENANT, sign_in_routes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.emulator.provider import Provider
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.emulator.store import Store

_SUBSCRIPTION: Final = "/subscriptions/{subscriptionId}"
_GROUP: Final = _SUBSCRIPTION + "/resourcegroups/{resourceGroupName}"
_FIRST_SUBSCRIPTION: Final = "00000000-0000-4000-8000-000000000003"


def foreign_routes(store: Store, settings: EmulatorSettings, types: Sequence[Provider]) -> tuple[Route, ...]:
    """Return the routes of everything around the resource types."""
    groups = _Groups(store, settings)
    providers = _Providers(store, types)
    return (
        *sign_in_routes(),
        route("/tenants", GET=_tenants),
        route("/subscriptions", GET=lambda _: json_reply(HTTPStatus.OK, {"value": _subscriptions(store)})),
        route(_SUBSCRIPTION, GET=lambda call: json_reply(HTTPStatus.OK, _subscription(call.params["subscriptionId"]))),
        route(_SUBSCRIPTION + "/locations", GET=_locations),
        route(_SUBSCRIPTION + "/resourcegroups", GET=groups.list),
        route(_GROUP, GET=groups.get, HEAD=groups.head, PUT=groups.put, DELETE=groups.delete),
        route(_SUBSCRIPTION + "/providers", GET=providers.list),
        route(_SUBSCRIPTION + "/providers/{namespace}", GET=providers.get),
        route(_SUBSCRIPTION + "/providers/{namespace}/register", POST=providers.register),
        route(_SUBSCRIPTION + "/providers/{namespace}/unregister", POST=providers.unregister),
    )


def _tenants(_: Call) -> Reply:
    tenant = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Emulator", "tenantCategory": "Home"}
    return json_reply(HTTPStatus.OK, {"value": [tenant]})


def _subscriptions(store: Store) -> list[dict[str, Any]]:
    """Those in use. An empty world has one as well, because az ends its sign-in with an error where it sees none."""
    return [_subscription(name) for name in store.subscriptions() or [_FIRST_SUBSCRIPTION]]


def _subscription(name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{name}",
        "subscriptionId": name,
        "tenantId": TENANT,
        "displayName": "Emulator",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "Emulator",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def _locations(call: Call) -> Reply:
    base = f"/subscriptions/{call.params['subscriptionId']}/locations"
    value = [
        {"id": f"{base}/{short_name(name)}", "name": short_name(name), "displayName": name, "regionalDisplayName": name}
        for name in DISPLAY_NAMES
    ]
    return json_reply(HTTPStatus.OK, {"value": value})


def new_group(subscription: str, name: str, sent: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the answer of a resource group."""
    resource_id = f"/subscriptions/{subscription}/resourceGroups/{name}"
    body = {
        "id": resource_id,
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": short_name(str(sent.get("location", DEFAULT_LOCATION))),
        **({"tags": sent["tags"]} if sent.get("tags") is not None else {}),
        "properties": {"provisioningState": "Succeeded"},
    }
    return resource_id.lower(), orjson.dumps(body).decode()


class _Groups:
    """Resource groups."""

    def __init__(self, store: Store, settings: EmulatorSettings) -> None:
        self._store = store
        self._strict = settings.strict_groups

    def get(self, call: Call) -> Reply:
        name = call.params["resourceGroupName"]
        body = self._store.group(group_key(call))
        if body is None and self._strict:
            raise group_not_found(name)
        return Reply(HTTPStatus.OK, (body or new_group(call.params["subscriptionId"], name, {})[1]).encode())

    def head(self, call: Call) -> Reply:
        return Reply(
            HTTPStatus.NO_CONTENT if self._store.group(group_key(call)) or not self._strict else HTTPStatus.NOT_FOUND
        )

    def put(self, call: Call) -> Reply:
        sent = parse(call.content)
        if not sent.get("location"):
            raise Refused(
                HTTPStatus.BAD_REQUEST, "LocationRequired", "The location property is required for this definition."
            )
        key, body = new_group(call.params["subscriptionId"], call.params["resourceGroupName"], sent)
        with self._store.writing():
            existed = self._store.group(key) is not None
            self._store.save_group(key, body)
        return Reply(HTTPStatus.OK if existed else HTTPStatus.CREATED, body.encode())

    def delete(self, call: Call) -> Reply:
        """Delete an empty group. Real ARM deletes its resources too; here such a group is refused, as by a lock."""
        with self._store.writing():
            if self._store.has_children(group_key(call), call.now):
                raise has_children()
            self._store.remove_group(group_key(call))
        return Reply(HTTPStatus.OK)

    def list(self, call: Call) -> Reply:
        prefix = f"/subscriptions/{call.params['subscriptionId']}/resourcegroups/".lower()
        return Reply(HTTPStatus.OK, f'{{"value":[{",".join(self._store.groups(prefix))}]}}'.encode())


class _Providers:
    """Registrations of resource providers."""

    def __init__(self, store: Store, types: Sequence[Provider]) -> None:
        self._store = store
        self._types: dict[str, list[Provider]] = {}
        for provider in types:
            self._types.setdefault(provider.namespace, []).append(provider)

    def get(self, call: Call) -> Reply:
        return json_reply(HTTPStatus.OK, self._body(call.params["subscriptionId"], call.params["namespace"]))

    def list(self, call: Call) -> Reply:
        return json_reply(
            HTTPStatus.OK, {"value": [self._body(call.params["subscriptionId"], name) for name in self._types]}
        )

    def register(self, call: Call) -> Reply:
        return self._changed(call, registered=True)

    def unregister(self, call: Call) -> Reply:
        return self._changed(call, registered=False)

    def _changed(self, call: Call, *, registered: bool) -> Reply:
        self._store.register(call.params["subscriptionId"], call.params["namespace"], registered=registered)
        return self.get(call)

    def _body(self, subscription: str, namespace: str) -> dict[str, Any]:
        name = next((name for name in self._types if name.lower() == namespace.lower()), namespace)
        registered = self._store.is_registered(subscription, name)
        types = [
            {
                "resourceType": provider.kind.resource_type.partition("/")[2],
                "locations": list(DISPLAY_NAMES),
                "apiVersions": list(reversed(provider.known)),
            }
            for provider in self._types.get(name, ())
            if provider.known
        ]
        return {
            "id": f"/subscriptions/{subscription}/providers/{name}",
            "namespace": name,
            "registrationState": "Registered" if registered else "NotRegistered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": types,
        }
