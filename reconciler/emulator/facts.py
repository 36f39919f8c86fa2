"""
Behaviour of each service that no schema describes, by resource type. The model of the service: facts, not wishes.

Sources, cited below by their short names:

* ``net-gav``: azure-sdk-for-net, session record ``GalleryApplicationVersion_CRUD_Tests`` (api-version 2022-03-03)
* ``cli-gav``: azure-cli, recording ``test_gallery_application_version`` (2021-07-01)
* ``cli-ad``: azure-cli, recordings ``test_managedappdef`` and ``test_managedappdef_inline`` (2018-06-01)
* ``vmapp``: learn.microsoft.com, "VM Applications overview"
* ``swagger``: azure-rest-api-specs, ``gallery.json`` (2022-03-03) and ``managedapplications.json`` (2019-07-01)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.emulator.trees import Path
    from reconciler.kinds.kind import Kind

_PROFILE: Final = ("properties", "publishingProfile")
_SERVER_SET: Final = ("name", "id", "type")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One operation of the Compute provider and the sizes of its two windows."""

    operation: str
    per_3_min: int
    per_30_min: int


@dataclass(frozen=True, slots=True)
class Facts:
    """
    One resource type.

    Attributes:
        subject: How the service calls the request body in its messages.
        api_versions: Those that the type has, ascending; the schema says which property came with which.
        order: Of the answer's keys, nested paths joined by dots; other keys come after them.
        has_state: Whether answers carry ``properties.provisioningState``.
        region_list: Path of the list of regions, which is made from the location when it is left out.
        region_names: Paths of leaves that come back as display names.
        instants: Paths of leaves that come back in local time.
        published: Path that gets the time of creation.
        unique_name: Path that gets a name made from subscription and resource name.
        artifacts: Path of the list that is made from the package.
        echoed: Values answered when nothing was sent, by path.
        implied: Values that absence means where it is not echoed, by path.
        inherited: In every element of *region_list*: the path whose value replaces an omitted one.
        keeps_when_empty: Paths of lists for which an empty list means "as it is".
        unique: Paths of lists whose elements must not repeat a key.
        refused: Paths that the type does not allow although the schema has them.
        shared: Path of a property that a setting can make immutable.
        gated: Path of an object that needs a feature of the subscription, and the answer without it.
        completed: Paths of the beginning of a public name, and of the list of complete ones.
        dresses_writes: Whether answers to writes carry fields that a GET may lack.
        links: Paths of links that the service reads.
        unreadable: The code of the refusal of a link that the service cannot read.
        packages: Paths of the two ways to hand over a definition: a package, or the parts together.
        locked: Path whose change has an error of its own.
        refuses_unknown: Whether an unknown property is an error; otherwise it is dropped.
        patches: The properties that a PATCH may change; None for all but the location.
        location_required: Whether a PUT must name the location.
        limits: Rate limits of the provider, by HTTP method.
    """

    subject: str
    api_versions: tuple[str, ...]
    order: tuple[str, ...]
    has_state: bool
    region_list: Path | None = None
    region_names: tuple[Path, ...] = ()
    instants: tuple[Path, ...] = ()
    published: Path | None = None
    unique_name: Path | None = None
    artifacts: Path | None = None
    echoed: tuple[tuple[Path, Any], ...] = ()
    implied: Mapping[Path, Any] = field(default_factory=dict)
    inherited: tuple[tuple[str, Path], ...] = ()
    keeps_when_empty: tuple[Path, ...] = ()
    unique: tuple[Path, ...] = ()
    refused: tuple[Path, ...] = ()
    shared: Path | None = None
    gated: tuple[Path, Mapping[str, Any]] | None = None
    completed: tuple[Path, Path] | None = None
    dresses_writes: bool = False
    links: tuple[Path, ...] = ()
    unreadable: str = "InvalidParameter"
    packages: tuple[tuple[Path, ...], ...] = ()
    locked: Path | None = None
    refuses_unknown: bool = True
    patches: tuple[str, ...] | None = None
    location_required: bool = True
    limits: Mapping[str, RateLimit] = field(default_factory=dict)


# Up to 2023-07-03 as an answer listed them (flatcar/mantle pull request 520); then those of azure-rest-api-specs.
_COMPUTE_VERSIONS: Final = (
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2025-12-03",
    "2026-03-03",
)
_SOLUTIONS_VERSIONS: Final = ("2018-06-01", "2019-07-01", "2021-07-01", "2023-12-01-preview")

# Sizes as read off the first x-ms-ratelimit-remaining-resource of net-gav and cli-gav; not documented, may have grown.
OPERATION_STATUS: Final = RateLimit("GetOperationStatus", 1200, 4200)


def _limits(noun: str, write: tuple[int, int], read: tuple[int, int]) -> Mapping[str, RateLimit]:
    update = RateLimit(f"CreateUpdate{noun}", *write)
    delete = RateLimit(f"Delete{noun}", 150, 1000)
    return {"GET": RateLimit(f"Get{noun}", *read), "PUT": update, "PATCH": update, "DELETE": delete}


_GALLERY: Final = Facts(
    subject="gallery",
    api_versions=_COMPUTE_VERSIONS,
    order=(*_SERVER_SET, "location", "tags", "properties.description", "properties.identifier"),
    has_state=True,
    # "{subscription-id}-MYGALLERYNAME": example Gallery_Create (swagger).
    unique_name=("properties", "identifier", "uniqueName"),
    # A gallery is private by default ("Share gallery resources", learn.microsoft.com).
    implied={("properties", "sharingProfile", "permissions"): "Private"},
    shared=("properties", "sharingProfile", "permissions"),
    completed=(  # 2022: only publicNames: ["PREFIX-<guid>"] (azure-cli, recording test_update_gallery_permissions)
        ("properties", "sharingProfile", "communityGalleryInfo", "publicNamePrefix"),
        ("properties", "sharingProfile", "communityGalleryInfo", "publicNames"),
    ),
    # Older galleries return it; a PUT with it needs the feature SigSoftDelete (user reports).
    gated=(("properties", "softDeletePolicy"), {"isSoftDeleteEnabled": False}),
    limits=_limits("Gallery", (50, 300), (350, 2500)),
)

_APPLICATION: Final = Facts(
    subject="galleryApplication",
    api_versions=_COMPUTE_VERSIONS,
    order=(*_SERVER_SET, "location", "tags", "properties.description", "properties.eula"),
    has_state=False,  # net-gav: neither in the answers nor in the schema
    instants=(("properties", "endOfLifeDate"),),
    unique=(("properties", "customActions"),),  # "Must be unique" (swagger)
    limits=_limits("GalleryApplication", (150, 750), (300, 2000)),
)

_VERSION: Final = Facts(
    subject="galleryApplicationVersion",
    api_versions=_COMPUTE_VERSIONS,
    order=(  # as seen in net-gav; settings, advancedSettings and customActions as in the official examples
        *_SERVER_SET,
        "location",
        "tags",
        "properties.publishingProfile.source",
        "properties.publishingProfile.manageActions",
        "properties.publishingProfile.settings",
        "properties.publishingProfile.advancedSettings",
        "properties.publishingProfile.enableHealthCheck",
        "properties.publishingProfile.targetRegions",
        "properties.publishingProfile.replicaCount",
        "properties.publishingProfile.excludeFromLatest",
        "properties.publishingProfile.publishedDate",
        "properties.publishingProfile.endOfLifeDate",
        "properties.publishingProfile.storageAccountType",
        "properties.safetyProfile",
        "properties.replicationStatus",
        "properties.provisioningState",
    ),
    has_state=True,
    region_list=(*_PROFILE, "targetRegions"),  # left out on create: one entry, the location (vmapp, cli-gav)
    region_names=(  # sent eastus2, answered East US 2; the location stays as sent (net-gav)
        (*_PROFILE, "targetRegions", "*", "name"),
        (*_PROFILE, "targetExtendedLocations", "*", "name"),
    ),
    instants=((*_PROFILE, "endOfLifeDate"),),  # sent ...T07:00:00Z, answered ...T00:00:00-07:00 (net-gav)
    published=(*_PROFILE, "publishedDate"),  # seven digits of fraction and an offset (net-gav)
    echoed=(  # net-gav, cli-gav
        ((*_PROFILE, "enableHealthCheck"), False),
        ((*_PROFILE, "replicaCount"), 1),
        ((*_PROFILE, "excludeFromLatest"), False),
        ((*_PROFILE, "storageAccountType"), "Standard_LRS"),
    ),
    implied={(*_PROFILE, "replicationMode"): "Full"},  # not answered when unset (net-gav)
    inherited=(  # "This property would take effect for a region when regionalReplicaCount is not specified" (swagger)
        ("regionalReplicaCount", (*_PROFILE, "replicaCount")),
        ("storageAccountType", (*_PROFILE, "storageAccountType")),
    ),
    # terraform-provider-azurerm pull request 21999: "the full set, or an empty one"
    keeps_when_empty=((*_PROFILE, "targetRegions"),),
    unique=((*_PROFILE, "targetRegions"), (*_PROFILE, "customActions")),  # vmapp; "Must be unique" (swagger)
    refused=(  # in the schema, not allowed for VM applications (vmapp)
        (*_PROFILE, "targetRegions", "*", "encryption"),
        (*_PROFILE, "targetExtendedLocations", "*", "encryption"),
    ),
    links=((*_PROFILE, "source", "mediaLink"), (*_PROFILE, "source", "defaultConfigurationLink")),
    limits=_limits("GalleryApplicationVersion", (150, 750), (2000, 10000)),
)

_DEFINITION: Final = Facts(
    subject="applicationDefinition",
    api_versions=_SOLUTIONS_VERSIONS,
    order=(  # as seen in cli-ad
        "properties.isEnabled",
        "properties.lockLevel",
        "properties.displayName",
        "properties.description",
        "properties.authorizations",
        "properties.artifacts",
        "id",
        "name",
        "type",
        "location",
        "tags",
    ),
    has_state=False,
    artifacts=("properties", "artifacts"),
    dresses_writes=True,  # azure-cli, recording test_managedappdef of 2023 (2019-07-01)
    echoed=((("properties", "isEnabled"), True),),  # cli-ad
    links=(("properties", "packageFileUri"),),
    unreadable="DownloadItemFromBlobFailed",  # azure-docs#67738
    packages=(
        (("properties", "packageFileUri"),),
        (("properties", "mainTemplate"), ("properties", "createUiDefinition")),
    ),
    locked=("properties", "managementPolicy", "mode"),  # azure-cli issues 27976 and 29997
    refuses_unknown=False,
    patches=("tags",),  # swagger: ApplicationDefinitionPatchable
    location_required=False,  # swagger; azure-cli fills in the group's
)

FACTS: Final[Mapping[str, Facts]] = MappingProxyType(
    {
        "microsoft.compute/galleries": _GALLERY,
        "microsoft.compute/galleries/applications": _APPLICATION,
        "microsoft.compute/galleries/applications/versions": _VERSION,
        "microsoft.solutions/applicationdefinitions": _DEFINITION,
    }
)


def facts_of(kind: Kind) -> Facts:
    """Return the facts of a kind's type: those of the table, else those that follow from its schema."""
    return FACTS.get(kind.resource_type.lower()) or derived(kind)


def derived(kind: Kind) -> Facts:
    """Return the facts that follow from the schema of *kind*, as the Compute provider treats such properties."""
    every = list(kind.rules.every())
    lists = [(path, rule) for path, rule in every if rule.shape is Shape.LIST and "*" not in path]
    regions = next((path for path, rule in lists if rule.must_contain == ("location",)), None)
    return Facts(
        subject=kind.name[:1].lower() + kind.name[1:],
        api_versions=kind.api_versions,
        order=(*_SERVER_SET, "location", "tags"),
        has_state="provisioningState" in _properties(kind),
        region_list=regions,
        region_names=tuple(path for path, rule in every if "*" in path and rule.normalize == "region"),
        instants=tuple(path for path, rule in every if rule.normalize == "instant" and not rule.read_only),
        published=next((path for path, rule in every if path[-1:] == ("publishedDate",) and rule.read_only), None),
        echoed=tuple((path, rule.default) for path, rule in every if _is_echoed(path, rule)),
        implied={path: rule.implied for path, rule in every if rule.implied is not MISSING},
        inherited=tuple(_inherited(kind.rules.at(regions).element)) if regions else (),
        keeps_when_empty=tuple(path for path, rule in lists if rule.must_contain and rule.removal_guard),
        unique=tuple(path for path, rule in lists if rule.keys),
        links=tuple(path for path, _ in kind.links),
        location_required=kind.rules.at(("location",)).required,
    )


def _properties(kind: Kind) -> Mapping[str, Any]:
    """Return the schemas of what is below ``properties``."""
    below: Mapping[str, Any] = kind.body_schema()["properties"].get("properties", {}).get("properties", {})
    return below


def _is_echoed(path: Path, rule: Rule) -> bool:
    return rule.default is not MISSING and "*" not in path


def _inherited(element: Rule) -> Iterator[tuple[str, Path]]:
    """Yield each property of an element that takes an omitted value from elsewhere, and the path of that value."""
    for name, rule in element.properties.items():
        if rule.default_from is not None:
            yield name, rule.default_from
