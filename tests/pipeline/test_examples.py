"""
Microsoft's own sample requests as manifests, and what Microsoft's clients create: applied, read back, planned empty.

The official examples lie beside the checkout (``../shared/arm``). Two sample requests of the reference pages are here.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import pytest
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.managedapplications import ManagedApplicationsMgmtClient

from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Change, Finding, Reason, Sync
from reconciler.model.outcome import Result
from tests.kit.bench import ENDPOINT, Bench, MediaLink, on_bench
from tests.kit.clock import ManualClock
from tests.kit.repository import ROOT
from tests.kit.sdk import AnyCredential, PlainAuthentication
from tests.kit.strategies import body_of, id_of, kind_of, manifest, params_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.kind import Kind

_SPECIFICATION: Final = ROOT.parent / "shared" / "arm" / "specification"
_SUBSCRIPTION: Final = "01523d7c-60da-455e-adef-521b547922c4"
_PLACEHOLDERS: Final = {"{subscription-id}": _SUBSCRIPTION, "{sasKey}": "sv=2022-11-02&sr=b"}


class Example(NamedTuple):
    """One sample request."""

    title: str
    kind: str
    params: Mapping[str, str]
    body: Mapping[str, Any]


_VERSION: Final = Example(
    "Create or update a simple gallery Application Version",
    "GalleryApplicationVersion",
    {
        "subscriptionId": "{subscription-id}",
        "resourceGroupName": "myResourceGroup",
        "galleryName": "myGalleryName",
        "galleryApplicationName": "myGalleryApplicationName",
        "galleryApplicationVersionName": "1.0.0",
    },
    {
        "location": "West US",
        "properties": {
            "publishingProfile": {
                "source": {
                    "mediaLink": "https://mystorageaccount.blob.core.windows.net/mycontainer/package.zip?{sasKey}"
                },
                "manageActions": {
                    "install": 'powershell -command "Expand-Archive -Path package.zip -DestinationPath C:\\package"',
                    "remove": "del C:\\package ",
                },
                "targetRegions": [
                    {
                        "name": "West US",
                        "regionalReplicaCount": 1,
                        "storageAccountType": "Standard_LRS",
                        "excludeFromLatest": False,
                    }
                ],
                "replicaCount": 1,
                "endOfLifeDate": "2019-07-01T07:00:00Z",
                "storageAccountType": "Standard_LRS",
                "customActions": [
                    {
                        "name": "myCustomAction",
                        "script": "myCustomActionScript",
                        "description": "This is the custom action description.",
                        "parameters": [
                            {
                                "name": "myCustomActionParameter",
                                "required": False,
                                "type": "String",
                                "defaultValue": "default value of parameter.",
                                "description": "This is the description of the parameter",
                            }
                        ],
                    }
                ],
            },
            "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
        },
    },
)
_DEFINITION: Final = Example(
    "Create or update managed application definition",
    "ApplicationDefinition",
    {
        "subscriptionId": "subid",
        "resourceGroupName": "rg",
        "applicationDefinitionName": "myManagedApplicationDef",
    },
    {
        "properties": {
            "lockLevel": "None",
            "displayName": "myManagedApplicationDef",
            "description": "myManagedApplicationDef description",
            "authorizations": [{"principalId": "validprincipalguid", "roleDefinitionId": "validroleguid"}],
            "packageFileUri": "https://path/to/packagezipfile",
        },
        "location": "East US 2",
    },
)
_PARENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Gallery": {"location": "West US"},
    "GalleryApplication": {"location": "West US", "properties": {"supportedOSType": "Windows"}},
}


def _official(*names: str) -> list[Example]:
    """Return the examples of the four types whose file names match one of *names*."""
    found = []
    for file in sorted(file for name in names for file in _SPECIFICATION.rglob(f"examples/**/{name}.json")):
        sent = json.loads(file.read_text(encoding="utf-8"))["parameters"]
        params = {name: value for name, value in sent.items() if isinstance(value, str) and name != "api-version"}
        bodies = [value for value in sent.values() if isinstance(value, dict)]
        kind = next((each for each in packaged().kinds.values() if set(each.parameters) == set(params)), None)
        if kind is not None and len(bodies) == 1:
            found.append(Example(f"{sent['api-version']} {file.stem}", kind.name, params, bodies[0]))
    return found


def _tagged(example: Example) -> Example:
    return Example(f"tags of {example.title}", example.kind, example.params, {"tags": {"department": "Finance"}})


_CREATES: Final = (_VERSION, _DEFINITION, *_official("*_Create", "*_Create_*", "createOrUpdate*"))
_UPDATES: Final = (_tagged(_VERSION), _tagged(_DEFINITION), *_official("*_Update", "update*"))


def _filled(value: Any) -> Any:
    """Return *value* with its placeholders replaced, and nothing else."""
    if isinstance(value, str):
        for placeholder, text in _PLACEHOLDERS.items():
            value = value.replace(placeholder, text)
        return value
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return {name: _filled(item) for name, item in value.items()} if isinstance(value, dict) else value


def _documents(example: Example, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the manifests of an example with *body*, and of the parents that it needs."""
    kinds: list[Kind] = [packaged().kinds[example.kind]]
    while kinds[0].parent:
        kinds.insert(0, packaged().kinds[kinds[0].parent])
    params = _filled(example.params)
    return [
        manifest(kind, "sample", {name: params[name] for name in kind.parameters}, _filled(sent))
        for kind, sent in ((kind, body if kind.name == example.kind else _PARENTS[kind.name]) for kind in kinds)
    ]


def _overlaid(body: Any, patch: Any) -> Any:
    """Return *body* as a PATCH leaves it: objects merge, all else is replaced."""
    if not isinstance(body, dict) or not isinstance(patch, dict):
        return patch
    return {**body, **{name: _overlaid(body.get(name), value) for name, value in patch.items()}}


def _created(example: Example) -> Mapping[str, Any]:
    """Return the request that an update example follows upon: the plain one for the same resource."""
    return next(each.body for each in sorted(_CREATES, key=lambda each: len(each.title)) if _is_same(each, example))


def _is_same(one: Example, other: Example) -> bool:
    return (one.kind, one.params) == (other.kind, other.params)


def _assert_quiet(changes: Sequence[Change]) -> None:
    """Check that no change is found, except write-only content that the reconciler did not send."""
    for change in changes:
        unseen = {".".join(path) for path in change.desired.kind.write_only_paths}
        assert all(item.finding is Finding.UNVERIFIED and item.path in unseen for item in change.fields), change.fields
        assert change.sync is (Sync.OUT_OF_SYNC if change.fields else Sync.IN_SYNC)
        assert (change.action, change.reason) == (
            (Action.UPDATE, Reason.ADOPT) if change.fields else (Action.NONE, Reason.IN_SYNC)
        )


@pytest.mark.parametrize("media_link", ["whole", "stripped"])
@pytest.mark.parametrize("example", _CREATES, ids=lambda example: example.title)
def test_a_sample_request_is_a_manifest(example: Example, media_link: MediaLink) -> None:
    """It is valid as it is, an apply creates it, and then there is nothing to do."""

    async def scenario(bench: Bench) -> None:
        documents = _documents(example, example.body)
        outcomes = await bench.apply(documents)
        assert [outcome.result for outcome in outcomes.values()] == [Result.SUCCEEDED] * len(documents)
        for change in (await bench.plan(documents)).plan.changes:
            assert (change.action, change.sync, change.fields) == (Action.NONE, Sync.IN_SYNC, ())
        assert await bench.apply(documents) == {}
        assert bench.puts == len(documents)

    on_bench(scenario, media_link)


@pytest.mark.parametrize("example", _UPDATES, ids=lambda example: example.title)
def test_a_sample_update_of_somebody_else_reads_without_noise(example: Example) -> None:
    """A PATCH by another client, then a manifest that states the same: no difference."""
    before = _created(example)

    async def scenario(bench: Bench) -> None:
        documents = _documents(example, before)
        await bench.apply(documents)
        kind, resource_id = kind_of(documents[-1]), id_of(documents[-1])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(bench.app), base_url=ENDPOINT) as client:
            query = {"api-version": kind.api_version}
            answer = await client.patch(resource_id, params=query, json=_filled(example.body))
        assert answer.is_success, answer.text
        reading = await bench.plan(_documents(example, _overlaid(before, example.body)))
        _assert_quiet(reading.plan.changes)

    on_bench(scenario)


@pytest.fixture
def base_url() -> Iterator[str]:
    """Yield the URL of an embedded ARM whose operations end at once."""
    with serve_in_thread(create_app(EmulatorSettings(operation_seconds=0), ManualClock())) as url:
        yield url


def test_what_microsofts_clients_create_reads_without_noise(base_url: str) -> None:
    """Resources of the Azure SDK, then manifests that state the same: no difference."""
    documents = [*_documents(_VERSION, _VERSION.body), *_documents(_DEFINITION, _DEFINITION.body)]
    options: dict[str, Any] = {
        "base_url": base_url,
        "credential_scopes": ["any"],
        "authentication_policy": PlainAuthentication(),
        "polling_interval": 0,
    }
    gallery, application, version, definition = (body_of(document) for document in documents)
    names = list(params_of(documents[2]).values())
    client: Any
    with ComputeManagementClient(AnyCredential(), names[0], **options) as client:
        client.galleries.begin_create_or_update(*names[1:3], gallery).result()
        client.gallery_applications.begin_create_or_update(*names[1:4], application).result()
        client.gallery_application_versions.begin_create_or_update(*names[1:5], version).result()
    subscription, *names = params_of(documents[3]).values()
    with ManagedApplicationsMgmtClient(AnyCredential(), subscription, **options) as client:
        client.application_definitions.create_or_update(*names, definition)
    _assert_quiet(asyncio.run(_plan(base_url, documents)))


async def _plan(base_url: str, documents: Sequence[Mapping[str, Any]]) -> Sequence[Change]:
    clock = ManualClock()
    transport = Transport.open(base_url, ARM, NoToken(), clock, environ={})
    try:
        reading = await Bench(None, ArmWriter(transport, Retrier(clock)), clock).plan(documents)
    finally:
        await transport.close()
    return reading.plan.changes
