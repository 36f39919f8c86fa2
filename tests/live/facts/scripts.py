"""Facts about gallery scripts and their versions; the versions need the link to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.live.fact import (
    COMPUTE,
    COMPUTE_NEWEST,
    UNKNOWN_VERSION,
    Fact,
    Need,
    Seen,
    Step,
    equal,
    made,
    not_tried,
    one_of,
    refused_with,
    says,
)
from tests.live.facts import galleries
from tests.live.facts.applications import changed_or_refused
from tests.live.facts.galleries import EXISTS, kept, unlike, without_system_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.fact import Verdict
    from tests.live.stage import Stage

_OPERATION: Final = "azure-asyncoperation"
_NEEDS: Final = (Need.SCRIPT,)
_PROFILE: Final = "properties.publishingProfile"
_WAYS: Final = {"in one request": False, "with an operation": True}
_TEXT: Final = "A script of the reconciler"
_PARAMETER: Final = {"name": "ring", "type": "String", "required": False, "defaultValue": "canary"}
_MODELS: Final = "documented: models of azure-mgmt-compute 39.0.0"
_VERSIONS: Final = "inferred from versions of applications: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests"


def _look(stage: Stage) -> Step:
    return Step("look at the script", "GET", stage.script, COMPUTE_NEWEST)


def _create(stage: Stage) -> Step:
    body = {
        "location": stage.location,
        "tags": {"made": "by-make-live"},
        "properties": {"supportedOSType": "Linux", "description": _TEXT},
    }
    return Step("create the script", "PUT", stage.script, COMPUTE_NEWEST, body, after=(galleries.create(stage),))


def _read(stage: Stage, name: str = "read the script", after: Step | None = None) -> Step:
    return Step(name, "GET", stage.script, COMPUTE_NEWEST, after=(after or _create(stage),))


def _put(stage: Stage, name: str, **properties: Any) -> Step:
    body = {"location": stage.location, "properties": {"supportedOSType": "Linux", **properties}}
    return Step(name, "PUT", stage.script, COMPUTE_NEWEST, body, after=(_create(stage),))


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about scripts, in the order in which they are played."""
    return (*_scripts(stage), *_changes(stage), *_versions(stage), *_version_changes(stage))


def _scripts(stage: Stage) -> tuple[Fact, ...]:
    older = Step(f"read the script at {COMPUTE}", "GET", stage.script, COMPUTE, after=(_create(stage),))
    listed = Step("list the scripts", "LIST", stage.scripts, COMPUTE_NEWEST, after=(_read(stage),))
    return (
        Fact(
            "script-create",
            "a new script is answered with 201, in one request or with an operation",
            _MODELS,
            (_look(stage), _create(stage)),
            _created(one_of(_WAYS, lambda put: _OPERATION in put.headers)),
        ),
        Fact(
            "script-read",
            "a GET shows the operating system and the description as sent",
            _MODELS,
            (_read(stage),),
            says(
                ("Linux", _TEXT), lambda get: (get.at("properties.supportedOSType"), get.at("properties.description"))
            ),
        ),
        Fact(
            "script-list",
            "the list of a gallery's scripts shows the body that a GET shows",
            "inferred from applications: azure-cli, test_gallery_application",
            (_read(stage), listed),
            says([], unlike),
        ),
        Fact(
            "script-list-system-data",
            f"the list of a gallery's scripts shows systemData at {COMPUTE_NEWEST}",
            _MODELS,
            (_read(stage), listed),
            says([], without_system_data),
        ),
        Fact(
            "script-older",
            f"galleries/scripts does not exist at {COMPUTE}: refused with the code of an unknown api-version",
            f"{_MODELS}; the code is inferred",
            (older,),
            refused_with(*UNKNOWN_VERSION),
            is_about_versions=True,
        ),
    )


def _created(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """Return a judgement of a look and a PUT: not tried where the resource existed, 201, and then *judge*."""

    def judged(before: Seen, put: Seen) -> Verdict:
        if before.is_accepted:
            return not_tried(EXISTS)
        return judge(put) if put.status == 201 else equal(201, put.words)

    return judged


def _changes(stage: Stage) -> tuple[Fact, ...]:
    less = _put(stage, "put the script without description and tags")
    after = _read(stage, "read the script after that", less)
    other = _put(stage, "change the script's operating system", supportedOSType="Windows")
    then = _read(stage, "read the script's operating system", _create(stage))
    return (
        Fact(
            "script-merge",
            "a PUT without description keeps it, or drops it; the reconciler sends the live one",
            "unknown; applications merge",
            (less, after),
            one_of({"kept": _TEXT, "dropped": None}, lambda _, get: kept(get.at("properties.description"))),
        ),
        Fact(
            "script-tags-omitted",
            "tags that a PUT omits are kept or dropped; the reconciler sends all of them",
            "unknown",
            (less, after),
            one_of({"kept": True, "dropped": False}, lambda _, get: bool(kept(get.at("tags")))),
        ),
        Fact(
            "script-changes-system",
            "supportedOSType of a script changes, or stays, or the change is refused",
            "unknown",
            (_create(stage), other, then),
            changed_or_refused("properties.supportedOSType", "Linux", "Windows"),
        ),
    )


def _version_body(stage: Stage, default: str) -> dict[str, Any]:
    source = {"scriptLink": stage.script_link, "parameters": [{**_PARAMETER, "defaultValue": default}]}
    return {"location": stage.location, "properties": {"publishingProfile": {"source": source}}}


def _version(stage: Stage, name: str, default: str, *after: Step) -> Step:
    path, body = f"{stage.script}/versions/1.0.0", _version_body(stage, default)
    return Step(name, "PUT", path, COMPUTE_NEWEST, body, needs=_NEEDS, after=after)


def _create_version(stage: Stage) -> Step:
    return _version(stage, "create the version of the script", "canary", _create(stage))


def _read_version(stage: Stage, name: str = "read the version of the script", **settings: Any) -> Step:
    path, after = f"{stage.script}/versions/1.0.0", (_create_version(stage),)
    return Step(name, "GET", path, COMPUTE_NEWEST, needs=_NEEDS, **{"after": after, **settings})


def _versions(stage: Stage) -> tuple[Fact, ...]:
    look = _read_version(stage, "look at the version of the script", after=())
    read, path = _read_version(stage), f"{stage.script}/versions"
    listed = Step("list the versions of the script", "LIST", path, COMPUTE_NEWEST, needs=_NEEDS, after=(read,))
    defaults: dict[str, Any] = {"replicaCount": 1, "excludeFromLatest": False}
    link = stage.script_link.reveal() if stage.script_link else ""
    return (
        Fact(
            "script-version-create",
            "a new version of a script is answered with 201 and the address of an operation",
            _VERSIONS,
            (look, _create_version(stage)),
            _created(lambda put: equal(True, _OPERATION in put.headers)),  # noqa: FBT003 (the expected value)
        ),
        Fact(
            "script-version-defaults",
            "Azure fills in replicaCount and excludeFromLatest",
            _VERSIONS,
            (read,),
            says(defaults, lambda get: {name: get.at(f"{_PROFILE}.{name}") for name in defaults}),
        ),
        Fact(
            "script-version-link",
            "scriptLink is answered whole, or without its query",
            "unknown; mediaLink of applications is answered in both forms",
            (read,),
            one_of(
                {"whole": link, "without its query": link.partition("?")[0]},
                lambda get: get.at(f"{_PROFILE}.source.scriptLink"),
            ),
        ),
        Fact(
            "script-version-published",
            "publishedDate is made by the server",
            _VERSIONS,
            (read,),
            made(f"{_PROFILE}.publishedDate"),
        ),
        Fact(
            "script-version-list",
            "the list of a script's versions shows the body that a GET shows",
            _VERSIONS,
            (read, listed),
            says([], unlike),
        ),
    )


def _version_changes(stage: Stage) -> tuple[Fact, ...]:
    changed = _version(stage, "change a parameter of the version of the script", "broad", _create_version(stage))
    then = _read_version(stage, "read the parameter of the version of the script")
    return (
        Fact(
            "script-version-changes-parameters",
            "a parameter of a version of a script changes, or stays, or the change is refused",
            "unknown",
            (_create_version(stage), changed, then),
            changed_or_refused(f"{_PROFILE}.source.parameters.0.defaultValue", "canary", "broad"),
        ),
    )
