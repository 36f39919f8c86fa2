"""
Finds a node of a kind's schema by its property path, or by JSON pointer, and changes one of its keywords.

A property path leads through ``spec``; ``[]`` is any element of a list, and references are followed.
"""

from __future__ import annotations

import json
from typing import Any

from tests.planting.errors import StaleError

Node = dict[str, Any]


def changed(text: str, path: str, operator: str, key: str, to: Any) -> str:
    """
    Return the text of a schema with one keyword removed or set to another value.

    Args:
        text: The schema.
        path: A JSON pointer, as ``/x-arm``, or a property path, as ``properties.tags``.
        operator: ``remove`` or ``set``.
        key: The keyword, which stands there.
        to: Its new value.

    Raises:
        StaleError: The path leads nowhere, the keyword is not there, or has that value already.
    """
    schema = json.loads(text)
    node = _pointed(schema, path) if path.startswith("/") else _property(schema, path)
    if key not in node:
        message = f"`{key}` is not at `{path}`"
        raise StaleError(message)
    if operator == "remove":
        del node[key]
    elif operator == "set" and json.dumps(node[key]) != json.dumps(to):
        node[key] = to
    else:
        message = "it changes nothing" if operator == "set" else f"`{operator}` is no operator: use remove or set"
        raise StaleError(message)
    return json.dumps(schema, indent=2) + "\n"


def _pointed(schema: Node, pointer: str) -> Node:
    node: Any = schema
    for step in pointer.split("/")[1:]:
        node = _step(node, step.replace("~1", "/").replace("~0", "~"))
    return _object(node, pointer)


def _property(schema: Node, path: str) -> Node:
    node = schema["properties"]["spec"]
    for step in path.replace("[]", ".[]").split("."):
        while step != "[]" and "properties" not in node and "$ref" in node:
            node = _pointed(schema, node["$ref"].removeprefix("#"))
        node = _step(node, "items") if step == "[]" else _step(_step(node, "properties"), step)
    return _object(node, path)


def _step(node: Any, step: str) -> Any:
    if isinstance(node, list):
        node = {str(index): element for index, element in enumerate(node)}
    if not isinstance(node, dict) or step not in node:
        message = f"`{step}` is not there"
        raise StaleError(message)
    return node[step]


def _object(node: Any, path: str) -> Node:
    if not isinstance(node, dict):
        message = f"`{path}` is no object"
        raise StaleError(message)
    return node
