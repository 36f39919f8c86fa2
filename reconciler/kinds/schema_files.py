"""The schemas as files for editors: of whole manifests, of overlays, and of the project file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from reconciler.kinds.registry import Registry
    from reconciler.values import JsonObject

PROJECT: Final = "Project"
_WHOLE: Final = frozenset(
    {"allOf", "anyOf", "dependentRequired", "dependentSchemas", "if", "not", "oneOf", "then", "else"}
)
"""Keywords about several keys together, which a part of a manifest need not satisfy."""


def schemas(registry: Registry) -> dict[str, JsonObject]:
    """Return the schemas of manifests and of the project file, by kind."""
    return {**{name: kind.schema for name, kind in registry.kinds.items()}, PROJECT: registry.documents[PROJECT]}


def partial_schema(schema: JsonObject) -> dict[str, Any]:
    """Return the schema of an overlay document, which is merged into a manifest of *schema* (RFC 7386)."""
    found = _partial(schema)
    found["required"] = ["apiVersion", "kind", "metadata"]
    found["$id"] = str(schema["$id"]).replace(".schema.json", ".partial.schema.json")
    found["title"] = f"{schema['title']} (overlay)"
    properties = found["properties"] = dict(found["properties"])
    for name in ("apiVersion", "kind"):
        properties[name] = schema["properties"][name]
    metadata = properties["metadata"] = {**properties["metadata"], "type": "object", "required": ["name"]}
    metadata["properties"] = {**metadata["properties"], "name": schema["properties"]["metadata"]["properties"]["name"]}
    return found


def _partial(node: JsonObject) -> dict[str, Any]:
    """Return *node* with every key optional, and null, which removes a value, in place of any value."""
    about_several = "properties" in node
    dropped = _WHOLE | {"required"} if about_several else frozenset({"required"})
    found = {key: value for key, value in node.items() if key not in dropped}
    for keyword in ("properties", "patternProperties"):
        if isinstance(node.get(keyword), Mapping):
            found[keyword] = {name: _partial(child) for name, child in node[keyword].items()}
    if isinstance(node.get("additionalProperties"), Mapping):
        found["additionalProperties"] = _partial(node["additionalProperties"])
    if "type" in node:
        types = node["type"] if isinstance(node["type"], list) else [node["type"]]
        found["type"] = [*types, *(["null"] if "null" not in types else [])]
    if "enum" in node and None not in node["enum"]:
        found["enum"] = [*node["enum"], None]
    return found


def file_texts(registry: Registry, *, partial: bool = False) -> dict[str, str]:
    """Return the schemas by file name; with *partial* those of overlays."""
    if partial:
        parts = {name: partial_schema(kind.schema) for name, kind in registry.kinds.items()}
        return {f"{name}.partial.schema.json": as_text(schema) for name, schema in parts.items()}
    return {f"{name}.schema.json": as_text(schema) for name, schema in schemas(registry).items()}


def as_text(schema: JsonObject) -> str:
    """Return a schema as a text to print or to write."""
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"
