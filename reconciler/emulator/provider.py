"""Checks of every call to a resource type: version, group, registration, names and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.errors import group_not_found, not_registered
from reconciler.emulator.regions import short_name
from reconciler.emulator.service import Subject
from reconciler.emulator.versions import refusal

if TYPE_CHECKING:
    from reconciler.emulator.calls import Call
    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.emulator.store import Store
    from reconciler.emulator.throttle import Throttle
    from reconciler.emulator.versions import Lag
    from reconciler.kinds.kind import Kind

DEFAULT_LOCATION: Final = "westus"
"""Region of a resource group that was never created."""


@dataclass(frozen=True, slots=True)
class Provider:
    """
    One resource type, and the dependencies of its handlers.

    Attributes:
        versions: The api-versions of the type, ascending.
        lag: Says which of them the cloud knows.
    """

    kind: Kind
    facts: Facts
    versions: tuple[str, ...]
    lag: Lag
    store: Store
    settings: EmulatorSettings
    throttle: Throttle

    @property
    def namespace(self) -> str:
        """Of the resource provider, such as ``Microsoft.Compute``."""
        return self.kind.resource_type.partition("/")[0]

    def check_version(self, call: Call) -> None:
        """
        Refuse a request without an api-version that the cloud knows of the type.

        Raises:
            Refused: 400 or 404.
        """
        version, newest = call.api_version, self.lag.newest(self.kind.resource_type)
        if version > newest or version not in self.versions:
            form = self.settings.version_error
            raise refusal(self.kind, version, self.known, form, short_name(self.location(call)))

    @property
    def known(self) -> tuple[str, ...]:
        """The api-versions that the cloud knows of the type, ascending."""
        newest = self.lag.newest(self.kind.resource_type)
        return tuple(version for version in self.versions if version <= newest)

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
        where = (call.now, self.location(call), self.settings, call.api_version)
        return Subject(self.kind, self.facts, resource_id, call.params, *where)

    def location(self, call: Call) -> str:
        """Return the location of the resource group that a request names."""
        stored = self.store.group(group_key(call)) if "resourceGroupName" in call.params else None
        group: dict[str, Any] = orjson.loads(stored) if stored else {}
        return str(group.get("location", DEFAULT_LOCATION))


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
