"""A big estate, in sync: the same resources as manifests and as the state of an embedded ARM."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.kinds.packaged import packaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SUBSCRIPTION = "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11"
WHERE = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": "rg-bench", "galleryName": "bench"}
SCRIPT = "set -eu\ntar -xzf package.tar.gz -C /opt/agent\n/opt/agent/bin/setup --quiet --channel stable\n"


def documents(versions: int, applications: int) -> Iterator[dict[str, Any]]:
    """Yield a gallery, *applications* in it, and *versions* spread over them."""
    yield _document("Gallery", "bench", {}, {"description": "Benchmark"})
    for number in range(applications):
        params = {"galleryApplicationName": f"app-{number:04}"}
        yield _document("GalleryApplication", f"app-{number:04}", params, {"supportedOSType": "Linux"})
    for number in range(versions):
        application, patch = number % applications, number // applications
        params = {
            "galleryApplicationName": f"app-{application:04}",
            "galleryApplicationVersionName": f"1.0.{patch}",
        }
        yield _document("GalleryApplicationVersion", f"app-{application:04}-1.0.{patch}", params, _version(number))


def spread(resources: int, of_each: int = 200) -> Iterator[dict[str, Any]]:
    """Yield a gallery with applications and versions in each of many subscriptions."""
    for number in range(resources // of_each):
        subscription = f"{number:08x}{SUBSCRIPTION[8:]}"
        for each in documents(of_each - 9, 8):
            name = f"{each['metadata']['name']}-s{number}"
            yield {**each, "metadata": {"name": name}, "spec": {**each["spec"], "subscriptionId": subscription}}


def _document(kind: str, name: str, params: dict[str, str], properties: dict[str, Any]) -> dict[str, Any]:
    spec = {**WHERE, **params, "location": "West Europe", "tags": {"team": "endpoint"}, "properties": properties}
    return {"apiVersion": "reconciler.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _version(number: int) -> dict[str, Any]:
    regions = [{"name": "West Europe", "regionalReplicaCount": 2}, {"name": "northeurope"}]
    return {
        "publishingProfile": {
            "source": {"mediaLink": f"https://bench.blob.core.windows.net/packages/{number}.tar.gz"},
            "manageActions": {"install": SCRIPT, "remove": "rm -rf /opt/agent\n", "update": SCRIPT},
            "settings": {"packageFileName": "package.tar.gz"},
            "targetRegions": regions,
            "endOfLifeDate": "2035-06-19T07:00:00Z",
        },
        "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
    }


def write_manifests(folder: Path, versions: int, applications: int) -> int:
    """Write one file for each document, as block YAML would be a file each, and give their number."""
    return write_documents(folder, documents(versions, applications))


def write_documents(folder: Path, written: Iterable[dict[str, Any]]) -> int:
    """Write one file for each document, and give their number."""
    count = 0
    for count, document in enumerate(written, 1):  # noqa: B007 (the count is the result)
        file = folder / document["kind"] / f"{document['metadata']['name']}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_yaml(document), encoding="utf-8")
    return count


def seed(state: Path, versions: int, applications: int) -> None:
    """Fill an embedded ARM with what the manifests state."""
    seed_documents(state, documents(versions, applications))


def seed_documents(state: Path, stated: Iterable[dict[str, Any]]) -> None:
    """Fill an embedded ARM with what some documents state."""
    kinds = packaged().kinds

    def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
        for document in stated:
            kind, spec = kinds[document["kind"]], document["spec"]
            params = {name: spec[name] for name in kind.parameters}
            yield kind.resource_id(params), {key: spec[key] for key in spec if key not in kind.parameters}

    app = create_app(EmulatorSettings(state=state), SystemClock())
    app.state.world.seed(bodies())
    app.state.world.close()


def _yaml(value: Any, indent: int = 0) -> str:
    """Return block YAML: what people write costs more to read than JSON."""
    pad = "  " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines.append(f"{pad}{key}:\n{_yaml(item, indent + 1)}")
        elif isinstance(item, list) and item:
            elements = "".join(f"{pad}  - {json.dumps(element)}\n" for element in item)
            lines.append(f"{pad}{key}:\n{elements}")
        elif isinstance(item, str) and "\n" in item:
            text = "".join(f"{pad}  {line}\n" for line in item.splitlines())
            lines.append(f"{pad}{key}: |\n{text}")
        else:
            lines.append(f"{pad}{key}: {json.dumps(item)}\n")
    return "".join(lines)


def write_machines(file: Path, machines: int) -> None:
    """Write the seed of Resource Graph: machines in West Europe that request the latest version of an application."""
    application = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-bench/providers/Microsoft.Compute/galleries/bench"
    uses = {
        "packageReferenceId": f"{application}/applications/app-0000/versions/latest",
        "enableAutomaticUpgrade": True,
    }
    prefix = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/vms/providers/Microsoft.Compute/virtualMachines/vm"
    entries = [
        {"id": f"{prefix}{number:05}", "location": "westeurope", "applications": [uses]} for number in range(machines)
    ]
    file.write_text(json.dumps(entries), encoding="utf-8")
