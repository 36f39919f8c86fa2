"""The reference pages: every field of every kind is on one, with what the schema says of it now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from reconciler.kinds.fields import fields
from reconciler.kinds.kind import compile_kind
from reconciler.kinds.leaves import FieldClass
from reconciler.kinds.normal_forms import NAMES
from reconciler.kinds.packaged import packaged
from reconciler.kinds.reference import EQUAL, render
from reconciler.kinds.rules import Shape
from tests.kit.leaf_lines import leaf_lines
from tests.kit.repository import ROOT
from tests.kit.synthetic import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.kind import Kind
    from tests.conftest import Golden

PAGES = ROOT / "docs" / "reference"
LEAVES = ROOT / "tests" / "kinds" / "data" / "leaves.txt"
KINDS = packaged().kinds
all_kinds = pytest.mark.parametrize("name", KINDS)


def leaves(kind: Kind) -> list[str]:
    """Return the path of every leaf of a request body, counted by the rules and not by the page."""
    return [".".join(path) for path, rule in kind.rules.every() if rule.shape is Shape.LEAF]


def entries(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the fields that a page describes, each with its facts."""
    for entry in page.split("\n### ")[1:]:
        facts = dict(re.findall(r"^- \*([a-z ]+)\*: (.*)$", entry.partition("\n## ")[0], re.MULTILINE))
        yield entry.partition("\n")[0].strip("`"), facts


def facts(kind: Kind, path: str) -> dict[str, str]:
    """Return what the page of *kind* says of one field."""
    return dict(entries(render(kind)))[path]


@all_kinds
def test_a_page_is_what_the_schema_says_now(name: str, golden: Golden) -> None:
    """After a change of a schema: ``make reference``, then read the difference."""
    golden(render(KINDS[name]), PAGES / f"{name}.md")


def test_every_kind_has_a_page() -> None:
    """And no page is left of a kind that is gone."""
    assert sorted(path.name for path in PAGES.iterdir()) == [f"{name}.md" for name in KINDS]


def test_every_leaf_has_the_class_that_was_last_reviewed(golden: Golden) -> None:
    """A leaf that changes its class, or what its absence means, shows in the difference of one file."""
    golden("\n".join(leaf_lines(kind) for kind in KINDS.values()), LEAVES)


@all_kinds
def test_no_leaf_is_missing(name: str) -> None:
    """Page and list have each leaf once, and none besides."""
    kind = KINDS[name]
    listed = re.findall(rf"^(?:{'|'.join(FieldClass)}) +(\S+)", leaf_lines(kind), re.MULTILINE)
    assert [path.replace("[*]", ".*") for path in listed] == leaves(kind)
    page = render(kind)
    described = [path for path, found in entries(page) if "class" in found]
    answered = re.findall(r"^\| `(\S+)` \|", page.partition("\n## Set by Azure\n")[2], re.MULTILINE)
    assert sorted(path.replace("[*]", ".*") for path in (*described, *answered)) == sorted(leaves(kind))


@all_kinds
def test_every_leaf_has_one_class(name: str) -> None:
    """A leaf has at most one class, its own or that of a property above it."""
    for field in fields(KINDS[name]):
        chain = (*field.parents, field.rule)
        marks = [any(getattr(rule, mark) for rule in chain) for mark in ("read_only", "write_only", "frozen")]
        assert sum(marks) <= 1, field.path


@all_kinds
def test_every_name_of_the_url_is_on_the_page(name: str) -> None:
    """The page lists the names that a manifest declares beside the body."""
    page = render(KINDS[name])
    assert all(f"\n| `{parameter}` | " in page for parameter in KINDS[name].parameters)
    assert f"| URL | `{KINDS[name].id_template}` |" in page
    assert f"| Microsoft's page | <{KINDS[name].docs}> |" in page


def test_every_spelling_is_explained() -> None:
    """A new normal form needs words."""
    assert EQUAL.keys() == NAMES


@pytest.mark.parametrize("put", ["merge", "replace"])
def test_a_new_kind_needs_no_more_than_its_schema(put: str) -> None:
    """A made-up kind with every annotation has a page, too."""
    made = schema(put=put)
    made["description"] = "A widget."
    names = made["properties"]["spec"]["properties"]
    for name in ("subscriptionId", "resourceGroupName", "widgetName"):
        names[name]["description"] = "A name."
    kind = compile_kind(made)
    described = dict(entries(render(kind)))
    assert described["properties.grid"]["elements"] == "compared one by one, in order; an undeclared one is removed"
    assert described["properties.grid"]["type"] == "list of lists"
    assert described["properties.steps[*]"]["a change"] == "is a PUT"
    assert described["properties.number"]["equal"].startswith("as written, type included")
    assert len(leaf_lines(kind).splitlines()) > len(leaves(kind))


@pytest.mark.parametrize(
    ("name", "path", "fact", "words"),
    [
        ("GalleryApplicationVersion", "location", "a change", "blocked (`immutable-field`)"),
        ("GalleryApplicationVersion", "location", "equal", "`West Europe` is `westeurope`"),
        ("GalleryApplicationVersion", "location", "null", "refused"),
        ("GalleryApplicationVersion", "properties.publishingProfile.replicaCount", "absent", "the default, `1`"),
        (
            "GalleryApplicationVersion",
            "properties.publishingProfile.targetRegions[*].regionalReplicaCount",
            "absent",
            "the value of `properties.publishingProfile.replicaCount`, and without that `1`",
        ),
        ("GalleryApplicationVersion", "properties.publishingProfile.source.mediaLink", "secret", "never printed"),
        ("GalleryApplicationVersion", "properties.publishingProfile.endOfLifeDate", "null", "blocked (`cannot-unset`)"),
        ("GalleryApplicationVersion", "properties.publishingProfile.manageActions", "null", "(`immutable-field`)"),
        (
            "GalleryApplicationVersion",
            "properties.publishingProfile.targetRegions",
            "elements",
            "while `properties.safetyProfile.allowDeletionOfReplicatedLocations` is `true`",
        ),
        ("GalleryApplicationVersion", "properties.publishingProfile.targetRegions[*].name", "a change", "another"),
        ("GalleryApplication", "properties.customActions", "null", "with `[]` in the PUT"),
        ("GalleryApplication", "properties.supportedOSType", "limits", "one of Windows, Linux"),
        ("ApplicationDefinition", "properties.mainTemplate", "a change", "of its digest"),
        ("ApplicationDefinition", "properties.displayName", "null", "removed"),
        ("ApplicationDefinition", "properties.lockingPolicy.allowedActions[*]", "a change", "another element"),
        ("ApplicationDefinition", "location", "absent", "any choice is accepted"),
        ("ApplicationDefinition", "tags", "elements", "names compared without case"),
        ("ApplicationDefinition", "properties.managementPolicy", "null", "(`immutable-field`)"),
    ],
)
def test_what_a_page_says_of_a_field(name: str, path: str, fact: str, words: str) -> None:
    """The page answers a reader's questions about a planned field: when absent, null, or with fewer elements."""
    assert words in facts(KINDS[name], path)[fact]
