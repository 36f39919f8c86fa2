"""
Builds the JSON answer for a resource: omitted fields, their order and the state.

Pure: time is an argument.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.emulator.regions import short_name
from reconciler.emulator.times import utc_stamp
from reconciler.emulator.trees import at, copied, holders, put
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.emulator.facts import Facts
    from reconciler.emulator.store import Item, Row
    from reconciler.emulator.trees import Path
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.replication import HealthRule

SUCCEEDED: Final = "Succeeded"
_PERCENT: Final = 100


def render(kind: Kind, facts: Facts, resource_id: str, state: Mapping[str, Any], provisioning_state: str) -> str:
    """
    Return the answer's text.

    Args:
        kind: Says which properties are never returned.
        facts: Say how the type is answered.
        resource_id: As spelled by the PUT that created the resource.
        state: The resource as the service knows it.
        provisioning_state: Shown if the type has one.
    """
    body: dict[str, Any] = copied(dict(state))
    for path in kind.write_only_paths:
        for holder in list(holders(body, path)):
            del holder[path[-1]]
    if facts.has_state:
        body.setdefault("properties", {})["provisioningState"] = provisioning_state
    body |= {"name": resource_id.rsplit("/", 1)[1], "id": resource_id, "type": kind.resource_type}
    return orjson.dumps(_ordered(body, tuple(name.split(".") for name in facts.order))).decode()


def _ordered(body: dict[str, Any], order: tuple[list[str], ...]) -> dict[str, Any]:
    """Return *body* with its keys in the order of the paths that begin with them."""
    heads = dict.fromkeys(path[0] for path in order)
    result: dict[str, Any] = {}
    for key in [*(key for key in heads if key in body), *(key for key in body if key not in heads)]:
        below = tuple(path[1:] for path in order if path[0] == key and len(path) > 1)
        value = body[key]
        result[key] = _ordered(value, below) if below and isinstance(value, dict) else value
    return result


def without_link_queries(facts: Facts, text: str) -> str:
    """Return an answer with its package links cut at the query part."""
    body = orjson.loads(text)
    for path in facts.links:
        for holder in holders(body, path):
            holder[path[-1]] = str(holder[path[-1]]).partition("?")[0]
    return orjson.dumps(body).decode()


def with_default(text: str, path: Path, value: Mapping[str, Any]) -> str:
    """Return an answer with *value* at *path* if the path is absent."""
    body = orjson.loads(text)
    if at(body, path) is MISSING:
        put(body, path, value)
    return orjson.dumps(body).decode()


def with_public_names(text: str, prefix: Path, names: Path) -> str:
    """Return an answer with the complete public name in place of its prefix."""
    body = orjson.loads(text)
    for holder in list(holders(body, prefix)):
        completed = f"{holder.pop(prefix[-1])}-{uuid.uuid5(uuid.NAMESPACE_URL, body['id'].lower())}"
        put(body, names, [completed])
    return orjson.dumps(body).decode()


def with_server_fields(text: str, row: Row | Item) -> str:
    """Return an answer with a state, an etag after an update, ``systemData``, and its type in lower case."""
    body = orjson.loads(with_system_data(text, row))
    body["properties"]["provisioningState"] = SUCCEEDED
    if row.changed > row.created:
        body["etag"] = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    return orjson.dumps({**body, "type": body["type"].lower()}).decode()


def with_system_data(text: str, row: Row | Item) -> str:
    """Return an answer as newer api-versions have it."""
    data = {
        "createdBy": row.creator,
        "createdByType": _type_of(row.creator),
        "createdAt": utc_stamp(row.created),
        "lastModifiedBy": row.writer,
        "lastModifiedByType": _type_of(row.writer),
        "lastModifiedAt": utc_stamp(row.changed),
    }
    return f'{text[:-1]},"systemData":{orjson.dumps(data).decode()}}}'


def _type_of(name: str) -> str:
    return "User" if "@" in name else "Application"


def with_replication(rule: HealthRule, facts: Facts, text: str, row: Row, now: float) -> str:
    """
    Return an answer with the replication status, where *rule* has it.

    Its regions have short names, unlike those of ``targetRegions`` (azure-sdk-for-net, session record
    ``GalleryApplicationVersion_CRUD_Tests``). A type without a list of regions is in that of its location.
    """
    body = orjson.loads(text)
    regions = at(body, facts.region_list) if facts.region_list else [{"name": body["location"]}]
    state, aggregated = _replication_state(body, row, now)
    progress = _progress(row, now) if state == "Replicating" else _PERCENT * (state == "Completed")
    names = [region["name"] for region in regions] if regions is not MISSING else []
    last = body["properties"].pop("provisioningState", SUCCEEDED)
    put(body, rule.state, aggregated)
    put(body, rule.parts, [_part(rule, short_name(name), state, progress) for name in names])
    if facts.has_state:
        body["properties"]["provisioningState"] = last
    return orjson.dumps(body).decode()


def _part(rule: HealthRule, region: str, state: str, progress: int) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for path, value in ((rule.name, region), (rule.part_state, state), (rule.messages, "")):
        put(part, path, value)
    return {**part, "progress": progress}


def _replication_state(body: Mapping[str, Any], row: Row, now: float) -> tuple[str, str]:
    if row.ends > now:
        return "Replicating", "InProgress"
    has_succeeded = at(body, ("properties", "provisioningState")) in {SUCCEEDED, MISSING}
    return ("Completed", "Completed") if has_succeeded else ("Failed",) * 2


def _progress(row: Row, now: float) -> int:
    return int(_PERCENT * (now - row.started) / max(row.ends - row.started, 1e-9))


def with_sharing_groups(text: str) -> str:
    """Return a gallery's answer to ``$select=Permissions`` or ``$expand=SharingProfile/Groups``: no groups."""
    body = orjson.loads(text)
    profile = body.setdefault("properties", {}).setdefault("sharingProfile", {})
    profile.setdefault("permissions", "Private")
    profile.setdefault("groups", [])
    return orjson.dumps(body).decode()
