"""Checks of every call to a resource type: version, group, registration, names and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.errors import group_not_found, not_registered, unknown_api_version
from reconciler.emulator.service import Subject

if TYPE_CHECKING:
    from reconciler.emulator.calls import Call
    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.emulator.store import Store
    from reconciler.emulator.throttle import Throttle
    from reconciler.kinds.kind import Kind

DEFAULT_LOCATION: Final = "westus"
"""Region of a resource group that was never created."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One resource type, and the dependencies of its handlers."""

    kind: Kind
    facts: Facts
    store: Store
    settings: EmulatorSettings
    throttle: Throttle

    @property
    def namespace(self) -> str:
        """Of the resource provider, such as ``Microsoft.Compute``."""
        return self.kind.resource_type.partition("/")[0]

    def check_version(self, call: Call) -> None:
        """
        Refuse a request without an api-version that the type has.

        Raises:
            Refused: 400.
        """
        known = {*self.facts.api_versions, self.kind.api_version}
        if call.api_version not in known:
            short = self.kind.resource_type.partition("/")[2]
            raise unknown_api_version(short, call.api_version, sorted(known))

    def check_group(self, call: Call) -> None:
        """
        Refuse a request to a resource group that must have been created and was not.

        Raises:
            Refused: 404.
        """
        group = call.params.get("resourceGroupName")
        if group and self.settings.strict_groups and self.store.group(group_key(call)) is None:
            raise group_not_found(group)

    def check_registration(self, call: Call) -> None:
        """
        Refuse a request to a provider that the subscription has not registered.

        Raises:
            Refused: 409.
        """
        if not self.store.is_registered(call.params["subscriptionId"], self.namespace):
            raise not_registered(self.namespace)

    def rate_headers(self, call: Call) -> dict[str, str]:
        """
        Count a call to one resource. Lists carry no such header, nor does the Solutions provider.

        Raises:
            Refused: 429.
        """
        limit = self.facts.limits.get(call.method)
        if limit is None:
            return {}
        return self.throttle.admit_resource(limit, call.params["subscriptionId"].lower(), call.ticks)

    def resource_id(self, call: Call) -> str:
        """Return the id as this request spells it."""
        return self.kind.id_template.format_map(dict(call.params))

    def slot(self, call: Call) -> str:
        """Return the name of the one writer at a time."""
        return f"{self.namespace}/{self.kind.writer_slot(call.params)}".lower()

    def subject(self, call: Call, resource_id: str) -> Subject:
        """Return the resource as the rules of the service see it."""
        stored = self.store.group(group_key(call))
        group: dict[str, Any] = orjson.loads(stored) if stored else {}
        location = str(group.get("location", DEFAULT_LOCATION))
        return Subject(self.kind, self.facts, resource_id, call.params, call.now, location, self.settings)


def group_key(call: Call) -> str:
    """Return the key of the resource group that a request names."""
    return f"/subscriptions/{call.params['subscriptionId']}/resourcegroups/{call.params['resourceGroupName']}".lower()


def name_below_provider(resource_id: str) -> str:
    """Return type and name as ARM's messages have them: ``Microsoft.Compute/galleries/g``."""
    return resource_id.rpartition("/providers/")[2]


def parent_of(resource_id: str) -> str:
    """Return the id above that of a nested resource."""
    return resource_id.rsplit("/", 2)[0]


def nested_name(resource_id: str) -> str:
    """Return the names in an id without its types: ``gallery/application``."""
    return "/".join(name_below_provider(resource_id).split("/")[2::2])
