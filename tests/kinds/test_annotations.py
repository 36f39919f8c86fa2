"""The annotations of whole kinds name what the kind has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.kinds.fields import fields
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.rules import Rule

KINDS = tuple(packaged().kinds.values())


def rule_at(kind: Kind, *paths: str) -> Rule:
    """Return the rule of a body's field: a list's path, then that of a part within an element."""
    rule: Any = kind.rules
    for number, path in enumerate(paths):
        rule = rule.items if number else rule
        for step in path.split("."):
            rule = rule.properties[step]
    return rule  # type: ignore[no-any-return]


def stated(annotation: Any) -> Iterator[tuple[str, ...]]:
    """Yield the paths that an entry of ``x-summary`` or ``x-arm.latest`` names."""
    if isinstance(annotation, str):
        yield (annotation,)
        return
    yield (annotation["path"],)
    parts = (annotation["name"], annotation.get("excluded"), *annotation.get("parts", {}).values())
    yield from ((annotation["path"], part) for part in parts if part)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_summary_names_fields_of_its_kind(kind: Kind) -> None:
    """Each path of x-summary leads to a field of the body."""
    assert kind.schema["x-summary"]
    for annotation in kind.schema["x-summary"].values():
        for paths in stated(annotation):
            assert rule_at(kind, *paths)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_latest_names_fields_of_its_kind(kind: Kind) -> None:
    """The number is a URI parameter; exclusion and regions are fields of the body."""
    latest = kind.schema["x-arm"].get("latest")
    if latest is None:
        return
    assert latest["number"] in kind.parameters
    for paths in (*stated(latest["excluded"]), *stated(latest["regions"])):
        assert rule_at(kind, *paths)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.replicates], ids=lambda kind: str(kind.name))
def test_a_replication_status_is_azures_own(kind: Kind) -> None:
    """Each path of x-health is at or below a field that Azure sets."""
    rule = kind.replicates
    assert rule is not None
    assert kind.rules.at(rule.holder).read_only
    assert {path[: len(rule.holder)] for path in (rule.state, rule.parts)} == {rule.holder}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_kind_requests_the_replication_that_it_reads(kind: Kind) -> None:
    """The query of x-arm, which other readers of a schema use, is that of x-health."""
    assert kind.schema["x-arm"].get("health") == kind.health


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_every_leaf_has_a_severity(kind: Kind) -> None:
    """Of its own, or of a value that contains it: so has the resource as a whole, which may be missing."""
    assert kind.rules.severity is not None
    for field in fields(kind):
        if field.is_leaf:
            assert any(rule.severity for rule in (*field.parents, field.rule)), field.path


@pytest.mark.parametrize(
    ("kind", "path", "severity"),
    [
        ("ApplicationDefinition", ("properties", "authorizations", "a,b", "roleDefinitionId"), Severity.SECURITY),
        ("ApplicationDefinition", ("properties", "lockLevel"), Severity.SECURITY),
        ("ApplicationDefinition", ("properties", "packageFileUri"), Severity.DELIVERY),
        ("ApplicationDefinition", ("properties", "displayName"), Severity.COSMETIC),
        ("Gallery", ("properties", "sharingProfile", "permissions"), Severity.SECURITY),
        (
            "GalleryApplicationVersion",
            ("properties", "publishingProfile", "targetRegions", "westus"),
            Severity.DELIVERY,
        ),
        ("GalleryApplicationVersion", ("properties", "publishingProfile", "excludeFromLatest"), Severity.DELIVERY),
        ("GalleryApplicationVersion", ("tags", "team"), Severity.COSMETIC),
        ("GalleryApplicationVersion", ("properties", "unheardOf"), Severity.DELIVERY),
        ("Gallery", ("properties", "sharingProfile", "unheardOf"), Severity.SECURITY),
        ("Gallery", (), Severity.DELIVERY),
    ],
)
def test_the_severity_of_a_difference(kind: str, path: tuple[str, ...], severity: Severity) -> None:
    """Access is security, links and regions are delivery, tags and descriptions are cosmetic."""
    assert packaged().kinds[kind].rules.severity_at(path) is severity


def test_severities_are_ordered() -> None:
    """Cosmetic before delivery before security."""
    assert sorted(Severity, key=lambda each: each.rank) == ["cosmetic", "delivery", "security"]
