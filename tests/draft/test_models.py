"""The schemas against the models of the newest SDK: its names, types, enumerations, required and read-only marks."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import azure.mgmt.compute.models
import pytest

from reconciler.kinds.packaged import packaged
from tests.draft.sdk import describe, find_url
from tests.kit.schema_facts import Fact, described, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.kinds.kind import Kind

PACKAGE: Final = "azure.mgmt.compute"
KINDS: Final = [
    kind
    for kind in packaged().kinds.values()
    if kind.resource_type.startswith("Microsoft.Compute/") and hasattr(azure.mgmt.compute.models, kind.name)
]
all_kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))

CLOSED: Final = "the REST reference lists these values as all there are"
KNOWN: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "properties": ({"required": True}, "something in it is required, or nothing"),
    "properties.identifier": ({"read_only": True}, "it holds nothing that could be declared"),
    "properties.supportedOSType": ({"is_open": False}, CLOSED),
    "properties.customActions[].parameters[].type": ({"is_open": False}, CLOSED),
    "properties.publishingProfile.customActions[].parameters[].type": ({"is_open": False}, CLOSED),
}
UNDESCRIBED: Final = ("encryption.",)
"""Azure refuses encryption for what is no image ("VM Applications", learn.microsoft.com)."""


def ours(kind: Kind) -> dict[str, Fact]:
    """Return the facts of a kind's body at its newest api-version, without limits, which no model has."""
    spec = kind.schema["properties"]["spec"]
    nodes = tuple(walk(kind.schema, spec))[1:]
    newest = {node.path: described(node, newest=True) for node in nodes if node.path not in kind.parameters}
    return {
        path: fact._replace(type=fact.type.replace("int32", "integer"), min_length=None, max_length=None)
        for path, fact in newest.items()
    }


def theirs(kind: Kind) -> dict[str, Fact]:
    """Return the facts of a kind's model."""
    return {
        path: Fact(each.type, each.required, read_only, each.values, is_open=bool(each.values))
        for path, each, read_only in describe(PACKAGE, kind.name).every()
        if not any(part in path for part in UNDESCRIBED)
    }


@all_kinds
def test_a_schema_is_its_model(kind: Kind) -> None:
    """Save differences that have a reason."""
    mine, model = ours(kind), theirs(kind)
    assert mine.keys() == model.keys()
    for path, fact in mine.items():
        known, _ = KNOWN.get(path, ({}, ""))
        assert fact in (model[path], model[path]._replace(**known)), path


@all_kinds
def test_the_url_and_the_newest_api_version_are_those_of_the_sdk(kind: Kind) -> None:
    """Of the release that the lock names."""
    url, newest = find_url(PACKAGE, kind.name)
    assert url == kind.id_template
    assert newest == kind.api_versions[-1], version("azure-mgmt-compute")


def test_the_kinds_of_the_provider_are_held_to_their_models() -> None:
    """None is passed over."""
    assert {kind.name for kind in KINDS} >= {"Gallery", "GalleryApplication", "GalleryApplicationVersion"}
