"""Where a value is written: told on demand, by merging once more what was merged."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.diff import compare
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.project import Writing, lay_under, merge_patch
from reconciler.manifests.validate import validate
from reconciler.problems import Document, Layer, Origin
from tests.kit.stages import render, resolve
from tests.kit.synthetic import KINDS, document, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.desired import Desired
    from reconciler.values import FieldPath

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BASE = """\
apiVersion: reconciler.dev/v1
kind: Gallery
metadata: {name: tools}
spec:
  resourceGroupName: rg
  galleryName: tools
  location: West US
  tags:
    team: endpoint
    gone: x
  properties:
    description: base
"""
OVERLAY = """\
kind: Gallery
metadata: {name: tools}
spec:
  tags:
    stage: test
    gone: null
  properties: {description: over}
"""
PROJECT = """\
apiVersion: reconciler.dev/v1
kind: Project
metadata: {name: shop}
spec:
  defaults:
    subscriptionId: 01523d7c-60da-455e-adef-521b547922c4
    tags: {team: nobody, owner: us, gone: stays}
    properties: {sharingProfile: {permissions: Private}}
  environments:
    test:
      defaults:
        tags:
          owner: them
"""


def writings(project: Document) -> tuple[Writing, ...]:
    """Return the two sets of defaults of the project above."""
    spec = project.value["spec"]
    at = ("spec", "environments", "test", "defaults")
    return (
        Writing(Layer.PROJECT, spec["defaults"], project, ("spec", "defaults")),
        Writing(Layer.ENVIRONMENT, spec["environments"]["test"]["defaults"], project, at),
    )


def rendered(base: str = BASE, overlay: str | None = OVERLAY, project: str = PROJECT) -> Desired:
    """Return what the texts above state together."""
    written = writings(read(project, "reconciler.yaml"))
    defaults = reduce(lay_under, (item.fields for item in written))
    patches = [read(overlay, "over.yaml")] if overlay else []
    documents, problems = render([read(base, "base.yaml")], patches, defaults, KINDS, written)
    validated = validate(documents, KINDS, Tracking())
    (item,), twice = resolve(validated.manifests, KINDS)
    assert (problems, validated.problems, twice) == ((), (), ())
    return item


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        (("location",), Origin(Layer.MANIFEST, "base.yaml", 7)),
        (("resourceGroupName",), Origin(Layer.MANIFEST, "base.yaml", 5)),
        (("subscriptionId",), Origin(Layer.PROJECT, "reconciler.yaml", 6)),
        (("tags", "team"), Origin(Layer.MANIFEST, "base.yaml", 9)),
        (("tags", "stage"), Origin(Layer.OVERLAY, "over.yaml", 5)),
        (("tags", "owner"), Origin(Layer.ENVIRONMENT, "reconciler.yaml", 13)),
        (("properties", "description"), Origin(Layer.OVERLAY, "over.yaml", 7)),
        (("properties", "sharingProfile", "permissions"), Origin(Layer.PROJECT, "reconciler.yaml", 8)),
    ],
)
def test_what_states_a_value(path: FieldPath, origin: Origin) -> None:
    """Manifest, overlay, environment or project: the one whose value is there, with its file and line."""
    assert rendered().origin(path) == origin


def test_an_overlay_that_takes_a_value_away_lets_a_default_through() -> None:
    """The base still states it, and yet it is the project's that counts."""
    item = rendered()
    assert item.body["tags"]["gone"] == "stays"
    assert item.origin(("tags", "gone")) == Origin(Layer.PROJECT, "reconciler.yaml", 7)


def test_an_object_is_where_its_strongest_writer_states_it() -> None:
    """Several may state a part of it."""
    assert rendered().origin(("tags",)) == Origin(Layer.OVERLAY, "over.yaml", 4)
    assert rendered(overlay=None).origin(("tags",)) == Origin(Layer.MANIFEST, "base.yaml", 8)


def test_null_is_where_it_is_written() -> None:
    """A declared null means "must not be set" and has a place."""
    item = rendered(BASE.replace("description: base", "description: null"), overlay=None)
    assert item.origin(("properties", "description")) == Origin(Layer.MANIFEST, "base.yaml", 12)


def test_nothing_laid_over_or_under_leaves_the_document_to_answer() -> None:
    """No trace is kept where one document states everything."""
    given = read(BASE, "base.yaml")
    assert render([given], (), {}, KINDS)[0][0].trace is None
    (only,), _ = render([given], [read(OVERLAY, "over.yaml")], {}, KINDS)
    assert only.trace is not None
    assert only.trace(("spec", "tags", "stage")) == Origin(Layer.OVERLAY, "over.yaml", 5)


def test_a_document_of_no_known_kind_has_no_defaults_to_tell_of() -> None:
    """Validation will refuse it; until then what was merged onto it can be found."""
    given = read(BASE.replace("kind: Gallery", "kind: Other"))
    patch = read(OVERLAY.replace("kind: Gallery", "kind: Other"), "over.yaml")
    (only,), _ = render([given], [patch], {"location": "x"}, KINDS, writings(read(PROJECT)))
    assert only.trace is not None
    assert only.trace(("spec", "properties", "description")).file == "over.yaml"


def test_a_finding_names_a_line_of_the_manifest_only_where_that_states_it() -> None:
    """A line of the base, for a value of the overlay or the project, would lead nowhere."""
    live = {
        "location": "westus",
        "tags": {"team": "x", "stage": "x", "owner": "x", "gone": "x"},
        "properties": {"description": "x", "sharingProfile": {"permissions": "Private"}},
    }
    fields = {field.path: field for field in compare(rendered(), live, Tracking()).fields}
    assert {path: field.line for path, field in fields.items()} == {
        "properties.description": None,
        "tags.gone": None,
        "tags.owner": None,
        "tags.stage": None,
        "tags.team": 9,
    }
    places = {path: f"{field.where.file}:{field.where.line}" for path, field in fields.items() if field.where}
    assert places == {
        "properties.description": "over.yaml:7",
        "tags.gone": "reconciler.yaml:7",
        "tags.owner": "reconciler.yaml:13",
        "tags.stage": "over.yaml:5",
        "tags.team": "base.yaml:9",
    }


_NAMES = st.sampled_from(["team", "owner", "stage"])
_TAGS = st.dictionaries(_NAMES, st.none() | st.text(max_size=2), max_size=3)
_SPECS = st.fixed_dictionaries({}, optional={"tags": _TAGS, "location": st.text(max_size=2)})


@given(base=_SPECS, patch=_SPECS, project=_SPECS, environment=_SPECS)
def test_the_value_stands_where_it_is_said_to_stand(
    base: Mapping[str, Any], patch: Mapping[str, Any], project: Mapping[str, Any], environment: Mapping[str, Any]
) -> None:
    """For any layers, the document named as a value's origin holds that value."""
    held = {Layer.MANIFEST: base, Layer.OVERLAY: patch, Layer.PROJECT: project, Layer.ENVIRONMENT: environment}
    of = document({}, "reconciler.yaml")
    written = (Writing(Layer.PROJECT, project, of), Writing(Layer.ENVIRONMENT, environment, of))
    names = {"kind": "Gallery", "metadata": {"name": "tools"}}
    documents, _ = render(
        [document({**names, "spec": base}, "base.yaml")],
        [document({**names, "spec": patch}, "over.yaml")],
        lay_under(project, environment),
        KINDS,
        written,
    )
    spec, trace = documents[0].value["spec"], documents[0].trace
    under = lay_under(project, environment)
    tags = {name: value for name, value in under.get("tags", {}).items() if value is not None}
    under = {name: value for name, value in under.items() if name != "tags" or value == tags} | (
        {"tags": tags} if tags else {}
    )
    assert spec == lay_under(under, merge_patch(base, patch))
    assert trace is not None
    values: list[tuple[tuple[str, ...], Any]] = [(("location",), spec["location"])] if "location" in spec else []
    values += [(("tags", name), value) for name, value in spec.get("tags", {}).items()]
    for path, value in values:
        stated: Any = held[trace(("spec", *path)).layer]
        for step in path:
            stated = stated[step]
        assert stated == value
