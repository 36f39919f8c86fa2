"""
The artifacts that the Solutions provider makes from a definition's package.

A template in a storage account of the service, under a GUID, and two files behind ARM. They stayed the same when the
same package was sent again (azure-cli, recording ``test_managedappdef``); that a new one gets a new GUID is inferred.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from reconciler.emulator.trees import at
from reconciler.kinds.normal_forms import blob_url, canonical, json_text
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.emulator.facts import Facts

_BLOBS: Final = "https://applianceprovisioning.blob.core.windows.net/applicationdefinitions"
_FILES: Final = ("CreateUiDefinition", "MainTemplateParameters")
_FILES_API_VERSION: Final = "2017-09-01"


def make(facts: Facts, resource_id: str, state: dict[str, Any]) -> list[dict[str, str]]:
    """Return the artifacts of the package in *state*."""
    template = f"{_BLOBS}/{_package_guid(facts, resource_id, state)}/applicationResourceTemplate.json"
    files = [
        {
            "name": name,
            "uri": f"{resource_id}/applicationArtifacts/{name}?api-version={_FILES_API_VERSION}",
            "type": "Custom",
        }
        for name in _FILES
    ]
    return [{"name": "ApplicationResourceTemplate", "uri": template, "type": "Template"}, *files]


def _package_guid(facts: Facts, resource_id: str, state: dict[str, Any]) -> uuid.UUID:
    parts = [_fingerprint(at(state, path)) for way in facts.packages for path in way]
    text = "\n".join([resource_id.lower(), *parts])
    return uuid.UUID(bytes=hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16], version=4)


def _fingerprint(value: Any) -> str:
    if value is MISSING:
        return ""
    meant = json_text(value)
    return blob_url(meant) if isinstance(meant, str) else canonical(meant)
