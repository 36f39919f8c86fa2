"""A made-up resource type with every annotation, for rules that no real kind shows, and short ways to state things."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.kinds.kind import Kind, compile_kind
from reconciler.kinds.packaged import packaged
from reconciler.manifests.yaml12 import read_documents
from reconciler.problems import Document, Manifest, Source
from tests.kit.stages import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.desired import Desired

TEXT: dict[str, Any] = {"type": ["string", "null"]}
FROZEN: dict[str, Any] = {**TEXT, "x-ms-mutability": ["create", "read"]}
LINK: dict[str, Any] = {**TEXT, "x-normalize": "blob-url", "x-ms-secret": True}

PROPERTIES: dict[str, Any] = {
    "text": TEXT,
    "number": {"type": "integer"},
    "any": {},
    "frozen": FROZEN,
    "forever": {**TEXT, "x-unsettable": False},
    "region": {**TEXT, "x-normalize": "region"},
    "made": {**TEXT, "readOnly": True},
    "provisioningState": {"type": "string", "readOnly": True},
    "picked": {**TEXT, "x-server-populated": True},
    "born": {**FROZEN, "x-server-populated": True},
    "size": {"type": "string", "default": "small"},
    "kept": {**FROZEN, "default": "small"},
    "code": {"type": "string", "x-ms-secret": True},
    "link": LINK,
    "hook": {**TEXT, "x-ms-secret": True},
    "meaning": {"x-normalize": "json"},
    "content": {"type": ["string", "null"], "writeOnly": True},
    "package": {**LINK, "writeOnly": True},
    "inner": {
        "type": ["object", "null"],
        "properties": {"text": TEXT, "frozen": FROZEN, "other": TEXT, "on": {"type": "boolean", "default": True}},
    },
    "map": {"type": ["object", "null"], "additionalProperties": TEXT},
    "words": {"type": ["array", "null"], "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "steps": {"type": ["array", "null"], "items": {"type": "string"}},
    "grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    "flag": {"type": "boolean"},
    "parts": {
        "type": ["array", "null"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name", "at.zone"],
        "x-removal-guard": "properties.flag",
        "x-must-contain": "location",
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "x-normalize": "region"},
                "at": {"type": "object", "properties": {"zone": {"type": "string"}}},
                "count": {"type": "integer", "x-default-from": "properties.number"},
                "frozen": {**FROZEN, "x-default-from": "properties.frozen"},
                "note": TEXT,
                "picked": {**TEXT, "x-server-populated": True},
            },
        },
    },
    "fixed": {"type": "array", "x-ms-mutability": ["create", "read"], "items": {"type": "string"}},
}

ID = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Acme.Widgets/widgets/{widgetName}"


def schema(
    name: str = "Widget", put: str = "replace", versions: Sequence[str] = ("2030-01-01",), **properties: Any
) -> dict[str, Any]:
    """Return the schema of a kind; *properties* are its own instead of all of *PROPERTIES*."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-arm": {
            "type": "Acme.Widgets/widgets",
            "apiVersion": versions[0],
            "apiVersions": [*versions],
            "id": ID,
            "lists": {"resourceGroup": ID.removesuffix("/{widgetName}")},
            "read": "resourceGroup",
            "put": put,
            "operation": "sync",
            "writer": ["subscriptionId", "widgetName"],
        },
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "kind": {"const": name},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "required": ["subscriptionId", "widgetName"],
                "properties": {
                    "subscriptionId": {"type": "string"},
                    "resourceGroupName": {"type": "string"},
                    "widgetName": {"type": "string"},
                    "location": {**FROZEN, "x-normalize": "region"},
                    "tags": {"type": ["object", "null"], "additionalProperties": TEXT},
                    "properties": {"type": ["object", "null"], "properties": properties or PROPERTIES},
                },
            },
        },
    }


WIDGET = compile_kind(schema())
LADDER = compile_kind(
    schema("Ladder", versions=["2030-01-01", "2031-01-01"], **PROPERTIES, late={**TEXT, "x-since": "2031-01-01"})
)
"""A widget with a property that a newer api-version brought."""
MERGING = compile_kind(schema("MergingWidget", "merge"))
KINDS = packaged().kinds
SUBSCRIPTION = "01523d7c-60da-455e-adef-521b547922c4"
NAMES = {"subscriptionId": "s", "resourceGroupName": "g", "widgetName": "w"}

IDENTITY: dict[str, dict[str, str]] = {
    "Gallery": {"subscriptionId": SUBSCRIPTION, "resourceGroupName": "rg", "galleryName": "gallery"},
    "ApplicationDefinition": {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroupName": "rg",
        "applicationDefinitionName": "definition",
    },
}
IDENTITY["GalleryApplication"] = {**IDENTITY["Gallery"], "galleryApplicationName": "agent"}
IDENTITY["GalleryApplicationVersion"] = {
    **IDENTITY["GalleryApplication"],
    "galleryApplicationVersionName": "1.0.0",
}
IDENTITY["GalleryScript"] = {**IDENTITY["Gallery"], "galleryScriptName": "setup"}
IDENTITY["GalleryScriptVersion"] = {**IDENTITY["GalleryScript"], "galleryScriptVersionName": "1.0.0"}
MINIMAL: dict[str, dict[str, Any]] = {
    "Gallery": {"location": "West US"},
    "GalleryApplication": {"location": "West US", "properties": {"supportedOSType": "Linux"}},
    "GalleryApplicationVersion": {
        "location": "West US",
        "properties": {
            "publishingProfile": {
                "source": {"mediaLink": "https://store.blob.core.windows.net/c/p.zip"},
                "manageActions": {"install": "sh install", "remove": "sh remove"},
            }
        },
    },
    "GalleryScript": {"location": "West US", "properties": {"supportedOSType": "Linux"}},
    "GalleryScriptVersion": {
        "location": "West US",
        "properties": {"publishingProfile": {"source": {"scriptLink": "https://store.blob.core.windows.net/c/s.sh"}}},
    },
    "ApplicationDefinition": {
        "location": "West US",
        "properties": {
            "lockLevel": "ReadOnly",
            "packageFileUri": "https://store.blob.core.windows.net/c/d.zip",
            "deploymentPolicy": {"deploymentMode": "Incremental"},
        },
    },
}


def manifest(kind: Kind, spec: Mapping[str, Any], name: str = "m", **annotations: str) -> Manifest:
    """Return a manifest; an annotation's name is written with underscores and without its prefix."""
    notes = {f"reconciler.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    source = Source("m.yaml", 1, 0)
    return Manifest(kind, name, {}, notes, spec, source, lambda path: (len(path), 1))


def desired(body: Mapping[str, Any], kind: Kind = WIDGET, name: str = "m", **annotations: str) -> Desired:
    """Return what is desired by a manifest with this request body."""
    params = NAMES if "widgetName" in kind.parameters else IDENTITY[kind.name]
    (item,), problems = resolve([manifest(kind, {**params, **body}, name, **annotations)], KINDS)
    assert problems == ()
    return item


def widget(kind: Kind = WIDGET, **properties: Any) -> Desired:
    """Return a desired widget with these properties."""
    return desired({"properties": properties}, kind)


def part(name: Any, zone: Any = "1", **more: Any) -> dict[str, Any]:
    """Return an element of the widgets' list that is keyed by two paths, one of them dotted."""
    return {"name": name, "at": {"zone": zone}, **more}


def minimal(name: str, **changes: Any) -> Desired:
    """Return the smallest valid resource of a real kind, its body's properties changed."""
    body = MINIMAL[name]
    return desired({**body, "properties": {**body.get("properties", {}), **changes}}, KINDS[name])


def document(value: Mapping[str, Any], file: str = "m.yaml", line: int = 1) -> Document:
    """Return a document whose every path is one line below its parent's."""
    return Document(dict(value), Source(file, line, 0), lambda path: (line + len(path), 1))


def stated(name: str, **changes: Any) -> dict[str, Any]:
    """Return the smallest valid document of a real kind, its spec's fields changed."""
    return {
        "apiVersion": "reconciler.dev/v1",
        "kind": name,
        "metadata": {"name": name.lower()},
        "spec": {**IDENTITY[name], **MINIMAL[name], **changes},
    }


def read(text: str, file: str = "m.yaml") -> Document:
    """Return the one document that *text* holds."""
    (only,), problems = read_documents(text.encode(), file)
    assert problems == []
    return only


def sealed(kind: Kind, **properties: Any) -> dict[str, Any]:
    """Return a live body with these properties as ARM's answers are kept, secrets sealed."""
    return dict(kind.seal({"id": "x", "name": "w", "properties": properties}))


def at(item: Desired, line: int) -> Desired:
    """Return the same resource, stated in another line."""
    return replace(item, source=replace(item.source, line=line))
