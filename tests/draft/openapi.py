"""Reads resource types from OpenAPI documents, version 2, as azure-rest-api-specs has them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.draft.described import Described

_DATES: Final = frozenset({"date-time"})
Json = Mapping[str, Any]


def describe(file: Path, name: str) -> Described:
    """Return a definition of a document, references resolved, also those into other files."""
    return _described(load(file)["definitions"][name], file, required=False)


def find_url(file: Path, name: str) -> tuple[str, str]:
    """
    Return the URL whose PUT takes the definition as its body, and the api-version of the document.

    Raises:
        LookupError: No PUT takes it.
    """
    document = load(file)
    for url, operations in document["paths"].items():
        bodies = [each for each in operations.get("put", {}).get("parameters", ()) if each.get("in") == "body"]
        if any(each["schema"].get("$ref", "").endswith(f"/{name}") for each in bodies):
            return str(url), str(document["info"]["version"])
    message = f"no PUT of {file} takes {name} as its body: pass --url"
    raise LookupError(message)


def load(file: Path) -> dict[str, Any]:
    """Return the content of one document."""
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def resolve(node: Json, file: Path) -> tuple[Json, Path]:
    """Return a node without its reference, and the document it came from."""
    while "$ref" in node:
        target, _, pointer = node["$ref"].partition("#")
        file = Path(os.path.normpath(file.parent / target)) if target else file
        found = load(file)
        for key in pointer.strip("/").split("/"):
            found = found[key]
        node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
    return node, file


def members(node: Json, file: Path) -> tuple[dict[str, tuple[Json, Path]], set[str]]:
    """Return the properties of a node, and the names of those that it requires, inherited ones included."""
    found: dict[str, tuple[Json, Path]] = {}
    required = set(node.get("required", ()))
    for base in node.get("allOf", ()):
        inherited, needed = members(*resolve(base, file))
        found |= inherited
        required |= needed
    return found | {name: (child, file) for name, child in node.get("properties", {}).items()}, required


def _described(node: Json, file: Path, *, required: bool) -> Described:
    node, file = resolve(node, file)
    properties, needed = members(node, file)
    kind = node.get("type", "object")
    below = node.get("items") if kind == "array" else node.get("additionalProperties")
    return Described(
        node["format"] if node.get("format") in _DATES else kind,
        required=required,
        read_only=bool(node.get("readOnly")),
        values=tuple(node.get("enum", ())),
        is_open=node.get("x-ms-enum", {}).get("modelAsString", False),
        description=" ".join(node.get("description", "").split()),
        min_length=node.get("minLength"),
        max_length=node.get("maxLength"),
        properties={
            name: _described(child, origin, required=name in needed) for name, (child, origin) in properties.items()
        },
        each=_described(below, file, required=False) if isinstance(below, Mapping) else None,
    )
