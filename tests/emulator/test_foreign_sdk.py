"""Microsoft's own clients against the embedded ARM, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.managedapplications import ManagedApplicationsMgmtClient

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from tests.kit.emulator import SUBSCRIPTION, application, definition, version
from tests.kit.sdk import AnyCredential, PlainAuthentication

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def base_url() -> Iterator[str]:
    """Yield the URL of an embedded ARM whose operations take a moment."""
    with serve_in_thread(create_app(EmulatorSettings(operation_seconds=0.05), SystemClock())) as url:
        yield url


def _options(base_url: str) -> dict[str, Any]:
    return {
        "base_url": base_url,
        "credential_scopes": ["any"],
        "authentication_policy": PlainAuthentication(),
        "polling_interval": 0.02,
    }


def test_compute_client(base_url: str) -> None:
    """Create, get, list, update and delete galleries, applications and versions."""
    client: Any
    with ComputeManagementClient(AnyCredential(), SUBSCRIPTION, **_options(base_url)) as client:
        gallery = client.galleries.begin_create_or_update("rg", "tools", {"location": "westus"}).result()
        assert gallery.provisioning_state == "Succeeded"
        names = ("rg", "tools", "agent")
        made = client.gallery_applications.begin_create_or_update(*names, application()).result()
        assert made.supported_os_type == "Linux"
        versions = client.gallery_application_versions
        poller = versions.begin_create_or_update(*names, "1.0.0", version())
        assert poller.result().provisioning_state == "Succeeded"
        got = versions.get(*names, "1.0.0", expand="ReplicationStatus")
        assert got.replication_status.aggregated_state == "Completed"
        assert got.publishing_profile.target_regions[0].name == "East US 2"
        changed = version()
        changed["properties"]["publishingProfile"]["excludeFromLatest"] = True
        assert versions.begin_update(*names, "1.0.0", changed).result().publishing_profile.exclude_from_latest is True
        assert [each.name for each in versions.list_by_gallery_application(*names)] == ["1.0.0"]
        assert [each.name for each in client.galleries.list()] == ["tools"]
        versions.begin_delete(*names, "1.0.0").result()
        with pytest.raises(ResourceNotFoundError) as missing:
            versions.get(*names, "1.0.0")
        assert missing.value.error
        assert missing.value.error.code == "ResourceNotFound"


def test_managed_applications_client(base_url: str) -> None:
    """Create, get, list, update and delete definitions."""
    client: Any
    with ManagedApplicationsMgmtClient(AnyCredential(), SUBSCRIPTION, **_options(base_url)) as client:
        definitions = client.application_definitions
        made = definitions.create_or_update("rg", "suite", definition())
        assert made.lock_level == "None"
        assert definitions.get("rg", "suite").artifacts[0].name == "ApplicationResourceTemplate"
        assert [each.name for each in definitions.list_by_resource_group("rg")] == ["suite"]
        assert definitions.update("rg", "suite", {"tags": {"a": "b"}}).tags == {"a": "b"}
        definitions.delete("rg", "suite")
        assert list(definitions.list_by_subscription()) == []
