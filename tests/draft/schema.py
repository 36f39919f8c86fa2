"""Drafts the schema of a kind from the description of its resource type, so that only annotations are left to write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from os.path import commonpath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from tests.draft.described import Described

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_ALWAYS: Final = ("location", "tags", "id", "name", "type", "systemData")
"""Properties of every tracked resource: their schemas are those of the other kinds."""
_CONTAINERS: Final = frozenset({"object", "array"})
_WIDTH: Final = 120
_DATE: Final = {
    "format": "date-time",
    "pattern": (
        r"^(?!.*\n)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
        r"(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"
    ),
    "x-normalize": "instant",
    "examples": ["2030-06-30T00:00:00Z"],
    "errorMessage": "must be a date and time with an offset, such as 2030-06-30T00:00:00Z",
}
Json = Mapping[str, Any]


def draft(name: str, described: Described, url: str, api_version: str, known: Mapping[str, Kind]) -> dict[str, Any]:
    """
    Return the draft of a schema.

    Args:
        name: Of the kind.
        described: The resource's body.
        url: Of the resource, with ``{parameters}``.
        api_version: That the description is of: it becomes the reference version.
        known: The kinds that exist, whose common parts the draft repeats.
    """
    example = next(iter(known.values())).schema
    head = {key: example["properties"][key] for key in ("apiVersion", "metadata")}
    kind = {**example["properties"]["kind"], "const": name, "errorMessage": f"must be {name}"}
    properties = {"apiVersion": head["apiVersion"], "kind": kind, "metadata": head["metadata"]}
    return {
        "$schema": example["$schema"],
        "$id": f"https://reconciler.dev/schemas/v1/{name}.schema.json",
        "title": _words(name).capitalize(),
        "description": described.description or f"A resource of kind {name}.",
        "x-arm": _arm(url, api_version, known),
        "x-summary": {"location": "location"},
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {**properties, "spec": _spec(described, url, known)},
    }


def undecided(described: Described) -> Iterator[str]:
    """Yield the path of each property whose class, default and spelling no description says."""
    for path, each, read_only in described.every():
        is_common = path.partition(".")[0].removesuffix("{}") in _ALWAYS
        if not read_only and not is_common and (each.type not in _CONTAINERS or each.each):
            yield path


def as_text(schema: Json) -> str:
    """Return a schema as the files of ``schemas/`` are laid out: short lists of values on one line."""
    text = json.dumps(schema, indent=2, ensure_ascii=False)

    def joined(match: re.Match[str]) -> str:
        line = f"{match[1]}[{', '.join(part.strip() for part in match[2].strip().splitlines())}]".replace(",,", ",")
        return line if len(line) <= _WIDTH else match[0]

    return (
        re.sub(r"(?m)^( *(?:\"[^\"]*\": )?)\[\n((?: +(?:\"(?:[^\"\\]|\\.)*\"|null|[0-9.]+),?\n)+) *\]", joined, text)
        + "\n"
    )


def _arm(url: str, api_version: str, known: Mapping[str, Kind]) -> dict[str, Any]:
    names = _PARAMETER.findall(url)
    words = url.partition("/providers/")[2].split("/")
    siblings = url.rpartition("/")[0]
    parent = next((kind.name for kind in known.values() if kind.id_template == siblings.rpartition("/")[0]), None)
    group = "/resourceGroups/{resourceGroupName}"
    lists = {"parent": siblings} if parent else {"resourceGroup": siblings, "subscription": siblings.replace(group, "")}
    return {
        "type": "/".join([words[0], *words[1::2]]),
        "apiVersion": api_version,
        "apiVersions": [api_version],
        "id": url,
        **({"parent": parent} if parent else {}),
        "lists": lists,
        "read": "parent" if parent else "get",
        "put": "merge",
        "operation": "header",
        "writer": names[:-1] if parent and known[parent].parent else names,
        "systemData": api_version,
    }


def _spec(described: Described, url: str, known: Mapping[str, Kind]) -> dict[str, Any]:
    names = _PARAMETER.findall(url)
    like = sorted(known.values(), key=lambda kind: commonpath([kind.id_template, url]), reverse=True)
    common: dict[str, Any] = {}
    for kind in like:  # those of the same provider first
        common = {**kind.schema["properties"]["spec"]["properties"], **common}
    body = {name: _property(name, each) for name, each in described.properties.items()}
    for name in body.keys() & common.keys() & {*_ALWAYS}:
        body[name] = {key: value for key, value in common[name].items() if key != "x-since"}
    required = {name for name, each in described.properties.items() if each.required or _requires(each)}
    for name in required - {*_ALWAYS}:
        body[name]["type"] = next(iter(_types(body[name])))
    ordered = [*(name for name in _ALWAYS[:2] if name in body), *(name for name in body if name not in _ALWAYS)]
    ordered += [name for name in _ALWAYS[2:] if name in body]
    return {
        "description": "The resource: the names in its URL and the body of the PUT, spelled as in the ARM reference.",
        "x-severity": "delivery",
        "type": "object",
        "required": [*names, *(name for name in ordered if name in required)],
        "additionalProperties": False,
        "properties": {
            **{name: common.get(name) or _parameter(name) for name in names},
            **{name: body[name] for name in ordered},
        },
    }


def _requires(each: Described) -> bool:
    return any(child.required for child in each.properties.values())


def _parameter(name: str) -> dict[str, Any]:
    return {
        "description": f"Name of the {_words(name).removesuffix(' name')}.",
        "type": "string",
        "minLength": 1,
        "pattern": "^(?!.*\\n)(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$",
        "errorMessage": "must be letters, digits, periods, underscores and hyphens, with no sign at either end",
    }


def _property(name: str, each: Described, *, read_only: bool = False) -> dict[str, Any]:
    own = each.read_only and not read_only
    read_only = read_only or each.read_only
    kind = "string" if each.type == "date-time" else each.type
    made: dict[str, Any] = {
        "description": each.description or f"{_words(name).capitalize()}.",
        "type": kind if each.required or read_only else [kind, "null"],
    }
    if read_only:
        made |= {
            "readOnly": True,
            **({"not": {}} if own else {}),
            **({"examples": [*each.values]} if each.values else {}),
        }
    elif each.type == "date-time":
        made |= _DATE
    if not read_only:
        made |= _limits(each)
    made |= _parts(name, each, read_only=read_only)
    return {**made, "errorMessage": f"{name} is set by Azure; remove it from the manifest"} if own else made


def _limits(each: Described) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if each.values:
        allowed = [*each.values, *([] if each.required else [None])]
        known = ", ".join(each.values)
        if not each.is_open:
            return {"enum": allowed, "errorMessage": f"must be one of {known}, in this spelling"}
        message = f"not a known value ({known}); Azure may reject it"
        return {"examples": [*each.values], "x-warn": {"enum": allowed, "errorMessage": message}}
    if each.type == "integer":
        found |= {"minimum": 0, "maximum": 2**31 - 1, "errorMessage": "must be a whole number, 0 or more"}
    if each.max_length is not None:
        found |= {
            "maxLength": each.max_length,
            "errorMessage": f"longer than the {each.max_length} characters that Azure accepts",
        }
    return found


def _parts(name: str, each: Described, *, read_only: bool) -> dict[str, Any]:
    """Return what is below a property."""
    if each.type == "array" and each.each is not None:
        key = "name" if "name" in each.each.properties else None
        sort = (
            {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
            if key
            else {"x-kubernetes-list-type": "atomic"}
        )
        element = _property(name, each.each, read_only=read_only)
        items = {**element, "type": next(iter(_types(element)))}
        if key and not read_only:
            items["properties"] = {**items["properties"], key: {**items["properties"][key], "type": "string"}}
        return {**({} if read_only else sort), "items": items}
    if each.each is not None:
        return {"additionalProperties": _property(name, each.each, read_only=read_only)}
    if each.type != "object" or not each.properties:
        return {}
    required = [child for child, found in each.properties.items() if found.required]
    return {
        **({"required": required} if required and not read_only else {}),
        "additionalProperties": False,
        "properties": {child: _property(child, found, read_only=read_only) for child, found in each.properties.items()},
    }


def _types(schema: Json) -> list[str]:
    types = schema["type"]
    return [types] if isinstance(types, str) else list(types)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
