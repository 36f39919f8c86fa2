"""A draft of a schema: from an SDK or an OpenAPI document, and whole but for annotations."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.kind import compile_kind
from reconciler.kinds.packaged import packaged
from tests.draft import openapi, sdk
from tests.draft.schema import as_text, draft
from tests.kit.repository import ROOT
from tests.kit.schema_facts import described, walk
from tests.kit.synthetic import IDENTITY

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE: Final = "azure.mgmt.compute"
GROUP: Final = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
URL: Final = f"{GROUP}/Microsoft.Compute/galleries/{{galleryName}}/scripts/{{galleryScriptName}}"
TEXT: Final = {"type": "string"}
DOCUMENT: Final[dict[str, Any]] = {
    "swagger": "2.0",
    "info": {"title": "Gallery", "version": "2025-03-03"},
    "paths": {
        URL: {
            "put": {
                "parameters": [{"in": "body", "name": "body", "schema": {"$ref": "#/definitions/GalleryScript"}}],
            }
        }
    },
    "definitions": {
        "GalleryScript": {
            "allOf": [{"$ref": "common.json#/definitions/TrackedResource"}],
            "properties": {"properties": {"$ref": "#/definitions/GalleryScriptProperties"}},
        },
        "GalleryScriptProperties": {
            "type": "object",
            "required": ["supportedOSType"],
            "properties": {
                "description": {"type": "string", "description": "About the script."},
                "eula": {"type": "string", "maxLength": 100},
                "privacyStatementUri": TEXT,
                "releaseNoteUri": TEXT,
                "endOfLifeDate": {"type": "string", "format": "date-time"},
                "supportedOSType": {
                    "type": "string",
                    "enum": ["Windows", "Linux"],
                    "x-ms-enum": {"name": "OperatingSystemTypes", "modelAsString": True},
                },
                "provisioningState": {
                    "type": "string",
                    "readOnly": True,
                    "enum": ["Creating", "Updating", "Failed", "Succeeded", "Deleting", "Migrating"],
                    "x-ms-enum": {"name": "GalleryProvisioningState", "modelAsString": True},
                },
            },
        },
    },
}
KINDS_OF_WRITERS: Final = ["User", "Application", "ManagedIdentity", "Key"]
WRITER: Final = {"type": "string", "enum": KINDS_OF_WRITERS, "x-ms-enum": {"modelAsString": True}}
DATE: Final = {"type": "string", "format": "date-time"}
SYSTEM_DATA: Final = {"createdBy": TEXT, "createdByType": WRITER, "createdAt": DATE}
SYSTEM_DATA_LATER: Final = {"lastModifiedBy": TEXT, "lastModifiedByType": WRITER, "lastModifiedAt": DATE}
COMMON: Final[dict[str, Any]] = {
    "definitions": {
        "TrackedResource": {
            "type": "object",
            "required": ["location"],
            "properties": {
                **{name: {**TEXT, "readOnly": True} for name in ("id", "name", "type")},
                "location": TEXT,
                "tags": {"type": "object", "additionalProperties": TEXT},
                "systemData": {"readOnly": True, "properties": {**SYSTEM_DATA, **SYSTEM_DATA_LATER}},
            },
        }
    }
}
KNOWN: Final = {name: kind for name, kind in packaged().kinds.items() if not name.startswith("GalleryScript")}


@pytest.fixture(name="document")
def _document(tmp_path: Path) -> Path:
    (tmp_path / "common.json").write_text(json.dumps(COMMON), "utf-8")
    (tmp_path / "gallery.json").write_text(json.dumps(DOCUMENT), "utf-8")
    return tmp_path / "gallery.json"


def from_sdk(name: str) -> dict[str, Any]:
    """Return the draft of a kind from the models of the SDK."""
    known = {other: kind for other, kind in KNOWN.items() if other != name}
    return draft(name, sdk.describe(PACKAGE, name), *sdk.find_url(PACKAGE, name), known)


def from_document(document: Path) -> dict[str, Any]:
    """Return the draft of GalleryScript from an OpenAPI document."""
    name = "GalleryScript"
    return draft(name, openapi.describe(document, name), *openapi.find_url(document, name), KNOWN)


def facts(schema: dict[str, Any], *parameters: str) -> dict[str, Any]:
    """Return the facts of a body, without the limits that no model has."""
    nodes = tuple(walk(schema, schema["properties"]["spec"]))[1:]
    found = {node.path: described(node, newest=True) for node in nodes if node.path not in parameters}
    return {path: fact._replace(min_length=None, max_length=None) for path, fact in found.items()}


@pytest.mark.parametrize("name", ["Gallery", "GalleryApplication", "GalleryScript", "GalleryScriptVersion"])
def test_a_draft_is_a_schema_of_a_kind(name: str) -> None:
    """It is sound, it compiles, and only annotations and descriptions are missing from it."""
    made = from_sdk(name)
    Draft202012Validator.check_schema(made)
    kind = compile_kind(made)
    assert kind.name == name
    for node in walk(made, made["properties"]["spec"]):
        assert node.schema["description"], node.path
        assert node.schema["type"], node.path
    text = as_text(made)
    assert json.loads(text) == made
    assert '"required": ["apiVersion", "kind", "metadata", "spec"],\n' in text


def test_a_draft_of_a_shipped_kind_has_its_facts() -> None:
    """The names, types and marks that people would otherwise copy; annotations are theirs to add."""
    shipped = packaged().kinds["GalleryApplication"]
    made, mine = facts(from_sdk(shipped.name), *shipped.parameters), facts(dict(shipped.schema), *shipped.parameters)
    assert made.keys() == mine.keys()
    differing = {
        path for path, fact in mine.items() if fact._replace(is_open=False) != made[path]._replace(is_open=False)
    }
    assert differing == set()
    compiled = compile_kind(from_sdk(shipped.name))
    assert (compiled.id_template, compiled.resource_type, compiled.parent, dict(compiled.lists)) == (
        shipped.id_template,
        shipped.resource_type,
        shipped.parent,
        dict(shipped.lists),
    )


def test_both_sources_give_one_draft(document: Path) -> None:
    """Apart from limits, sentences and the api-version, which the package does not tell."""
    sdk_made, made = from_sdk("GalleryScript"), from_document(document)
    assert facts(made) == facts(sdk_made)
    assert made["x-arm"] == {**sdk_made["x-arm"], **dict.fromkeys(("apiVersion", "systemData"), "2025-03-03")} | {
        "apiVersions": ["2025-03-03"]
    }
    assert made["properties"]["spec"]["properties"]["properties"]["properties"]["eula"]["maxLength"] == 100


def test_a_draft_has_the_facts_of_the_kind_that_was_made_from_it(document: Path) -> None:
    """What people added are annotations, descriptions and limits."""
    shipped = packaged().kinds["GalleryScript"]
    mine = facts(dict(shipped.schema), *shipped.parameters)
    for made in (from_document(document), from_sdk(shipped.name)):
        assert facts(made, *shipped.parameters) == mine
        assert compile_kind(made).lists == shipped.lists
        assert {name: made["x-arm"][name] for name in ("type", "id", "parent", "read", "put", "operation")} == {
            name: shipped.schema["x-arm"][name] for name in ("type", "id", "parent", "read", "put", "operation")
        }
    version = packaged().kinds["GalleryScriptVersion"]
    drafted = facts(from_sdk(version.name), *version.parameters)
    assert {path for path in drafted if "encryption." not in path} == facts(
        dict(version.schema), *version.parameters
    ).keys()


def test_a_draft_takes_a_manifest(document: Path) -> None:
    """As it is, before any annotation is added."""
    spec = {**IDENTITY["Gallery"], "galleryScriptName": "setup", "location": "West US"}
    head = {"apiVersion": "reconciler.dev/v1", "kind": "GalleryScript", "metadata": {"name": "setup"}}
    properties = {"supportedOSType": "Linux", "eula": None}
    manifest = {**head, "spec": {**spec, "properties": properties}}
    validator = jsonschema_rs.validator_for(from_document(document))
    assert validator.is_valid(manifest)
    properties["provisioningState"] = "Succeeded"
    assert not validator.is_valid(manifest)


def test_the_command_prints_a_draft_and_what_is_left(document: Path) -> None:
    """The draft alone goes to standard output, so that it can be written to a file."""
    command = [sys.executable, "-m", "tests.draft", "GalleryScript", "--openapi", str(document)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["x-arm"]["type"] == "Microsoft.Compute/galleries/scripts"
    assert "properties.supportedOSType" in done.stderr
    assert "provisioningState" not in done.stderr
    unknown = subprocess.run([*command[:3], "Unknown", *command[4:]], cwd=ROOT, capture_output=True, check=False)
    assert unknown.returncode != 0
    assert b"--url" in unknown.stderr
