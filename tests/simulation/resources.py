"""
The resources of a simulated estate: what git states of them, and what a body says of them.

A resource is a handful of *facts*, name to value. A document is made from them and a body is read back into them by the
one table :data:`PATHS`, which knows nothing of how the reconciler compares.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tests.kit.service import APPLICATION, GALLERY, GROUP, SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Facts: TypeAlias = "dict[str, Any]"
Path: TypeAlias = "tuple[str | int, ...]"

CANARY: Final = "NIGHTINGALE"
"""
Stands in every secret: in the signature of every link, and in every token.

Not the word that the whole suite looks for: a bug that is planted to leak it must not fail the test that plants it.
"""

_PROFILE: Final = ("properties", "publishingProfile")
PATHS: Final[Mapping[str, Mapping[str, Path]]] = {
    "Gallery": {"description": ("properties", "description"), "team": ("tags", "team")},
    "GalleryApplication": {"description": ("properties", "description"), "team": ("tags", "team")},
    "GalleryApplicationVersion": {
        "team": ("tags", "team"),
        "replicas": (*_PROFILE, "targetRegions", 0, "regionalReplicaCount"),
        "hidden": (*_PROFILE, "excludeFromLatest"),
        "install": (*_PROFILE, "manageActions", "install"),
        "package": (*_PROFILE, "source", "mediaLink"),
    },
    "ApplicationDefinition": {
        "description": ("properties", "description"),
        "display": ("properties", "displayName"),
        "team": ("tags", "team"),
        "package": ("properties", "packageFileUri"),
    },
}
FROZEN: Final[Mapping[str, frozenset[str]]] = {"GalleryApplicationVersion": frozenset({"install", "package"})}
"""Facts that are immutable after creation."""
NEWER: Final[Mapping[str, tuple[tuple[str, Path, Any, Path], ...]]] = {
    "Gallery": (
        ("2024-03-03", ("identity",), {"type": "SystemAssigned"}, ("identity", "type")),
        ("2026-03-03", ("properties", "softDeletePolicy", "retentionPeriodInDays"), 7, ()),
    ),
    "GalleryApplicationVersion": (
        ("2024-03-03", (*_PROFILE, "settings", "scriptBehaviorAfterReboot"), "Rerun", ()),
        (
            "2024-03-03",
            (*_PROFILE, "targetRegions", 0, "additionalReplicaSets"),
            [{"storageAccountType": "Premium_LRS", "regionalReplicaCount": 1}],
            (*_PROFILE, "targetRegions", 0, "additionalReplicaSets", 0, "storageAccountType"),
        ),
    ),
}
"""Properties that git says nothing of: the api-version of each, its path, a value, and the path that is looked at."""
UNREADABLE: Final[Mapping[str, frozenset[str]]] = {"ApplicationDefinition": frozenset({"package"})}
"""What no answer shows."""
RUNNING: Final = frozenset({"creating", "updating", "deleting", "migrating"})
_NAMES: Final = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": "rg"}
_SKELETONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Gallery": {},
    "GalleryApplication": {"properties": {"supportedOSType": "Linux"}},
    "GalleryApplicationVersion": {
        "properties": {
            "publishingProfile": {
                "manageActions": {"remove": "sh remove"},
                "targetRegions": [{"name": "West US"}],
            }
        }
    },
    "ApplicationDefinition": {"properties": {"lockLevel": "None", "authorizations": []}},
}


@dataclass(frozen=True, slots=True)
class Item:
    """
    One resource that manifests state.

    Attributes:
        id: Its resource id.
        name: Of its manifest.
        names: The URI parameters, but for subscription and group.
        facts: What is stated at first.
    """

    kind: str
    id: str
    name: str
    names: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, Any], ...]

    @property
    def key(self) -> str:
        """The id, folded."""
        return self.id.lower()

    @property
    def is_leaf(self) -> bool:
        """Whether nothing of the simulation lies below it."""
        return self.kind in {"GalleryApplicationVersion", "ApplicationDefinition"}


def link(name: str, signature: int) -> str:
    """Return a link to a package, with a secret in it."""
    return f"https://packages.blob.core.windows.net/{name}.zip?sv=2022&sig={CANARY}{signature}"


def gallery() -> Item:
    """Return a gallery."""
    return Item("Gallery", GALLERY, "tools", (("galleryName", "tools"),), (("description", "0"), ("team", "0")))


def application() -> Item:
    """Return an application."""
    names = (("galleryName", "tools"), ("galleryApplicationName", "agent"))
    return Item("GalleryApplication", APPLICATION, "agent", names, (("description", "0"), ("team", "0")))


def version(number: str) -> Item:
    """Return a version."""
    names = (
        ("galleryName", "tools"),
        ("galleryApplicationName", "agent"),
        ("galleryApplicationVersionName", number),
    )
    facts = (
        ("team", "0"),
        ("replicas", 1),
        ("hidden", False),
        ("install", "0"),
        ("package", link(f"agent-{number}", 0)),
    )
    return Item("GalleryApplicationVersion", f"{APPLICATION}/versions/{number}", f"agent-{number}", names, facts)


def definition(name: str) -> Item:
    """Return a definition, whose package no answer shows."""
    facts = (("description", "0"), ("display", "0"), ("team", "0"), ("package", link(name, 0)))
    resource_id = f"{GROUP}/providers/Microsoft.Solutions/applicationDefinitions/{name}"
    return Item("ApplicationDefinition", resource_id, name, (("applicationDefinitionName", name),), facts)


def body(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request body that states *facts*."""
    made: dict[str, Any] = json.loads(json.dumps(_SKELETONS[kind]))
    made["location"] = "West US"
    for name, value in facts.items():
        write(made, PATHS[kind][name], value)
    return made


def documents(items: Iterable[Item], stated: Mapping[str, Facts]) -> bytes:
    """Return the manifests of *items* as one file."""
    texts = []
    for item in items:
        spec = {**_NAMES, **dict(item.names), **body(item.kind, stated[item.key])}
        head = {"apiVersion": "reconciler.dev/v1", "kind": item.kind, "metadata": {"name": item.name}}
        texts.append(json.dumps({**head, "spec": spec}))
    return "\n---\n".join(texts).encode()


def write(target: Any, path: Sequence[str | int], value: Any) -> None:
    """Set the value at a path, making the objects above it."""
    for step in path[:-1]:
        target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
    target[path[-1]] = value


def read(source: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path; None if there is none."""
    for step in path:
        try:
            source = source[step]
        except (KeyError, IndexError, TypeError):
            return None
    return source


def facts(kind: str, answer: Mapping[str, Any]) -> Facts:
    """Return what a body says, as it can be compared: without the query parts of links."""
    return {name: meant(name, read(answer, path)) for name, path in PATHS[kind].items()}


def meant(name: str, value: Any) -> Any:
    """Return a value as it is compared."""
    if name == "package" and isinstance(value, str):
        return value.partition("?")[0]
    return False if name == "hidden" and value is None else value


def differences(kind: str, stated: Facts, answer: Mapping[str, Any], *, is_stored: bool = False) -> list[str]:
    """
    Return the names of the facts that are not as stated.

    Args:
        kind: Of the resource.
        stated: What git says.
        answer: A body.
        is_stored: Whether it is what the service knows, and not what it answers.
    """
    found = facts(kind, answer)
    hidden = frozenset() if is_stored else UNREADABLE.get(kind, frozenset())
    return [name for name, value in stated.items() if name not in hidden and found[name] != meant(name, value)]


def state(answer: Mapping[str, Any]) -> str:
    """Return the provisioning state of a body, folded."""
    return str(read(answer, ("properties", "provisioningState")) or "Succeeded").lower()


def tags(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a body, but for those of the reconciler."""
    found = answer.get("tags") or {}
    return {name: value for name, value in found.items() if not name.startswith("reconciler-")}


def digest(answer: Mapping[str, Any]) -> str | None:
    """Return the digest that the reconciler recorded."""
    return (answer.get("tags") or {}).get("reconciler-digest")
