"""The registry: kinds by name and api-version."""

from __future__ import annotations

import pytest

from reconciler.errors import UnknownKindError
from reconciler.kinds.packaged import packaged
from reconciler.kinds.registry import Registry, compile_registry
from tests.kit.synthetic import schema

NEWER = "2031-01-01"
OLD = schema()
NEW = {**OLD, "x-arm": {**OLD["x-arm"], "apiVersion": NEWER}}
PROJECT = {"title": "Project"}


@pytest.fixture(name="registry")
def _registry() -> Registry:
    return compile_registry({f"Widget.{NEWER}": NEW, "Project": PROJECT, "Widget": OLD})


def test_the_schema_with_the_name_of_its_kind_is_the_reference(registry: Registry) -> None:
    """Other files may hold other api-versions of it; what describes no resource is no kind."""
    assert list(registry.kinds) == ["Widget"]
    assert registry.of("Widget").api_version == OLD["x-arm"]["apiVersion"]
    assert registry.of("Widget") is registry.kinds["Widget"]
    assert registry.documents == {"Project": PROJECT}


def test_a_kind_is_found_at_each_of_its_versions(registry: Registry) -> None:
    """The reference version is one of them."""
    assert registry.at("Widget", NEWER).schema is NEW
    assert registry.at("Widget", OLD["x-arm"]["apiVersion"]) is registry.of("Widget")


def test_an_unknown_kind_or_version_is_stated(registry: Registry) -> None:
    """With what is known in its place."""
    with pytest.raises(UnknownKindError, match=r"`Gadget`.*Widget"):
        registry.of("Gadget")
    with pytest.raises(UnknownKindError, match="`Gadget`"):
        registry.at("Gadget", NEWER)
    with pytest.raises(UnknownKindError, match=f"`1999-01-01` of Widget.*{NEWER}"):
        registry.at("Widget", "1999-01-01")


def test_the_shipped_registry() -> None:
    """One version of each kind today, and the schemas of the files that the program reads and writes."""
    registry = packaged()
    assert set(registry.versions) == {(kind.name, kind.api_version) for kind in registry.kinds.values()}
    assert set(registry.documents) == {"Project", "plan", "report", "snapshot"}
    assert packaged() is registry
