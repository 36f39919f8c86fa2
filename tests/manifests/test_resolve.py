"""Manifests become what is desired: ids, parents, order; two for one thing are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.manifests.resolve import select
from reconciler.model.desired import Desired
from reconciler.problems import Manifest, Problem, Source
from reconciler.secret.text import SecretUrl
from tests.kit.stages import resolve
from tests.kit.synthetic import IDENTITY, KINDS, MINIMAL, WIDGET, desired, manifest, minimal

GALLERY, APPLICATION, VERSION = KINDS["Gallery"], KINDS["GalleryApplication"], KINDS["GalleryApplicationVersion"]


def made(kind: str, name: str = "m", line: int = 1, *, notes: dict[str, str] | None = None, **spec: Any) -> Manifest:
    """Return a manifest of a real kind in some line."""
    given = manifest(KINDS[kind], {**IDENTITY[kind], **MINIMAL[kind], **spec}, name, **(notes or {}))
    return replace(given, source=Source("m.yaml", line, line))


def test_a_manifest_becomes_a_resource() -> None:
    """Its id in the manifest's spelling, its key folded, its body without the names and with secrets sealed."""
    given = replace(made("GalleryApplicationVersion", "agent", galleryName="Gallery"), labels={"ring": "canary"})
    ((item,), problems) = resolve([given], KINDS)
    root = "/subscriptions/01523d7c-60da-455e-adef-521b547922c4/resourceGroups/rg/providers/Microsoft.Compute"
    assert problems == ()
    assert item == Desired(
        kind=VERSION,
        name="agent",
        id=f"{root}/galleries/Gallery/applications/agent/versions/1.0.0",
        key=f"{root}/galleries/gallery/applications/agent/versions/1.0.0".lower(),
        parent=f"{root}/galleries/gallery/applications/agent".lower(),
        params={**IDENTITY["GalleryApplicationVersion"], "galleryName": "Gallery"},
        body=VERSION.seal(MINIMAL["GalleryApplicationVersion"]),
        labels={"ring": "canary"},
        source=given.source,
        locate=given.locate,
        slot="01523d7c-60da-455e-adef-521b547922c4/rg/gallery/agent",
        wave=0,
        depth=2,
        paused=False,
        content=None,
    )
    assert isinstance(item.body["properties"]["publishingProfile"]["source"]["mediaLink"], SecretUrl)
    assert item.address == "GalleryApplicationVersion/agent"


@pytest.mark.parametrize(
    ("notes", "paused", "wave"),
    [
        ({}, False, 0),
        ({"paused": "true"}, True, 0),
        ({"paused": "false"}, False, 0),
        ({"wave": "3"}, False, 3),
        ({"wave": "-2"}, False, -2),
    ],
)
def test_annotations_pause_and_order(notes: dict[str, str], wave: int, *, paused: bool) -> None:
    """Both are text; nothing else is read from them here."""
    item = desired({}, WIDGET, **notes)
    assert (item.paused, item.wave, item.parent, item.depth) == (paused, wave, None, 0)


def test_a_child_is_never_in_a_lower_wave_than_its_parent() -> None:
    """The larger of its own and its parent's, down the chain; an undeclared parent raises no wave."""
    manifests = [
        made("GalleryApplicationVersion", notes={"wave": "1"}),
        made("GalleryApplication"),
        made("Gallery", notes={"wave": "2"}),
        made("GalleryApplicationVersion", "late", galleryApplicationVersionName="2.0.0", notes={"wave": "5"}),
        made("GalleryApplication", "alone", galleryName="other", notes={"wave": "-1"}),
    ]
    items, _ = resolve(manifests, KINDS)
    assert [(item.kind.name, item.name, item.wave, item.depth) for item in items] == [
        ("GalleryApplication", "alone", -1, 1),
        ("Gallery", "m", 2, 0),
        ("GalleryApplication", "m", 2, 1),
        ("GalleryApplicationVersion", "m", 2, 2),
        ("GalleryApplicationVersion", "late", 5, 2),
    ]


def test_the_order_of_files_does_not_matter() -> None:
    """The resources have one order, with their files read in any order."""
    manifests = [made(name, name.lower()) for name in KINDS]
    assert resolve(manifests, KINDS)[0] == resolve(manifests[::-1], KINDS)[0]


def test_two_of_one_kind_with_one_name_are_refused() -> None:
    """Naming both places; two kinds may share a name, and names have case."""
    manifests = [
        made("Gallery", "a", 3),
        made("Gallery", "a", 9, galleryName="other"),
        made("Gallery", "A", 11, galleryName="third"),
        made("GalleryApplication", "a", 12),
    ]
    assert resolve(manifests, KINDS)[1] == (
        Problem(
            "m.yaml",
            9,
            1,
            "",
            "duplicate",
            "two manifests of one kind share this name: the other is at m.yaml:3",
            "keep one of them",
        ),
    )


@pytest.mark.parametrize("other", [{}, {"resourceGroupName": "RG"}, {"galleryName": "GALLERY", "location": "westus"}])
def test_two_for_one_resource_are_refused(other: dict[str, Any]) -> None:
    """Ids are compared without case, and the spelling of a region makes no other resource."""
    _, problems = resolve([made("Gallery", "a", 3), made("Gallery", "b", 9, **other), made("Gallery", "c", 20)], KINDS)
    assert [(item.line, item.path, item.code) for item in problems] == [(line, "", "duplicate") for line in (9, 20)]
    assert all("m.yaml:3" in item.message and item.fix for item in problems)


CHOICE = [
    replace(minimal("Gallery"), labels={"ring": "canary", "team": "a"}),
    replace(minimal("GalleryApplication"), name="agent", labels={"ring": "canary"}),
    replace(minimal("GalleryApplicationVersion"), name="agent-1.0.0"),
]


@pytest.mark.parametrize(
    ("targets", "labels", "names"),
    [
        ((), {}, ["m", "agent", "agent-1.0.0"]),
        (("Gallery/m",), {}, ["m"]),
        (("GalleryApplication/agent", "Gallery/*"), {}, ["m", "agent"]),
        (("GalleryApplication*/agent*",), {}, ["agent", "agent-1.0.0"]),
        (("gallery/m",), {}, []),
        ((), {"ring": "canary"}, ["m", "agent"]),
        ((), {"ring": "canary", "team": "a"}, ["m"]),
        ((), {"ring": ""}, []),
        (("*/agent*",), {"ring": "canary"}, ["agent"]),
    ],
)
def test_resources_are_selected(targets: tuple[str, ...], labels: dict[str, str], names: list[str]) -> None:
    """One pattern is enough, and every label must be there; names have case; no choice is everything."""
    assert [item.name for item in select(CHOICE, targets, labels)] == names


def test_numbers_in_names_become_text() -> None:
    """A schema may allow a number where the URL needs its text."""
    spec: dict[str, Any] = {"subscriptionId": "s", "resourceGroupName": "g", "widgetName": 7}
    ((item,), _) = resolve([manifest(WIDGET, spec)], KINDS)
    assert item.id.endswith("/7")
