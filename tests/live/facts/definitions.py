"""Facts about managed application definitions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from reconciler.values import MISSING
from tests.live.fact import (
    SOLUTIONS,
    SOLUTIONS_NEWER,
    Fact,
    Need,
    Seen,
    Step,
    accepted_or,
    differs,
    equal,
    holds,
    not_tried,
    one_of,
    refused,
    says,
    unchanged,
)
from tests.live.facts.galleries import EXISTS, kept, unlike, without_system_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.live.fact import Verdict
    from tests.live.stage import Stage

_OPERATION: Final = "azure-asyncoperation"
_TEXT: Final = "A definition of the reconciler"
_CLI: Final = "recorded: azure-cli, test_managedappdef and test_managedappdef_inline (2018-06-01)"
_MODE: Final = "ApplicationDefinitionApplicationManagementPolicyLockConflict"
_REPORTED_MODE: Final = "reported: azure-cli#27976 and #29997; status inferred"
_WRITE_ONLY: Final = ("mainTemplate", "createUiDefinition", "packageFileUri")
_TEMPLATE: Final[Mapping[str, Any]] = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {},
    "resources": [],
    "outputs": {},
}
_FORM: Final[Mapping[str, Any]] = {
    "$schema": "https://schema.management.azure.com/schemas/0.1.2-preview/CreateUIDefinition.MultiVm.json#",
    "handler": "Microsoft.Azure.CreateUIDef",
    "version": "0.1.2-preview",
    "parameters": {"basics": [], "steps": [], "outputs": {}},
}
_LINK: Final = "https://example.com/app.zip"


def _body(stage: Stage, *, objects: bool = True, **properties: Any) -> dict[str, Any]:
    parts = {"mainTemplate": dict(_TEMPLATE), "createUiDefinition": dict(_FORM)}
    content = parts if objects else {name: json.dumps(part) for name, part in parts.items()}
    required: dict[str, Any] = {"lockLevel": "None", "authorizations": [], "displayName": "Facts"}
    return {"location": stage.location, "properties": {**required, **content, **properties}}


def _look(stage: Stage) -> Step:
    return Step("look at the definition", "GET", stage.definition, SOLUTIONS)


def create(stage: Stage) -> Step:
    """Return the PUT that creates the definition, its templates as objects, its location in upper case."""
    body = {**_body(stage, description=_TEXT), "location": stage.location.upper(), "tags": {"made": "by-make-live"}}
    return Step("create the definition", "PUT", stage.definition, SOLUTIONS, body)


def _read(stage: Stage) -> Step:
    return _get(stage, "read the definition", create(stage))


def _get(stage: Stage, name: str, after: Step, version: str = SOLUTIONS) -> Step:
    return Step(name, "GET", stage.definition, version, after=(after,))


def _put(stage: Stage, name: str, body: dict[str, Any], **settings: Any) -> Step:
    return Step(name, "PUT", stage.definition, SOLUTIONS, body, **{"after": (create(stage),), **settings})


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about definitions, in the order in which they are played."""
    return (
        *_life(stage),
        *_shape(stage),
        *_reads(stage),
        *_replacing(stage),
        *_clearing(stage),
        *_modes(stage),
        *_refusals(stage),
    )


def _life(stage: Stage) -> tuple[Fact, ...]:
    as_text = _put(stage, "put the definition with its templates as text", _body(stage, objects=False))
    return (
        Fact(
            "definition-create",
            "a new definition is answered with 201 in one request",
            _CLI,
            (_look(stage), create(stage)),
            _created,
        ),
        Fact(
            "definition-update",
            "a definition whose templates are text is accepted like one whose templates are objects: 200, no operation",
            f"{_CLI}; code of terraform-provider-azurerm",
            (create(stage), as_text),
            says((200, False), lambda _, put: (put.status, _OPERATION in put.headers)),
        ),
        Fact(
            "definition-update-answer",
            "the answer to an update carries systemData and an etag, or neither",
            "recorded: azure-cli, test_managedappdef (with both since 2023)",
            (create(stage), as_text),
            one_of(
                {"both": (True, True), "neither": (False, False)},
                lambda _, put: tuple(put.at(name) is not MISSING for name in ("systemData", "etag")),
            ),
        ),
    )


def _created(before: Seen, put: Seen) -> Verdict:
    if before.is_accepted:
        return not_tried(EXISTS)
    return equal((201, False), (put.status, _OPERATION in put.headers))


def _shape(stage: Stage) -> tuple[Fact, ...]:
    put, get = create(stage), _read(stage)
    names = ["ApplicationResourceTemplate", "CreateUiDefinition", "MainTemplateParameters"]
    return (
        Fact(
            "definition-write-only",
            "neither a PUT nor a GET answers with mainTemplate, createUiDefinition or packageFileUri",
            _CLI,
            (put, get),
            says([], lambda *seen: [name for each in seen for name in _WRITE_ONLY if _has(each, name)]),
        ),
        Fact(
            "definition-artifacts",
            "the server makes three artifacts of the package",
            _CLI,
            (get,),
            says(names, lambda seen: sorted(_artifacts(seen))),
        ),
        Fact(
            "definition-enabled",
            "isEnabled is answered, and true unless sent",
            _CLI,
            (get,),
            says(expected=True, take=lambda seen: seen.at("properties.isEnabled")),
        ),
        Fact(
            "definition-location",
            "location is answered as sent by the PUT that created the definition, or by the last one",
            _CLI,
            (get,),
            one_of({"as first sent": stage.location.upper(), "as last sent": stage.location}, _location),
        ),
        Fact(
            "definition-authorizations",
            "an empty list of authorizations is accepted and answered",
            _CLI,
            (get,),
            says([], lambda seen: seen.at("properties.authorizations")),
        ),
        Fact(
            "definition-state",
            "a GET of a definition shows no provisioningState",
            _CLI,
            (get,),
            says(MISSING, lambda seen: seen.at("properties.provisioningState")),
        ),
    )


def _location(seen: Seen) -> Any:
    return seen.at("location")


def _has(seen: Seen, name: str) -> bool:
    return kept(seen.at(f"properties.{name}")) is not None


def _artifacts(seen: Seen) -> dict[str, str]:
    """Return the links of the artifacts by their names, without their queries."""
    found = kept(seen.at("properties.artifacts")) or ()
    return {str(each.get("name")): str(each.get("uri")).partition("?")[0] for each in found}


def _reads(stage: Stage) -> tuple[Fact, ...]:
    again = _get(stage, "read the definition before the list", create(stage))
    listed = Step("list the definitions of the group", "LIST", stage.definitions, SOLUTIONS, after=(again,))
    newer = _get(stage, f"read the definition at {SOLUTIONS_NEWER}", create(stage), SOLUTIONS_NEWER)
    name = f"list the definitions at {SOLUTIONS_NEWER}"
    all_newer = Step(name, "LIST", stage.definitions, SOLUTIONS_NEWER, after=(again,))
    return (
        Fact(
            "definition-list",
            "the list of a resource group shows the body that a GET shows",
            _CLI,
            (again, listed),
            says([], unlike),
        ),
        Fact(
            "definition-system-data",
            f"systemData is answered by a GET from {SOLUTIONS_NEWER} on, and not at {SOLUTIONS}",
            "documented: managedapplications.json 2021-07-01",
            (again, newer),
            says((True, False), lambda get, then: (get.at("systemData") is MISSING, then.at("systemData") is MISSING)),
        ),
        Fact(
            "definition-list-system-data",
            f"the list of a resource group shows systemData at {SOLUTIONS_NEWER}",
            "inferred: a list shows the body that a GET shows",
            (again, all_newer),
            says([], without_system_data),
        ),
    )


def _replacing(stage: Stage) -> tuple[Fact, ...]:
    before = _put(stage, "put the definition as it was", {**_body(stage, description=_TEXT), "tags": {"a": "b"}})
    first = _get(stage, "read its artifacts", before)
    less = _put(stage, "put the definition without description and tags", _body(stage), after=(first,))
    after = _get(stage, "read the definition after that", less)
    return (
        Fact(
            "definition-replace",
            "a PUT without description clears it: definitions are replaced",
            "reported: azure-cli#29997; inferred",
            (before, first, less, after),
            says(MISSING, lambda *seen: seen[-1].at("properties.description")),
        ),
        Fact(
            "definition-tags-omitted",
            "tags that a PUT omits are kept or dropped; the reconciler sends all of them",
            "unknown",
            (before, first, less, after),
            one_of({"kept": True, "dropped": False}, lambda *seen: bool(kept(seen[-1].at("tags")))),
        ),
        Fact(
            "definition-artifacts-stay",
            "the artifacts keep their links when the same package is sent again",
            _CLI,
            (first, less, after),
            unchanged(_artifacts),
        ),
        Fact(
            "definition-lock-level",
            "another lockLevel is accepted, or refused",
            "unknown; terraform-provider-azurerm recreates the definition",
            (after, _put(stage, "change lockLevel", _body(stage, lockLevel="ReadOnly"))),
            accepted_or(()),
        ),
        Fact(
            "definition-unknown-member",
            "an unknown member is ignored, or refused",
            "unknown",
            (after, _put(stage, "put the definition with an unknown member", _body(stage, reconcilerUnknown="x"))),
            accepted_or(()),
        ),
    )


def _clearing(stage: Stage) -> tuple[Fact, ...]:
    path = f"{stage.definition}policy"
    members: Mapping[str, Any] = {
        "deploymentPolicy": {"deploymentMode": "Incremental"},
        "lockingPolicy": {"allowedActions": ["Microsoft.Resources/tags/read"]},
        "displayName": "Facts of policies",
    }
    whole = Step("create a definition with policies", "PUT", path, SOLUTIONS, _body(stage, **members))
    less = _body(stage)
    del less["properties"]["displayName"]
    omitted = Step("put it without its policies", "PUT", path, SOLUTIONS, less, after=(whole,))
    after = Step("read it after that", "GET", path, SOLUTIONS, after=(omitted,))
    return tuple(
        Fact(
            f"definition-omits-{name.lower()}",
            f"a PUT without {name} clears it, or keeps it; the reconciler sends the live value",
            "unknown",
            (whole, omitted, after),
            one_of({"cleared": None, "kept": value}, _member(name)),
        )
        for name, value in members.items()
    )


def _member(name: str) -> Callable[..., Any]:
    return lambda *seen: kept(seen[-1].at(f"properties.{name}"))


def _modes(stage: Stage) -> tuple[Fact, ...]:
    path = f"{stage.definition}mode"
    managed = Step(
        "create a Managed definition", "PUT", path, SOLUTIONS, _body(stage, managementPolicy={"mode": "Managed"})
    )
    unmanaged = _body(stage, managementPolicy={"mode": "Unmanaged"})
    other = Step("make it Unmanaged", "PUT", path, SOLUTIONS, unmanaged, after=(managed,))
    silent = Step("put it without its mode", "PUT", path, SOLUTIONS, _body(stage), after=(managed,))
    return (
        Fact(
            "definition-mode",
            f"another managementPolicy.mode is refused: 409 {_MODE}",
            _REPORTED_MODE,
            (managed, other),
            refused(409, _MODE),
        ),
        Fact(
            "definition-mode-omitted",
            f"a PUT that omits the mode of a Managed definition is refused: 409 {_MODE}",
            _REPORTED_MODE,
            (managed, silent),
            refused(409, _MODE),
        ),
    )


def _refusals(stage: Stage) -> tuple[Fact, ...]:
    nothing = _body(stage)
    for name in ("mainTemplate", "createUiDefinition"):
        del nothing["properties"][name]
    linked = {**nothing, "properties": {**nothing["properties"], "packageFileUri": _LINK}}
    path = f"{stage.definition}link"
    name = "create a definition from an unreadable package"
    unreadable = Step(name, "PUT", path, SOLUTIONS, linked, needs=(Need.AZURE,))
    both = _put(stage, "put both a package and templates", _body(stage, packageFileUri=_LINK))
    moved = _put(stage, "move the definition", {**_body(stage), "location": stage.elsewhere})
    return (
        Fact(
            "definition-both",
            "a package and templates at once are refused with 400",
            "reported: terraform-provider-azurerm#27515; status inferred",
            (both,),
            refused(400),
        ),
        Fact(
            "definition-neither",
            "a definition with neither package nor templates is refused with 400",
            "inferred",
            (_put(stage, "put the definition without content", nothing),),
            refused(400),
        ),
        Fact(
            "definition-unreadable",
            "a package that Azure cannot read is refused: DownloadItemFromBlobFailed",
            "reported: azure-docs#67738",
            (unreadable,),
            _not_downloaded,
        ),
        Fact(
            "definition-moved",
            "another location is refused by ARM: 409 InvalidResourceLocation",
            "reported: azure-docs#70422",
            (create(stage), moved),
            refused(409, "InvalidResourceLocation"),
        ),
    )


def _not_downloaded(put: Seen) -> Verdict:
    is_known = not put.is_accepted and put.code == "DownloadItemFromBlobFailed"
    return holds(put.words) if is_known else differs("a refusal DownloadItemFromBlobFailed", put.words)
