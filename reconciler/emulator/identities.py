"""
The managed identity of a resource: the ids that Azure makes up for it.

Shape: azure-rest-api-specs, common types, ``managedidentity.json``. A system-assigned identity has ids of its own, each
user-assigned one has those of its own resource. The embedded ARM does not check that such a resource exists.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from reconciler.emulator.signin import TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.kinds.kind import Kind

_IDENTITY: Final = "identity"
_SYSTEM: Final = "systemassigned"
_USER: Final = "userassigned"
_ASSIGNED: Final = "userAssignedIdentities"


def complete_identity(kind: Kind, resource_id: str, sent: Mapping[str, Any], state: dict[str, Any]) -> None:
    """
    Add to the identity in *state*, if there is one, the ids that it has.

    Another type drops the user-assigned identities, unless the request has them: Azure's answer to both is unknown.

    Args:
        kind: Of the resource.
        resource_id: Of the resource.
        sent: The body of the request.
        state: The resource after it.
    """
    live = state.get(_IDENTITY)
    if _IDENTITY not in kind.rules.properties or not isinstance(live, dict):
        return
    types = {part.strip().lower() for part in str(live.get("type", "")).split(",")}
    made = {name: value for name, value in live.items() if name == "type"}
    if _SYSTEM in types:
        made = {"principalId": _made_up("principal", resource_id), "tenantId": TENANT, **made}
    is_sent = _ASSIGNED in sent.get(_IDENTITY, {})
    if _ASSIGNED in live and (is_sent or _USER in types or _IDENTITY not in sent):
        made[_ASSIGNED] = {name: _ids_of(name) for name in live[_ASSIGNED]}
    state[_IDENTITY] = made


def has_identity(state: Mapping[str, Any]) -> bool:
    """Return whether a resource has a managed identity."""
    identity = state.get(_IDENTITY)
    types = str(identity.get("type", "")).lower() if isinstance(identity, dict) else ""
    return _SYSTEM in types or _USER in types


def _ids_of(identity: str) -> dict[str, str]:
    return {"principalId": _made_up("principal", identity), "clientId": _made_up("client", identity)}


def _made_up(role: str, resource_id: str) -> str:
    """Return the same id for the same resource."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{role}:{resource_id.lower()}"))
