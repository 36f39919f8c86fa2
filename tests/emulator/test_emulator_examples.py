"""
The official examples of the OpenAPI documents, sent to the embedded ARM: its answers have their shape.

The examples lie beside the checkout (``../shared/arm``). Without them the same test runs on the sample requests below.
Where the service is known to answer otherwise than its examples, the difference is listed, with its reason.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import pytest

from reconciler.kinds.packaged import packaged
from tests.kit.emulator import SUBSCRIPTION, Arm, arm
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind

_SPECIFICATION: Final = ROOT.parent / "shared" / "arm" / "specification"
_GALLERIES: Final = (
    "compute/resource-manager/Microsoft.Compute/GalleryRP/stable/2022-03-03/examples/galleryExamples/{}.json"
)
_SOLUTIONS: Final = "solutions/resource-manager/Microsoft.Solutions/stable/{}/examples/{}.json"

KNOWN_DIFFERENCES: Final = frozenset(
    {
        # Compute examples leave out what every answer of the service has (recording of azure-sdk-for-net).
        ("Gallery", "+id"),
        ("Gallery", "+type"),
        # Examples of versions show what was not sent; the service answers nothing for it (wire: "absent").
        ("GalleryApplicationVersion", "-properties.publishingProfile.settings"),
        ("GalleryApplicationVersion", "-properties.publishingProfile.advancedSettings"),
        # Definitions: packages are never answered, isEnabled and three artifacts always (recordings of azure-cli), and
        # keys that were not sent are left out, not null.
        ("ApplicationDefinition", "-properties.packageFileUri"),
        ("ApplicationDefinition", "+properties.isEnabled"),
        ("ApplicationDefinition", "-managedBy"),
        ("ApplicationDefinition", "-sku"),
        ("ApplicationDefinition", "-tags"),
        # Examples without a location: the service has one, that of the group.
        ("ApplicationDefinition", "+location"),
        # The example of a PATCH of tags does not show them.
        ("ApplicationDefinition", "+tags"),
        # Newer api-versions (the examples of 2021-07-01 do not show it).
        ("ApplicationDefinition", "+systemData"),
    }
)


class Example(NamedTuple):
    """One example: where it comes from, what it sends, what it shows."""

    kind: str
    name: str
    api_version: str
    body: str
    partial: bool = False


EXAMPLES: Final = (
    Example("Gallery", "Gallery_Create", "2022-03-03", "gallery"),
    Example("Gallery", "Gallery_Create_SoftDeletionEnabled", "2022-03-03", "gallery"),
    Example("Gallery", "Gallery_Create_WithSharingProfile", "2022-03-03", "gallery"),
    Example("Gallery", "CommunityGallery_Create", "2022-03-03", "gallery"),
    Example("Gallery", "Gallery_Update", "2022-03-03", "gallery", partial=True),
    Example("GalleryApplication", "GalleryApplication_Create", "2022-03-03", "galleryApplication"),
    Example("GalleryApplication", "GalleryApplication_Update", "2022-03-03", "galleryApplication", partial=True),
    Example("GalleryApplicationVersion", "GalleryApplicationVersion_Create", "2022-03-03", "galleryApplicationVersion"),
    Example(
        "GalleryApplicationVersion",
        "GalleryApplicationVersion_Update",
        "2022-03-03",
        "galleryApplicationVersion",
        partial=True,
    ),
    Example("ApplicationDefinition", "createOrUpdateApplicationDefinition", "2019-07-01", "parameters"),
    Example("ApplicationDefinition", "createOrUpdateApplicationDefinition", "2021-07-01", "parameters"),
    Example("ApplicationDefinition", "updateApplicationDefinition", "2019-07-01", "parameters", partial=True),
    Example("ApplicationDefinition", "updateApplicationDefinition", "2021-07-01", "parameters", partial=True),
)

# A small table of sample requests and answers, for a checkout without the examples.
_SAMPLE_NAMES: Final = {
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": "myResourceGroup",
    "galleryName": "myGalleryName",
    "galleryApplicationName": "myGalleryApplicationName",
    "galleryApplicationVersionName": "1.0.0",
    "applicationDefinitionName": "myManagedApplicationDef",
}
_SAMPLE_PROPERTIES: Final[dict[str, dict[str, Any]]] = {
    "Gallery": {"description": "This is the gallery description."},
    "GalleryApplication": {"supportedOSType": "Windows", "description": "This is the gallery application description."},
    "GalleryApplicationVersion": {
        "publishingProfile": {
            "source": {"mediaLink": "https://mystorageaccount.blob.core.windows.net/mycontainer/package.zip?{sasKey}"},
            "manageActions": {"install": "expand package.zip", "remove": "del C:\\package "},
            "targetRegions": [
                {
                    "name": "West US",
                    "regionalReplicaCount": 1,
                    "storageAccountType": "Standard_LRS",
                    "excludeFromLatest": False,
                }
            ],
            "replicaCount": 1,
            "storageAccountType": "Standard_LRS",
        },
        "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
    },
    "ApplicationDefinition": {
        "lockLevel": "None",
        "displayName": "myManagedApplicationDef",
        "description": "myManagedApplicationDef description",
        "authorizations": [{"principalId": "validprincipalguid", "roleDefinitionId": "validroleguid"}],
        "packageFileUri": "https://path/to/packagezipfile",
    },
}
_SAMPLE_ADDED: Final[dict[str, dict[str, Any]]] = {
    "Gallery": {"identifier": {"uniqueName": "x"}, "provisioningState": "Creating"},
    "GalleryApplication": {},
    "GalleryApplicationVersion": {"provisioningState": "Creating"},
    "ApplicationDefinition": {"artifacts": [{"name": "CreateUiDefinition", "type": "Custom", "uri": "https://x"}]},
}
_SAMPLE_PROFILE: Final = {"enableHealthCheck": False, "excludeFromLatest": False, "publishedDate": "2019-06-21"}


def _sample(example: Example) -> dict[str, Any]:
    properties = _SAMPLE_PROPERTIES[example.kind]
    shown = {**properties, **_SAMPLE_ADDED[example.kind]}
    if "publishingProfile" in shown:
        shown["publishingProfile"] = {**shown["publishingProfile"], **_SAMPLE_PROFILE}
    answer = {"location": "West US", "name": "x", "id": "x", "type": "x", "properties": shown}
    body = {"properties": properties} if example.partial else {"location": "West US", "properties": properties}
    return {
        "parameters": {**_SAMPLE_NAMES, example.body: body},
        "responses": {status: {"body": answer} for status in ("200", "201")},
    }


def _official(example: Example) -> dict[str, Any]:
    name = (
        _GALLERIES.format(example.name)
        if example.kind.startswith("Gallery")
        else _SOLUTIONS.format(example.api_version, example.name)
    )
    return cast("dict[str, Any]", json.loads((_SPECIFICATION / name).read_text(encoding="utf-8")))


def _load(example: Example) -> dict[str, Any]:
    return _official(example) if _SPECIFICATION.is_dir() else _sample(example)


@pytest.mark.parametrize("load", [_load, _sample], ids=["official", "sample"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.name}-{example.api_version}")
def test_answers_have_the_shape_of_the_examples(example: Example, load: Any) -> None:
    """Same keys, same types, save the differences that are listed above."""
    document = load(example)
    kind = packaged().kinds[example.kind]
    answers = asyncio.run(_exchange(example, kind, document))
    for status, answer in answers.items():
        expected = document["responses"][status]["body"]
        found = {(example.kind, difference) for difference in _differences(expected, answer)}
        assert not found - KNOWN_DIFFERENCES, status


async def _exchange(example: Example, kind: Kind, document: dict[str, Any]) -> dict[str, Any]:
    """Send the example, after the resources that it needs, and return the answers by their status."""
    params = {
        name: SUBSCRIPTION if value == "{subscription-id}" else value for name, value in document["parameters"].items()
    }
    body: dict[str, Any] = document["parameters"][example.body]
    async with arm() as service:
        await _prepare(service, kind, params)
        url = f"{kind.resource_id(params)}?api-version={example.api_version}"
        if example.partial:
            await service.put(url, {"location": "West US", "properties": _SAMPLE_PROPERTIES[kind.name], **body})
            answers = [await service.send("PATCH", url, body)]
        else:
            answers = [await service.put(url, body), await service.put(url, body)]
        return {str(answer.status_code): answer.json() for answer in answers}


async def _prepare(service: Arm, kind: Kind, params: dict[str, str]) -> None:
    above: list[Kind] = []
    while kind.parent:
        kind = packaged().kinds[kind.parent]
        above.insert(0, kind)
    bodies = {each.name: {"location": "West US", "properties": _SAMPLE_PROPERTIES[each.name]} for each in above}
    for each in above:
        await service.put(each.resource_id(params), bodies[each.name])


def _differences(expected: Any, answer: Any, path: str = "") -> set[str]:
    """Return what is missing (-), more (+) or of another type (~), by path."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        found = {f"-{path}{name}" for name in expected.keys() - answer.keys()}
        found |= {f"+{path}{name}" for name in answer.keys() - expected.keys()}
        for name in expected.keys() & answer.keys():
            found |= _differences(expected[name], answer[name], f"{path}{name}.")
        return found
    if isinstance(expected, list) and isinstance(answer, list):
        return {each for item in answer for each in _differences(expected[0], item, path)} if expected else set()
    return set() if type(expected) is type(answer) else {f"~{path.rstrip('.')}"}


def test_every_known_difference_is_still_one() -> None:
    """A difference that went away does not stay on the list."""
    if not _SPECIFICATION.is_dir():
        examples: list[tuple[Example, Any]] = [(example, _sample(example)) for example in EXAMPLES]
        assert examples
        return
    found = set()
    for example in EXAMPLES:
        document = _official(example)
        for status, answer in asyncio.run(_exchange(example, packaged().kinds[example.kind], document)).items():
            expected = document["responses"][status]["body"]
            found |= {(example.kind, each) for each in _differences(expected, answer)}
    assert found == KNOWN_DIFFERENCES
