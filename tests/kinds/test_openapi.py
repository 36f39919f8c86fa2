"""The schemas of the resource kinds: sound, complete, and in agreement with the official OpenAPI documents."""

from __future__ import annotations

import copy
import json
import re
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.annotations import Annotation
from tests.draft.openapi import load, members, resolve
from tests.kit.repository import ROOT
from tests.kit.schema_facts import Fact, Node, described, subschemas, types, walk, warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jsonschema.exceptions import ValidationError

    Json = Mapping[str, Any]

ARM: Final = ROOT.parent / "shared" / "arm" / "specification"
COMPUTE: Final = ARM / "compute/resource-manager/Microsoft.Compute/GalleryRP/stable/2022-03-03"
SOLUTIONS: Final = ARM / "solutions/resource-manager/Microsoft.Solutions/stable/2019-07-01"

DOCUMENTS: Final = {
    "Gallery": COMPUTE / "gallery.json",
    "GalleryApplication": COMPUTE / "gallery.json",
    "GalleryApplicationVersion": COMPUTE / "gallery.json",
    "ApplicationDefinition": SOLUTIONS / "managedapplications.json",
}
KINDS: Final = tuple(DOCUMENTS)
SCHEMAS: Final = {
    name: json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8")) for name in (*KINDS, "Project")
}
LISTS: Final = {"map", "set", "atomic"}
NORMALIZERS: Final = {"region", "resource-id", "instant", "json", "blob-url", "case-insensitive"}
ABSENCE: Final = ("default", Annotation.DEFAULT_FROM, Annotation.SERVER_POPULATED)
GUID: Final = "01523d7c-60da-455e-adef-521b547922c4"


# From the OpenAPI documents named above: used where they are not at hand, held equal to them where they are.
# A row is a property, indented below its object; [] is the element of a list, {} the value of a map.
FACTS: Final = {
    "Gallery": """
subscriptionId string!
resourceGroupName string!
galleryName string!
id string ro
name string ro
type string ro
location string!
tags object
 {} string
properties object
 description string
 identifier object
  uniqueName string ro
 provisioningState string ro ~Creating|Updating|Failed|Succeeded|Deleting|Migrating
 sharingProfile object
  permissions string ~Private|Groups|Community
  groups array ro
   [] object ro
    type string ro ~Subscriptions|AADTenants
    ids array ro
     [] string ro
  communityGalleryInfo object
   publisherUri string
   publisherContact string
   eula string
   publicNamePrefix string
   communityGalleryEnabled boolean ro
   publicNames array ro
    [] string ro
 softDeletePolicy object
  isSoftDeleteEnabled boolean
 sharingStatus object ro
  aggregatedState string ro ~Succeeded|InProgress|Failed|Unknown
  summary array ro
   [] object ro
    region string ro
    state string ro ~Succeeded|InProgress|Failed|Unknown
    details string ro
""",
    "GalleryApplication": """
subscriptionId string!
resourceGroupName string!
galleryName string!
galleryApplicationName string!
id string ro
name string ro
type string ro
location string!
tags object
 {} string
properties object
 description string
 eula string
 privacyStatementUri string
 releaseNoteUri string
 endOfLifeDate date-time
 supportedOSType string! Windows|Linux
 customActions array
  [] object
   name string!
   script string!
   description string
   parameters array
    [] object
     name string!
     required boolean
     type string String|ConfigurationDataBlob|LogOutputBlob
     defaultValue string
     description string
""",
    "GalleryApplicationVersion": """
subscriptionId string!
resourceGroupName string!
galleryName string!
galleryApplicationName string!
galleryApplicationVersionName string!
id string ro
name string ro
type string ro
location string!
tags object
 {} string
properties object
 publishingProfile object!
  targetRegions array
   [] object
    name string!
    regionalReplicaCount int32
    storageAccountType string ~Standard_LRS|Standard_ZRS|Premium_LRS
    encryption object
     osDiskImage object
      diskEncryptionSetId string
      securityProfile object
       confidentialVMEncryptionType string ~EncryptedVMGuestStateOnlyWithPmk|EncryptedWithPmk|EncryptedWithCmk
       secureVMDiskEncryptionSetId string
     dataDiskImages array
      [] object
       diskEncryptionSetId string
       lun int32!
    excludeFromLatest boolean
  replicaCount int32
  excludeFromLatest boolean
  publishedDate date-time ro
  endOfLifeDate date-time
  storageAccountType string ~Standard_LRS|Standard_ZRS|Premium_LRS
  replicationMode string ~Full|Shallow
  targetExtendedLocations array
   [] object
    name string
    extendedLocation object
     name string
     type string ~EdgeZone|Unknown
    extendedLocationReplicaCount int32
    storageAccountType string ~Standard_LRS|Standard_ZRS|StandardSSD_LRS|Premium_LRS
    encryption object
     osDiskImage object
      diskEncryptionSetId string
      securityProfile object
       confidentialVMEncryptionType string ~EncryptedVMGuestStateOnlyWithPmk|EncryptedWithPmk|EncryptedWithCmk
       secureVMDiskEncryptionSetId string
     dataDiskImages array
      [] object
       diskEncryptionSetId string
       lun int32!
  source object!
   mediaLink string!
   defaultConfigurationLink string
  manageActions object
   install string! ..4096
   remove string! ..4096
   update string ..4096
  settings object
   packageFileName string ..4096
   configFileName string ..4096
  advancedSettings object
   {} string
  enableHealthCheck boolean
  customActions array
   [] object
    name string!
    script string!
    description string
    parameters array
     [] object
      name string!
      required boolean
      type string String|ConfigurationDataBlob|LogOutputBlob
      defaultValue string
      description string
 safetyProfile object
  allowDeletionOfReplicatedLocations boolean
 provisioningState string ro ~Creating|Updating|Failed|Succeeded|Deleting|Migrating
 replicationStatus object ro
  aggregatedState string ro ~Unknown|InProgress|Completed|Failed
  summary array ro
   [] object ro
    region string ro
    state string ro ~Unknown|Replicating|Completed|Failed
    details string ro
    progress int32 ro
""",
    "ApplicationDefinition": """
resourceGroupName string! 1..90
applicationDefinitionName string! 3..64
subscriptionId string!
id string ro
name string ro
type string ro
location string
tags object
 {} string
managedBy string
sku object
 name string!
 tier string
 size string
 family string
 model string
 capacity int32
properties object!
 lockLevel string! CanNotDelete|ReadOnly|None
 displayName string
 isEnabled boolean
 authorizations array
  [] object
   principalId string!
   roleDefinitionId string!
 artifacts array
  [] object
   name string! ~NotSpecified|ApplicationResourceTemplate|CreateUiDefinition|MainTemplateParameters
   uri string!
   type string! NotSpecified|Template|Custom
 description string
 packageFileUri string
 storageAccountId string
 mainTemplate object
 createUiDefinition object
 notificationPolicy object
  notificationEndpoints array!
   [] object
    uri string!
 lockingPolicy object
  allowedActions array
   [] string
  allowedDataActions array
   [] string
 deploymentPolicy object
  deploymentMode string! ~NotSpecified|Incremental|Complete
 managementPolicy object
  mode string ~NotSpecified|Unmanaged|Managed
 policies array
  [] object
   name string
   policyDefinitionId string
   parameters string
""",
}

REFUSED: Final = "Azure refuses encryption for VM applications, so its inside is not described"
KNOWN: Final[Mapping[tuple[str, str], tuple[Mapping[str, Any], str]]] = {
    # REST reference, "Gallery Applications - Create Or Update": properties.supportedOSType is required.
    ("GalleryApplication", "properties"): ({"required": True}, "its supportedOSType is required"),
    # REST reference, "Gallery Application Versions - Create Or Update": properties.publishingProfile is required.
    ("GalleryApplicationVersion", "properties"): ({"required": True}, "its publishingProfile is required"),
    # The document itself, where it describes the two: an object, or JSON text.
    ("ApplicationDefinition", "properties.mainTemplate"): ({"type": "object|string"}, "JSON text is accepted"),
    ("ApplicationDefinition", "properties.createUiDefinition"): ({"type": "object|string"}, "JSON text is accepted"),
    # The document itself: uniqueName is read-only, and there is nothing else in it.
    ("Gallery", "properties.identifier"): ({"read_only": True}, "it holds nothing that could be stated"),
}
UNDESCRIBED: Final[Mapping[str, tuple[str, ...]]] = {
    # learn.microsoft.com, "VM Applications": encryption of the target regions is not supported.
    "GalleryApplicationVersion": (
        "properties.publishingProfile.targetRegions[].encryption.",
        "properties.publishingProfile.targetExtendedLocations[].encryption.",
    ),
}


def nodes(kind: str) -> tuple[Node, ...]:
    """The nodes below ``spec`` of one kind."""
    schema = SCHEMAS[kind]
    return tuple(walk(schema, schema["properties"]["spec"]))[1:]


def official(node: Json, file: Path, path: str = "", *, required: bool, read_only: bool) -> Iterator[tuple[str, Fact]]:
    """Yield the facts that the OpenAPI document holds about a node and all below it."""
    node, file = resolve(node, file)
    read_only = read_only or node.get("readOnly", False)
    properties, needed = members(node, file)
    limit = re.search(r"limited to ([0-9]+) characters", node.get("description", ""))
    kind = node.get("type", "object")
    yield (
        path,
        Fact(
            node["format"] if node.get("format") in {"int32", "date-time"} else kind,
            required=required,
            read_only=read_only,
            values=tuple(node.get("enum", ())),
            is_open=node.get("x-ms-enum", {}).get("modelAsString", False),
            min_length=node.get("minLength"),
            max_length=int(limit[1]) if limit else node.get("maxLength"),
        ),
    )
    for name, (child, origin) in properties.items():
        below = f"{path}.{name}" if path else name
        yield from official(child, origin, below, required=name in needed, read_only=read_only)
    if "items" in node:
        yield from official(node["items"], file, f"{path}[]", required=False, read_only=read_only)
    if isinstance(node.get("additionalProperties"), dict):
        yield from official(node["additionalProperties"], file, f"{path}{{}}", required=False, read_only=read_only)


def official_facts(kind: str) -> dict[str, Fact]:
    """The facts of one kind: from the OpenAPI document where it is at hand, else from the table."""
    file = DOCUMENTS[kind]
    if not file.exists():
        return tabled(kind)
    document = load(file)
    put = document["paths"][SCHEMAS[kind]["x-arm"]["id"]]["put"]
    parameters = [resolve(parameter, file)[0] for parameter in put["parameters"]]
    facts: dict[str, Fact] = {}
    for parameter in parameters:
        if parameter["in"] == "path":
            shape = {key: value for key, value in parameter.items() if key != "required"}
            facts |= official(shape, file, parameter["name"], required=True, read_only=False)
    facts |= official(document["definitions"][kind], file, required=False, read_only=False)
    del facts[""]
    return facts


def tabled(kind: str) -> dict[str, Fact]:
    """The facts of one kind that the table above keeps."""
    facts: dict[str, Fact] = {}
    above: list[str] = []
    for row in FACTS[kind].strip().splitlines():
        name, text = row.split(maxsplit=1)
        del above[len(row) - len(row.lstrip()) :]
        above.append(name if name in {"[]", "{}"} or not above else f".{name}")
        facts["".join(above)] = Fact.parse(text)
    return facts


def expected(kind: str) -> dict[str, Fact]:
    """The official facts, with the known differences applied."""
    facts = official_facts(kind)
    for (owner, path), (difference, _) in KNOWN.items():
        if owner == kind:
            facts[path] = facts[path]._replace(**difference)
    skipped = UNDESCRIBED.get(kind, ())
    return {path: fact for path, fact in facts.items() if not path.startswith(skipped or "\0")}


def manifest(kind: str, spec: Json) -> dict[str, Any]:
    """A manifest of one kind."""
    return {"apiVersion": "reconciler.dev/v1", "kind": kind, "metadata": {"name": "example"}, "spec": spec}


SAMPLES: Final[Mapping[str, Json]] = {
    "Gallery": {
        "subscriptionId": GUID,
        "resourceGroupName": "myResourceGroup",
        "galleryName": "myGalleryName",
        "location": "West US",
        "properties": {"description": "This is the gallery description."},
    },
    "GalleryApplication": {
        "subscriptionId": GUID,
        "resourceGroupName": "myResourceGroup",
        "galleryName": "myGalleryName",
        "galleryApplicationName": "myGalleryApplicationName",
        "location": "West US",
        "properties": {"supportedOSType": "Windows", "privacyStatementUri": "myPrivacyStatementUri}"},
    },
    "GalleryApplicationVersion": {
        "subscriptionId": GUID,
        "resourceGroupName": "myResourceGroup",
        "galleryName": "myGalleryName",
        "galleryApplicationName": "myGalleryApplicationName",
        "galleryApplicationVersionName": "1.0.0",
        "location": "West US",
        "properties": {
            "publishingProfile": {
                "source": {
                    "mediaLink": "https://mystorageaccount.blob.core.windows.net/mycontainer/package.zip?{sasKey}",
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
                    },
                ],
                "replicaCount": 1,
                "endOfLifeDate": "2019-07-01T07:00:00Z",
                "storageAccountType": "Standard_LRS",
                "customActions": [
                    {
                        "name": "myCustomAction",
                        "script": "myCustomActionScript",
                        "parameters": [{"name": "myCustomActionParameter", "required": False, "type": "String"}],
                    },
                ],
            },
            "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
        },
    },
    "ApplicationDefinition": {
        "subscriptionId": GUID,
        "resourceGroupName": "rg",
        "applicationDefinitionName": "myManagedApplicationDef",
        "location": "East US 2",
        "properties": {
            "lockLevel": "None",
            "displayName": "myManagedApplicationDef",
            "description": "myManagedApplicationDef description",
            "authorizations": [{"principalId": "validprincipalguid", "roleDefinitionId": "validroleguid"}],
            "packageFileUri": "https://path/to/packagezipfile",
        },
    },
}


def create_examples() -> Iterator[tuple[str, Json]]:
    """The official create requests as manifests, where they are at hand; else only the samples above."""
    for kind, sample in SAMPLES.items():
        yield kind, manifest(kind, sample)
    files = [(file, "Gallery") for file in (COMPUTE / "examples/galleryExamples").glob("Gallery_Create*.json")]
    files += [(COMPUTE / "examples/galleryExamples/CommunityGallery_Create.json", "Gallery")]
    files += [
        (COMPUTE / f"examples/galleryExamples/{kind}_Create.json", kind)
        for kind in ("GalleryApplication", "GalleryApplicationVersion")
    ]
    files += [(SOLUTIONS / "examples/createOrUpdateApplicationDefinition.json", "ApplicationDefinition")]
    for file, kind in files:
        if file.exists():
            parameters = load(file)["parameters"]
            uri = {name: value for name, value in parameters.items() if f"{{{name}}}" in SCHEMAS[kind]["x-arm"]["id"]}
            body = next(value for value in parameters.values() if isinstance(value, dict))
            yield kind, manifest(kind, {**uri, **body, "subscriptionId": GUID})


def errors(kind: str, document: Json) -> list[ValidationError]:
    """Return the errors of a manifest; both validators must agree on whether there are any."""
    found = list(Draft202012Validator(SCHEMAS[kind]).iter_errors(document))
    assert jsonschema_rs.validator_for(SCHEMAS[kind]).is_valid(document) == (not found)
    return found


def message(error: ValidationError) -> str:
    """Return the message for the user in the schema whose keyword failed."""
    assert isinstance(error.schema, dict)
    return str(error.schema.get("errorMessage", ""))


def changed(document: Json, path: str, value: object) -> dict[str, Any]:
    """A copy of *document* with *value* at *path* (keys and indexes joined by slashes)."""
    result = copy.deepcopy(dict(document))
    *parents, last = path.split("/")
    place: Any = result
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return result


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_valid(name: str) -> None:
    """Each schema, and each rule that is only warned about, is a valid 2020-12 schema under the name it should have."""
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://reconciler.dev/schemas/v1/{name}.schema.json"
    for rule in (rule for part in subschemas(schema) for rule in warnings(part)):
        Draft202012Validator.check_schema(rule)
        assert rule["errorMessage"]


def test_no_annotation_is_idle() -> None:
    """Each keyword that the package knows stands in a schema."""
    used = {key for kind in KINDS for part in subschemas(SCHEMAS[kind]) for key in part}
    assert set(Annotation) <= used


@pytest.mark.parametrize("kind", KINDS)
def test_annotations_are_known(kind: str) -> None:
    """No annotation is misspelled: every own word is one of the contract's, with a value that it allows."""
    for part in subschemas(SCHEMAS[kind]):
        assert {key for key in part if key.startswith("x-")} <= set(Annotation)
        assert part.get("x-normalize", "json") in NORMALIZERS
        assert part.get("x-kubernetes-list-type", "map") in LISTS
        assert part.get("x-ms-mutability", ["create", "read"]) == ["create", "read"]


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_are_classified(kind: str) -> None:
    """Every leaf is described and has one class, and at most one meaning of its absence."""
    for node in nodes(kind):
        schema = node.schema
        assert schema["description"], node.path
        assert schema["type"], node.path
        classes = [node.read_only, schema.get("writeOnly", False), "x-ms-mutability" in schema]
        assert sum(classes) <= 1, node.path
        assert sum(key in schema for key in ABSENCE) <= 1, node.path
        assert node.is_leaf or not (classes[1] or classes[2]), node.path


@pytest.mark.parametrize("kind", KINDS)
def test_references_to_other_properties_exist(kind: str) -> None:
    """A path named by an annotation leads to a property."""
    paths = {node.path for node in nodes(kind)}
    for node in nodes(kind):
        for key in ("x-completed-in", "x-default-from", "x-excluded-by", "x-removal-guard", "x-must-contain"):
            assert node.schema.get(key, "location") in paths, node.path
        if node.schema.get("x-kubernetes-list-type") == "map":
            keys = node.schema["x-kubernetes-list-map-keys"]
            assert {f"{node.path}[].{key}" for key in keys} <= paths, node.path


@pytest.mark.parametrize("kind", KINDS)
def test_lists_say_how_they_compare(kind: str) -> None:
    """Every list that a manifest may state says how its elements are told apart."""
    for node in nodes(kind):
        if "items" in node.schema and not node.read_only:
            assert "x-kubernetes-list-type" in node.schema, node.path


@pytest.mark.parametrize("kind", KINDS)
def test_null_means_must_not_be_set(kind: str) -> None:
    """Null is allowed on what is neither required, nor has a meaning when absent, nor is the server's, nor a key."""
    keys = {
        f"{node.path}[].{'.'.join(parts[: depth + 1])}"
        for node in nodes(kind)
        for parts in (key.split(".") for key in node.schema.get("x-kubernetes-list-map-keys", ()))
        for depth in range(len(parts))
    }
    for node in nodes(kind):
        settled = node.required or node.read_only or node.is_refused or any(key in node.schema for key in ABSENCE)
        # Tags are never stated whole: those of other owners stay, and so do the reconciler's own.
        element = node.path.endswith("[]") or node.path in keys or node.path == "tags"
        assert ("null" in types(node.schema)) == (not settled and not element), node.path
        if "enum" in node.schema:
            assert (None in node.schema["enum"]) == ("null" in types(node.schema)), node.path


@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_closed(kind: str) -> None:
    """An object that names its properties allows no others."""
    for node in nodes(kind):
        if "properties" in node.schema:
            assert node.schema["additionalProperties"] is False, node.path


@pytest.mark.parametrize("kind", KINDS)
def test_rules_have_messages(kind: str) -> None:
    """Every rule beyond a type says in its own words what is wrong."""
    rules = {"const", "enum", "maxLength", "maximum", "minLength", "minimum", "not", "pattern"}
    for node in nodes(kind):
        if rules & node.schema.keys() and not (node.read_only and "not" not in node.schema):
            assert node.schema["errorMessage"], node.path


@pytest.mark.parametrize("kind", KINDS)
def test_table_agrees_with_openapi(kind: str) -> None:
    """The table of facts is what the OpenAPI document says."""
    assert tabled(kind) == official_facts(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_schema_agrees_with_openapi(kind: str) -> None:
    """Names, types, required lists, values, limits and read-only marks are official, save known differences."""
    ours = {node.path: described(node) for node in nodes(kind) if not node.since}
    theirs = expected(kind)
    assert ours.keys() == theirs.keys()
    for path, fact in theirs.items():
        found = ours[path]
        low, high = fact.min_length or found.min_length, fact.max_length or found.max_length
        assert found == fact._replace(min_length=low, max_length=high), path


def test_known_differences_are_real() -> None:
    """A difference that has gone from the OpenAPI documents goes from the list too."""
    for (kind, path), (difference, reason) in KNOWN.items():
        fact = official_facts(kind)[path]
        assert fact._replace(**difference) != fact, reason
    for kind, prefixes in UNDESCRIBED.items():
        for prefix in prefixes:
            assert any(path.startswith(prefix) for path in official_facts(kind)), prefix


@pytest.mark.parametrize("kind", KINDS)
def test_urls_are_made_of_stated_names(kind: str) -> None:
    """The URL templates and the slot of one writer use URI parameters that a manifest must state."""
    arm = SCHEMAS[kind]["x-arm"]
    required = set(SCHEMAS[kind]["properties"]["spec"]["required"])
    for template in (arm["id"], *arm["lists"].values()):
        assert set(re.findall(r"{(\w+)}", template)) <= required
    assert set(arm["writer"]) <= required
    assert arm["read"] == "get" or arm["read"] in arm["lists"]
    assert arm.get("parent", "Gallery") in KINDS


@pytest.mark.parametrize(("kind", "document"), tuple(create_examples()))
def test_official_examples_are_valid(kind: str, document: Json) -> None:
    """A create request from the official documentation is a valid manifest."""
    assert errors(kind, document) == []


LEADING_ELSEWHERE: Final = (
    *("", ".", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "a@b"),
    *("a b", " a", "a\n", "a\x00", "é", "a\\b", "1.0.0\n"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_names_cannot_change_a_url(kind: str) -> None:
    """A URI parameter that could lead a request elsewhere is refused, with one message."""
    for name, parameter in product(LEADING_ELSEWHERE, re.findall(r"{(\w+)}", SCHEMAS[kind]["x-arm"]["id"])):
        found = errors(kind, changed(manifest(kind, SAMPLES[kind]), f"spec/{parameter}", name))
        assert len({message(error) for error in found}) == 1
        assert all(message(error) for error in found)


@pytest.mark.parametrize(
    ("version", "valid"),
    [
        ("0.0.0", True),
        ("01.002.0003", True),
        ("2147483647.2147483647.2147483647", True),
        ("0002147483647.0.0", True),
        ("2147483648.0.0", False),
        ("0.0.9999999999", False),
        ("1.0", False),
        ("1.0.0.0", False),
        ("1.0.0-beta", False),
        ("1.0.٣", False),
    ],
)
def test_version_is_three_int32(version: str, *, valid: bool) -> None:
    """The name of a version is three non-negative 32-bit integers."""
    kind = "GalleryApplicationVersion"
    document = changed(manifest(kind, SAMPLES[kind]), "spec/galleryApplicationVersionName", version)
    assert (errors(kind, document) == []) == valid


PROFILE: Final = "spec/properties/publishingProfile"
TEMPLATES: Final[Json] = {"packageFileUri": None, "mainTemplate": {"resources": []}, "createUiDefinition": "{}"}


@pytest.mark.parametrize(
    ("kind", "path", "value", "text"),
    [
        ("Gallery", "apiVersion", "v1", "reconciler.dev/v1"),
        ("Gallery", "metadata/name", "", "1 to 253"),
        ("Gallery", "metadata/name", "a\n", "control characters"),
        ("Gallery", "metadata/annotations", {"reconciler.dev/paused": "yes"}, '"true" or "false"'),
        ("Gallery", "metadata/annotations", {"reconciler.dev/wave": "1.5"}, "integer"),
        ("Gallery", "metadata/annotations", {"reconciler.dev/package-sha256": "abc"}, "64 hexadecimal"),
        ("Gallery", "metadata/annotations", {"reconciler.dev/waves": "1"}, "unknown annotation"),
        ("Gallery", "spec/id", "/subscriptions/x", "set by Azure"),
        ("Gallery", "spec/properties/identifier", {"uniqueName": "x"}, "set by Azure"),
        ("Gallery", "spec/properties/sharingProfile/groups", [], "set by Azure"),
        ("GalleryApplication", "spec/properties/supportedOSType", "windows", "Windows, Linux"),
        ("GalleryApplication", "spec/properties/endOfLifeDate", "2030-06-30", "date and time"),
        (
            "GalleryApplicationVersion",
            f"{PROFILE}/targetRegions/0/encryption",
            {"osDiskImage": {}},
            "rejects encryption",
        ),
        ("GalleryApplicationVersion", f"{PROFILE}/targetRegions/0/regionalReplicaCount", 0, "at least 1"),
        ("GalleryApplicationVersion", f"{PROFILE}/manageActions/install", "x" * 4097, "4096"),
        ("GalleryApplicationVersion", f"{PROFILE}/publishedDate", "2030-06-30T00:00:00Z", "set by Azure"),
        ("ApplicationDefinition", "spec/properties/lockLevel", "readonly", "CanNotDelete, ReadOnly, None"),
        ("ApplicationDefinition", "spec/properties/mainTemplate", {}, "one or the other"),
        ("ApplicationDefinition", "spec/properties/packageFileUri", None, "no content"),
    ],
)
def test_one_mistake_is_one_message(kind: str, path: str, value: object, text: str) -> None:
    """A mistake is reported once, in the words of the schema."""
    (error,) = errors(kind, changed(manifest(kind, SAMPLES[kind]), path, value))
    assert text in message(error)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (TEMPLATES, []),
        ({"packageFileUri": "https://path/to/zip", "mainTemplate": None}, []),
        ({}, ["no content"]),
        ({**TEMPLATES, "mainTemplate": None}, ["without mainTemplate"]),
        ({"mainTemplate": {}}, ["without createUiDefinition"]),
        ({**TEMPLATES, "packageFileUri": "https://path/to/zip"}, ["the template", "the form"]),
    ],
)
def test_content_is_stated_in_one_way(content: Json, texts: list[str]) -> None:
    """A definition states a package or both inline parts, null counting as not stated; each mistake shows once."""
    kind = "ApplicationDefinition"
    document = changed(manifest(kind, SAMPLES[kind]), "spec/properties", {"lockLevel": "None", **content})
    found = [message(error) for error in errors(kind, document)]
    assert len(found) == len(texts)
    assert all(any(text in told for told in found) for text in texts)


@pytest.mark.parametrize(
    ("kind", "path", "value", "text"),
    [
        ("Gallery", "subscriptionId", "production", "GUID"),
        ("GalleryApplication", "galleryApplicationName", "a" * 81, "80 and 117"),
        ("GalleryApplication", "properties.privacyStatementUri", "myPrivacyStatementUri}", "absolute https"),
        ("GalleryApplicationVersion", "properties.publishingProfile", {"source": {}}, "manageActions"),
        ("GalleryApplicationVersion", "properties.publishingProfile.source.mediaLink", "http://a/b", "absolute https"),
        ("GalleryApplicationVersion", "properties.publishingProfile.source.mediaLink", '"https://a/b"', "quotation"),
        (
            "GalleryApplicationVersion",
            "properties.publishingProfile.source.mediaLink",
            "https://a/b??c",
            "question mark",
        ),
        ("GalleryApplicationVersion", "properties.publishingProfile.replicaCount", 4, "3 and 10"),
        ("GalleryApplicationVersion", "properties.publishingProfile.replicationMode", "full", "Full, Shallow"),
        ("ApplicationDefinition", "properties", {"lockLevel": "None"}, "Complete mode"),
        ("ApplicationDefinition", "properties.lockLevel", "None", "only supported"),
        ("ApplicationDefinition", "properties.displayName", "abc", "4 to 60"),
        ("ApplicationDefinition", "properties.description", "x" * 201, "200"),
        ("ApplicationDefinition", "properties.authorizations[].principalId", "me", "GUID"),
        ("ApplicationDefinition", "properties.authorizations[].roleDefinitionId", f"x{GUID}", "GUID"),
        ("ApplicationDefinition", "properties.notificationPolicy.notificationEndpoints", [{}, {}], "one notification"),
    ],
)
def test_disputed_values_are_warned_about(kind: str, path: str, value: object, text: str) -> None:
    """A value that only Azure may reject breaks one rule of x-warn, whose message says why."""
    (node,) = (node for node in nodes(kind) if node.path == path)
    broken = [rule["errorMessage"] for rule in warnings(node.schema) if not Draft202012Validator(rule).is_valid(value)]
    assert len(broken) == 1
    assert text in broken[0]


@pytest.mark.parametrize("kind", KINDS)
def test_null_is_never_warned_about(kind: str) -> None:
    """Where null is allowed, no warning speaks against it."""
    for node in nodes(kind):
        if "null" in types(node.schema):
            assert all(Draft202012Validator(rule).is_valid(None) for rule in warnings(node.schema)), node.path


PROJECT: Final[Json] = {
    "apiVersion": "reconciler.dev/v1",
    "kind": "Project",
    "metadata": {"name": "endpoint-agents"},
    "spec": {
        "defaults": {"location": "West US", "tags": {"team": "endpoint", "old": None}},
        "environments": {"prod": {"defaults": {"subscriptionId": GUID}, "overlay": "overlays/prod"}},
        "ignore": [
            {
                "kind": "GalleryApplicationVersion",
                "name": "agent-*",
                "path": "properties.publishingProfile.replicaCount",
                "reason": "scaled by hand",
                "expires": "2030-06-30",
            },
        ],
        "tracking": {"tags": True, "prefix": "reconciler"},
        "limits": {"maxPuts": 0, "maxPutsPercent": 12.5},
        "storage": [
            {
                "prefix": "https://mystorageaccount.blob.core.windows.net/packages/",
                "sas": {"env": "RECONCILER_SECRET_PACKAGES"},
            },
            {"prefix": "http://127.0.0.1:10000/devstoreaccount1", "sas": {"env": "RECONCILER_SECRET_OTHER"}},
        ],
        "apiVersions": {"Gallery": "2024-03-03"},
        "strict": True,
    },
}


def test_project_file() -> None:
    """A project file that uses every key is valid, and so is one with a name only."""
    assert errors("Project", PROJECT) == []
    assert errors("Project", {key: value for key, value in PROJECT.items() if key != "spec"}) == []


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("kind", "project", "Project"),
        ("metadata/name", "", "1 to 253"),
        ("spec/environments", {"a/b": {}}, "name of an environment"),
        ("spec/environments/prod/overlay", "../elsewhere", "below the project file"),
        ("spec/environments/prod/overlay", "/etc", "below the project file"),
        ("spec/ignore/0/expires", "2030-13-01", "YYYY-MM-DD"),
        ("spec/tracking/prefix", "a b", "1 to 64"),
        ("spec/apiVersions/Gallery", "24-3-3", "api-version"),
        ("spec/limits/maxPuts", -1, "0 or more"),
        ("spec/limits/maxPutsPercent", 101, "0 to 100"),
        ("spec/storage/0/prefix", "http://mystorageaccount.blob.core.windows.net/", "https URL"),
        ("spec/storage/0/prefix", "http://127.0.0.1.example.com/", "https URL"),
        ("spec/storage/0/prefix", "https://user@mystorageaccount.blob.core.windows.net/", "https URL"),
        ("spec/storage/0/prefix", "https://mystorageaccount.blob.core.windows.net/?sv=1", "https URL"),
        ("spec/storage/0/sas/env", "1A", "environment variable"),
        ("spec/storage/0/sas/env", "AZURE_CLIENT_SECRET", "RECONCILER_SECRET_"),
        ("spec/storage/0/sas/env", "RECONCILER_SECRET_", "RECONCILER_SECRET_"),
        ("spec/storage/0/sas/env", "reconciler_secret_x", "RECONCILER_SECRET_"),
    ],
)
def test_project_mistakes(path: str, value: object, text: str) -> None:
    """A mistake in the project file is reported once, in the words of the schema."""
    (error,) = errors("Project", changed(PROJECT, path, value))
    assert text in message(error)
