"""
What the tests of the command line share: manifests of all kinds, the world behind the embedded ARM, checked reports.

The tests stand where a user stands: they write files, run commands, and look at what Azure holds afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
import jsonschema_rs
import pytest
import yaml

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from tests.kit.forked import program
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.emulator.world import World

Manifest = dict[str, Any]
Report = dict[str, Any]

SUBSCRIPTION: Final = "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11"
GROUP: Final = "rg-tools"
LINK: Final = "https://packages.blob.core.windows.net/agent/agent.zip"
PACKAGE: Final = "https://packages.blob.core.windows.net/suite/app.zip"
REGIONS: Final = "properties.publishingProfile.targetRegions"
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"

_SETTINGS: Final = (
    *("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"),
    *("-c", "maintenance.auto=false", "-c", "gc.auto=0"),
)
_SCHEMA: Final = jsonschema_rs.validator_for(json.loads((ROOT / "schemas" / "report.schema.json").read_text()))
PROGRAM: Final = Path(sys.executable).parent / "reconciler"
_IDS: Final = {
    "Gallery": "Microsoft.Compute/galleries/{galleryName}",
    "GalleryApplication": "Microsoft.Compute/galleries/{galleryName}/applications/{galleryApplicationName}",
    "GalleryApplicationVersion": "Microsoft.Compute/galleries/{galleryName}/applications/{galleryApplicationName}"
    "/versions/{galleryApplicationVersionName}",
    "GalleryScript": "Microsoft.Compute/galleries/{galleryName}/scripts/{galleryScriptName}",
    "GalleryScriptVersion": "Microsoft.Compute/galleries/{galleryName}/scripts/{galleryScriptName}"
    "/versions/{galleryScriptVersionName}",
    "ApplicationDefinition": "Microsoft.Solutions/applicationDefinitions/{applicationDefinitionName}",
}


def manifest(kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    """Return a manifest whose spec begins with the subscription and the resource group of all tests."""
    common = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": GROUP}
    return {
        "apiVersion": "reconciler.dev/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**common, **deepcopy(dict(spec))},
    }


def gallery(name: str = "tools", **properties: Any) -> Manifest:
    """Return the manifest of a gallery."""
    return manifest("Gallery", name, {"galleryName": name, "location": "West Europe", "properties": properties})


def application(name: str = "agent", *, within: str = "tools", **properties: Any) -> Manifest:
    """Return the manifest of an application in the gallery *within*."""
    spec = {
        "galleryName": within,
        "galleryApplicationName": name,
        "location": "West Europe",
        "properties": {"supportedOSType": "Linux", **properties},
    }
    return manifest("GalleryApplication", name, spec)


def version(number: str = "1.0.0", *, of: str = "agent", within: str = "tools", **profile: Any) -> Manifest:
    """Return the manifest of a version of the application *of*."""
    spec = {
        "galleryName": within,
        "galleryApplicationName": of,
        "galleryApplicationVersionName": number,
        "location": "West Europe",
        "properties": {
            "publishingProfile": {
                "source": {"mediaLink": LINK},
                "manageActions": {"install": "sh install.sh", "remove": "sh remove.sh"},
                "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 1}],
                **profile,
            },
            "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
        },
    }
    return manifest("GalleryApplicationVersion", f"{of}-{number}", spec)


def definition(name: str = "suite", **properties: Any) -> Manifest:
    """Return the manifest of a managed application definition with a package."""
    spec = {
        "applicationDefinitionName": name,
        "location": "West Europe",
        "properties": {
            "lockLevel": "ReadOnly",
            "displayName": "Suite",
            "packageFileUri": PACKAGE,
            "deploymentPolicy": {"deploymentMode": "Incremental"},
            **properties,
        },
    }
    return manifest("ApplicationDefinition", name, spec)


def inline(name: str = "suite", **properties: Any) -> Manifest:
    """Return the manifest of a definition with its template in it."""
    made = definition(name, mainTemplate={"resources": []}, createUiDefinition={"version": "0.1"}, **properties)
    return without(made, "properties.packageFileUri")


def estate() -> list[Manifest]:
    """Return one manifest of every kind, each below the one before where it has a parent."""
    return [gallery(), application(), version(), definition()]


def changed(made: Manifest, path: str, value: Any) -> Manifest:
    """Return *made* with another value at a dotted path of its spec; indexes of lists are numbers."""
    copy = deepcopy(made)
    *parents, last = path.split(".")
    node = copy["spec"]
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    node[int(last) if isinstance(node, list) else last] = value
    return copy


def without(made: Manifest, path: str) -> Manifest:
    """Return *made* without the value at a dotted path of its spec."""
    copy = deepcopy(made)
    *parents, last = path.split(".")
    node = copy["spec"]
    for step in parents:
        node = node[step]
    del node[last]
    return copy


def annotated(made: Manifest, **annotations: str) -> Manifest:
    """Return *made* with annotations of the reconciler; an underscore stands for a hyphen."""
    copy = deepcopy(made)
    own = {f"reconciler.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    copy["metadata"].setdefault("annotations", {}).update(own)
    return copy


def labelled(made: Manifest, **labels: str) -> Manifest:
    """Return *made* with labels."""
    copy = deepcopy(made)
    copy["metadata"]["labels"] = labels
    return copy


def named(made: Manifest, name: str) -> Manifest:
    """Return *made* under another ``metadata.name``."""
    copy = deepcopy(made)
    copy["metadata"]["name"] = name
    return copy


def id_of(made: Manifest) -> str:
    """Return the resource id that a manifest states."""
    spec = made["spec"]
    prefix = f"/subscriptions/{spec['subscriptionId']}/resourceGroups/{spec['resourceGroupName']}/providers/"
    return prefix + _IDS[made["kind"]].format(**spec)


def project(name: str = "endpoint", **spec: Any) -> Manifest:
    """Return a project file."""
    return {"apiVersion": "reconciler.dev/v1", "kind": "Project", "metadata": {"name": name}, "spec": spec}


def as_yaml(*documents: Mapping[str, Any]) -> str:
    """Return documents as YAML in block style, keys in their order."""
    return yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)


def git(folder: Path, *arguments: str) -> str:
    """Run git as a fixed author, independent of the machine's own settings, and return its output."""
    done = subprocess.run(["git", *_SETTINGS, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str = "edit") -> str:
    """Commit what the folder holds, if only that nothing changed, and give the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


class Workspace:
    """The working folder of a user: a project file, a folder of manifests, and what else a test puts there."""

    def __init__(self, folder: Path) -> None:
        """Work in *folder*."""
        self.folder = folder
        self.manifests = folder / "manifests"
        self.manifests.mkdir()

    def file(self, name: str, text: str) -> Path:
        """Write any file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def project(self, name: str = "endpoint", **spec: Any) -> Path:
        """Write the project file."""
        return self.file("reconciler.yaml", as_yaml(project(name, **spec)))

    def state(self, *manifests: Manifest) -> None:
        """Let the folder of manifests hold these and no others, one file each."""
        for old in self.manifests.rglob("*.yaml"):
            old.unlink()
        for made in manifests:
            self.add(made)

    def add(self, *manifests: Manifest, file: str | None = None) -> Path:
        """Add one file with these manifests."""
        first = manifests[0]
        name = file or f"{first['kind']}-{first['metadata']['name']}.yaml"
        return self.file(f"manifests/{name}", as_yaml(*manifests))


class Azure:
    """What is behind the embedded ARM of a test, and the other clients that write to it."""

    def __init__(self, state: Path) -> None:
        """Look at the state file that the commands use."""
        self.state = state

    @contextmanager
    def world(self) -> Iterator[World]:
        """Open the world, and let go of it."""
        app = create_app(EmulatorSettings(state=self.state), SystemClock())
        try:
            yield cast("World", app.state.world)
        finally:
            app.state.world.close()

    def ids(self) -> set[str]:
        """Return the folded ids of all resources."""
        with self.world() as world:
            return set(world.ids())

    def holds(self, *manifests: Manifest) -> bool:
        """Return whether exactly the resources that these manifests state are there."""
        return self.ids() == {id_of(made).lower() for made in manifests}

    def stored(self, made: Manifest) -> dict[str, Any]:
        """Return the body as the service knows it, write-only content included."""
        with self.world() as world:
            body = world.stored(id_of(made))
        assert body is not None, f"{id_of(made)} is not there"
        return body

    def tags(self, made: Manifest) -> dict[str, str]:
        """Return the tags of a resource."""
        return cast("dict[str, str]", self.stored(made).get("tags") or {})

    def edit(self, made: Manifest, path: str, value: Any) -> None:
        """Set the value at a dotted path of a live body, as another client would."""
        self.rewrite(made, lambda body: changed({"spec": body}, path, value)["spec"])

    def drop(self, made: Manifest, path: str) -> None:
        """Take the value at a dotted path of a live body away."""
        self.rewrite(made, lambda body: without({"spec": body}, path)["spec"])

    def rewrite(self, made: Manifest, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change a live body as another client would."""
        with self.world() as world:
            world.edit(id_of(made), change)

    def seed(self, *manifests: Manifest) -> None:
        """Create resources as another client would, without the reconciler's tags."""
        bodies = []
        for made in manifests:
            spec = made["spec"]
            body = {name: spec[name] for name in ("location", "tags", "properties") if name in spec}
            bodies.append((id_of(made), body))
        with self.world() as world:
            world.seed(bodies)

    def remove(self, made: Manifest) -> None:
        """Delete a resource as another client, outside git."""
        with self.world() as world:
            world.remove(id_of(made))

    def fail_next(self, made: Manifest, code: str = "InternalOperationError", status: int | None = None) -> None:
        """Let the next write to a resource fail."""
        with self.world() as world:
            world.fail_next(id_of(made), code, "this failure was planted", status=status)

    def send(self, method: str, made: Manifest, body: Any = None, operation_seconds: float = 0) -> httpx.Response:
        """Send one request as another client, over HTTP semantics."""

        async def exchange() -> httpx.Response:
            settings = EmulatorSettings(state=self.state, operation_seconds=operation_seconds)
            app = create_app(settings, SystemClock())
            try:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://arm.test") as client:
                    api = "2019-07-01" if "Microsoft.Solutions" in id_of(made) else "2022-03-03"
                    return await client.request(method, id_of(made), params={"api-version": api}, json=body)
            finally:
                app.state.world.close()

        return asyncio.run(exchange())


@dataclass(frozen=True)
class Done:
    """What a command left behind: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def report_of_any_kind(self) -> Any:
        """Return the JSON on standard output, unchecked: of a command whose output is no report."""
        return json.loads(self.out)

    @property
    def flat(self) -> str:
        """Return standard output on one line, wherever the text was folded."""
        return " ".join(self.out.split())

    @property
    def report(self) -> Report:
        """Return the JSON report on standard output, checked."""
        return checked(json.loads(self.out))


def checked(report: Report) -> Report:
    """Return *report* after holding it against its schema, and its counts against its resources."""
    _SCHEMA.validate(report)
    summary, resources = report["summary"], report["resources"]
    stated = [item for item in resources if item["source"] is not None]
    actions = Counter(item["action"] for item in stated)
    outcomes = Counter(item["outcome"] for item in stated)
    for action in ("create", "update", "blocked", "wait", "paused", "unknown"):
        assert summary[action] == actions[action], action
    for outcome in ("succeeded", "unchanged", "failed", "skipped", "refused"):
        assert summary[outcome] == outcomes[outcome], outcome
    if report["command"] != "validate" and not report["errors"]:
        assert summary["resources"] == len(stated)
    assert summary["unmanaged"] == len(resources) - len(stated)
    assert summary["inSync"] == sum(item["sync"] == "InSync" for item in stated)
    assert summary["drift"] == sum(item["sync"] in {"OutOfSync", "Missing"} for item in stated)
    assert summary["undeclared"] == len(changes_of(report, "undeclared"))
    if report["command"] in {"plan", "drift"}:
        assert summary["puts"] == summary["create"] + summary["update"]
        assert {"GET", "PUT"} <= set(summary["requests"]) <= {"GET", "PUT", "POST"}
        assert summary["requests"]["PUT"] == 0
    assert report["startedAt"] <= report["finishedAt"]
    return report


def resource(report: Report, made: Manifest) -> dict[str, Any]:
    """Return the part of a report that is about one manifest."""
    wanted = made["kind"], made["metadata"]["name"]
    found = [item for item in report["resources"] if item["source"] and (item["kind"], item["name"]) == wanted]
    assert len(found) == 1, wanted
    return cast("dict[str, Any]", found[0])


def verdict(report: Report, made: Manifest) -> tuple[str, str, str]:
    """Return action, reason and sync of one manifest."""
    item = resource(report, made)
    return item["action"], item["reason"], item["sync"]


def changes_of(report: Report, *findings: str) -> list[dict[str, Any]]:
    """Return the changes of all resources, of certain findings or all."""
    every = [change for item in report["resources"] for change in item["changes"]]
    return [change for change in every if not findings or change["finding"] in findings]


def paths(report: Report, *findings: str) -> list[str]:
    """Return the paths of all changes, of certain findings or all."""
    return [change["path"] for change in changes_of(report, *findings)]


def codes(report: Report, severity: str = "errors") -> list[str]:
    """Return the codes of the errors or the warnings."""
    return [problem["code"] for problem in report[severity]]


def start(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [program(), *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process is about to do."""
    pause = threading.Event()
    for _ in range(2000):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("it did not happen")


def finish(process: subprocess.Popen[str], timeout: float = 60) -> Done:
    """Return what a process left behind, which is never a traceback."""
    out, err = process.communicate(timeout=timeout)
    assert "Traceback" not in out + err
    return Done(process.returncode, out, err)
