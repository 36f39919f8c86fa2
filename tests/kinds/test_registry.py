"""The registry: kinds by name."""

from __future__ import annotations

import pytest

from reconciler.errors import UnknownKindError
from reconciler.kinds.packaged import packaged
from reconciler.kinds.registry import Registry, compile_registry
from tests.kit.synthetic import schema

PROJECT = {"title": "Project"}


@pytest.fixture(name="registry")
def _registry() -> Registry:
    return compile_registry({"Project": PROJECT, "Widget": schema()})


def test_a_schema_that_describes_no_resource_is_no_kind(registry: Registry) -> None:
    """It is kept as a document."""
    assert list(registry.kinds) == ["Widget"]
    assert registry.of("Widget") is registry.kinds["Widget"]
    assert registry.documents == {"Project": PROJECT}


def test_an_unknown_kind_is_refused(registry: Registry) -> None:
    """With the known ones in its place."""
    with pytest.raises(UnknownKindError, match=r"`Gadget`.*Widget"):
        registry.of("Gadget")


def test_the_shipped_registry() -> None:
    """Read once, with the schemas of the files that the program reads and writes."""
    registry = packaged()
    assert set(registry.documents) == {"Project", "plan", "report", "snapshot"}
    assert packaged() is registry
