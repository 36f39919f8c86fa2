"""Facts about galleries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.values import MISSING
from tests.live.fact import (
    COMPUTE,
    COMPUTE_NEWER,
    UNKNOWN_VERSION,
    Fact,
    Need,
    Seen,
    Step,
    accepted_or,
    equal,
    made,
    not_tried,
    one_of,
    refused,
    says,
    unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.live.fact import Verdict
    from tests.live.stage import Stage

STATES: Final = {states: states for states in ("InProgress, Succeeded", "Succeeded")}
"""Of an operation that was polled several times, or once."""
EXISTS: Final = "the resource exists since an earlier run: choose another RECONCILER_LIVE_SUFFIX"
_OPERATION: Final = "azure-asyncoperation"
_TEXT: Final = "Facts of the reconciler"


def look(stage: Stage) -> Step:
    """Return the GET that shows whether the gallery exists since an earlier run."""
    return Step("look at the gallery", "GET", stage.gallery, COMPUTE)


def create(stage: Stage) -> Step:
    """Return the PUT that creates the gallery; it follows the look."""
    body = {"location": stage.location, "tags": {"made": "by-make-live"}, "properties": {"description": _TEXT}}
    return Step("create the gallery", "PUT", stage.gallery, COMPUTE, body)


def read(stage: Stage) -> Step:
    """Return the GET of the created gallery."""
    return Step("read the gallery", "GET", stage.gallery, COMPUTE, after=(create(stage),))


def _put(stage: Stage, name: str, version: str = COMPUTE, after: Step | None = None, **body: Any) -> Step:
    body = {"location": stage.location, **body}
    return Step(name, "PUT", stage.gallery, version, body, after=(after or create(stage),))


def _get(stage: Stage, name: str, after: Step, version: str = COMPUTE) -> Step:
    return Step(name, "GET", stage.gallery, version, after=(after,))


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about galleries, in the order in which they are played."""
    return (*_life(stage), *_shape(stage), *_merging(stage), *_refusals(stage), *_newer(stage), *_sharing(stage))


def _life(stage: Stage) -> tuple[Fact, ...]:
    update = _put(stage, "update the gallery", properties={"description": _TEXT})
    return (
        Fact(
            "gallery-create",
            "a new gallery is answered with 201, state Creating, and the address of an operation",
            "recorded: azure-cli, test_update_gallery_permissions (65 of 65)",
            (look(stage), create(stage)),
            _created,
        ),
        Fact(
            "gallery-operation",
            "an operation of a gallery reports InProgress, and at its end Succeeded",
            "recorded: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests",
            (create(stage),),
            one_of(STATES, states),
        ),
        Fact(
            "gallery-update",
            "an update of a gallery is answered with 200 and an operation",
            "recorded: azure-cli, test_update_gallery_permissions (8 updates)",
            (create(stage), update),
            says((200, True), lambda _, put: (put.status, _OPERATION in put.headers)),
        ),
        Fact(
            "gallery-update-state",
            "the answer to an update shows Succeeded or Updating",
            "recorded: azure-cli, test_update_gallery_permissions (6 and 2)",
            (create(stage), update),
            one_of(
                {"Succeeded": "Succeeded", "Updating": "Updating"},
                lambda _, put: put.at("properties.provisioningState"),
            ),
        ),
    )


def _created(before: Seen, put: Seen) -> Verdict:
    if before.is_accepted:
        return not_tried(EXISTS)
    got = (put.status, put.at("properties.provisioningState"), _OPERATION in put.headers)
    return equal((201, "Creating", True), got)


def states(put: Seen) -> str:
    """Return the states of an operation in order, each once, and the members that one of its answers lacked."""
    words = dict.fromkeys(str(poll.get("status")) for poll in put.polls)
    lacking = {name for poll in put.polls for name in ("startTime", "name") if name not in poll}
    return ", ".join([*words, *(f"without {name}" for name in sorted(lacking))])


def _shape(stage: Stage) -> tuple[Fact, ...]:
    shouted = Step(
        "read the gallery in upper case",
        "GET",
        f"{stage.galleries}/{stage.name.upper()}",
        COMPUTE,
        after=(create(stage),),
    )
    listed = Step("list the galleries of the group", "LIST", stage.galleries, COMPUTE, after=(read(stage),))
    return (
        Fact(
            "gallery-sharing-absent",
            "a gallery that never declared sharing is answered without sharingProfile: absent means Private",
            "recorded: azure-cli, test_update_gallery_permissions",
            (read(stage),),
            says(MISSING, lambda get: get.at("properties.sharingProfile")),
        ),
        Fact(
            "gallery-unique-name",
            "a gallery gets identifier.uniqueName from the server",
            "documented: gallery.json 2022-03-03, Gallery_Create",
            (read(stage),),
            made("properties.identifier.uniqueName"),
        ),
        Fact(
            "gallery-name-case",
            "names are case-insensitive: a GET in upper case finds the gallery",
            "documented: naming rules for Azure resources",
            (read(stage), shouted),
            unchanged(lambda get: str(get.at("id")).lower()),
        ),
        Fact(
            "gallery-id-case",
            "the id in an answer is spelled as created, or as requested: ids are compared folded",
            "documented: naming rules for Azure resources",
            (shouted,),
            one_of(
                {"as created": stage.name, "as requested": stage.name.upper()},
                lambda get: str(get.at("id")).rpartition("/")[2],
            ),
        ),
        Fact(
            "gallery-list",
            "the list of a resource group shows the body that a GET shows",
            "recorded: azure-cli, test_gallery_application_version",
            (read(stage), listed),
            says([], unlike),
        ),
    )


def unlike(get: Seen, listed: Seen) -> list[str]:
    """Return the members in which a list differs from the body that a GET has shown."""
    element = element_of(listed, get)
    return sorted(name for name in {*get.body, *element} if get.at(name) != element.get(name, MISSING))


def element_of(listed: Seen, get: Seen) -> Mapping[str, Any]:
    """Return the element of a list that is the resource of a GET; an empty one if it is not listed."""
    key = str(get.at("id")).lower()
    return next((each for each in listed.body.get("value", ()) if str(each.get("id")).lower() == key), {})


def _merging(stage: Stage) -> tuple[Fact, ...]:
    less = _put(stage, "put the gallery without description and tags", properties={})
    after = _get(stage, "read the gallery after that", less)
    return (
        Fact(
            "gallery-merge",
            "a PUT without description keeps it: galleries merge",
            "inferred from sharingProfile: azure-cli, test_update_gallery_permissions",
            (less, after),
            says(_TEXT, lambda _, get: get.at("properties.description")),
        ),
        Fact(
            "gallery-tags-omitted",
            "tags that a PUT omits are kept or dropped; the reconciler sends all of them",
            "unknown",
            (less, after),
            one_of({"kept": True, "dropped": False}, lambda _, get: bool(kept(get.at("tags")))),
        ),
    )


def kept(value: Any) -> Any:
    """Return a value, or None where it is missing."""
    return None if value is MISSING else value


def _refusals(stage: Stage) -> tuple[Fact, ...]:
    moved = _put(stage, "move the gallery", location=stage.elsewhere, properties={})
    unknown = _put(stage, "put the gallery with an unknown member", properties={"reconcilerUnknown": "x"})
    fixed = {"identifier": {"uniqueName": "another"}}
    read_only = _put(stage, "put the gallery with a read-only member", properties=fixed)
    again = _get(stage, "read the gallery after the read-only member", read_only)
    soft = _put(stage, "put the gallery with softDeletePolicy", properties={"softDeletePolicy": _OFF})
    return (
        Fact(
            "gallery-location",
            "another location is refused by ARM: 409 InvalidResourceLocation",
            "reported: azure-docs#70422",
            (create(stage), moved),
            refused(409, "InvalidResourceLocation"),
        ),
        Fact(
            "gallery-unknown-member",
            "an unknown member of a body is refused with 400",
            "reported: azure-cli#18855",
            (create(stage), unknown),
            refused(400, "BadRequest", "InvalidRequestContent", "InvalidParameter"),
        ),
        Fact(
            "gallery-read-only",
            "a read-only member of a body is ignored",
            "documented: gallery.json 2022-03-03 (readOnly)",
            (read(stage), read_only, again),
            unchanged(lambda get: get.at("properties.identifier.uniqueName")),
        ),
        Fact(
            "gallery-soft-delete",
            "a PUT with softDeletePolicy is accepted, or refused where the subscription lacks the feature",
            "reported",
            (create(stage), soft),
            accepted_or(("InvalidParameter", "BadRequest", "OperationNotAllowed", "Conflict")),
        ),
    )


_OFF: Final = {"isSoftDeleteEnabled": False}


def _newer(stage: Stage) -> tuple[Fact, ...]:
    newer = _get(stage, f"read the gallery at {COMPUTE_NEWER}", create(stage), COMPUTE_NEWER)
    listed = Step(
        f"list the galleries at {COMPUTE_NEWER}", "LIST", stage.galleries, COMPUTE_NEWER, after=(create(stage),)
    )
    identity = {"type": "SystemAssigned"}
    with_identity = _put(stage, f"give the gallery an identity at {COMPUTE_NEWER}", COMPUTE_NEWER, identity=identity)
    hidden = _get(stage, f"read the gallery with an identity at {COMPUTE}", with_identity)
    older = _put(stage, f"put the gallery at {COMPUTE} without its identity", after=with_identity, properties={})
    after = _get(stage, f"read its identity at {COMPUTE_NEWER}", older, COMPUTE_NEWER)
    return (
        Fact(
            "gallery-system-data",
            f"systemData is answered from {COMPUTE_NEWER} on, and not at {COMPUTE}",
            "documented: models of azure-mgmt-compute",
            (read(stage), newer),
            says((True, False), lambda get, then: (get.at("systemData") is MISSING, then.at("systemData") is MISSING)),
        ),
        Fact(
            "gallery-list-system-data",
            f"the list of a resource group shows systemData at {COMPUTE_NEWER}",
            "inferred: a list shows the body that a GET shows",
            (read(stage), listed),
            says([], without_system_data),
        ),
        *_ladder(stage),
        Fact(
            "gallery-identity-hidden",
            f"an identity is not answered at {COMPUTE}",
            "inferred",
            (with_identity, hidden),
            says(MISSING, lambda _, get: get.at("identity")),
        ),
        Fact(
            "gallery-identity-older",
            f"a PUT at {COMPUTE} keeps a live identity, or drops it; the reconciler sends no such PUT",
            "unknown",
            (with_identity, older, after),
            one_of({"kept": True, "dropped": False}, _has_identity),
        ),
    )


def without_system_data(get: Seen, listed: Seen) -> list[str]:
    """Return the members of systemData that a list does not show for the resource of a GET."""
    data = element_of(listed, get).get("systemData", {})
    return [name for name in ("lastModifiedAt", "lastModifiedBy") if name not in data]


def _ladder(stage: Stage) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            f"gallery-version-{version}",
            f"{version} is an api-version of galleries, or refused with a code that says so",
            "documented: models of azure-mgmt-compute; a cloud may lag behind",
            (_get(stage, f"read the gallery at {version}", create(stage), version),),
            accepted_or(UNKNOWN_VERSION),
            is_about_versions=True,
        )
        for version in ("2025-03-03", "2026-03-03")
    )


def _has_identity(*seen: Seen) -> bool:
    return seen[-1].at("identity.type") not in {MISSING, "None", None}


def _sharing(stage: Stage) -> tuple[Fact, ...]:
    path = f"{stage.gallery}public"
    info = {
        "publisherUri": "https://example.com",
        "publisherContact": stage.contact or "",
        "eula": "https://example.com/eula",
        "publicNamePrefix": stage.name,
    }
    needs = (Need.CONTACT,)
    private = Step("create another gallery", "PUT", path, COMPUTE, {"location": stage.location}, needs=needs)
    profile = {"permissions": "Community", "communityGalleryInfo": info}
    body = {"location": stage.location, "properties": {"sharingProfile": profile}}
    public = Step("share that gallery", "PUT", path, COMPUTE, body, needs=needs, after=(private,))
    shared = Step("read the shared gallery", "GET", path, COMPUTE, needs=needs, after=(public,))
    less = {"location": stage.location, "properties": {"description": _TEXT}}
    omitted = Step("put the shared gallery without sharing", "PUT", path, COMPUTE, less, needs=needs, after=(shared,))
    after = Step("read the shared gallery after that", "GET", path, COMPUTE, needs=needs, after=(omitted,))
    return (
        Fact(
            "gallery-sharing-changes",
            "a PUT changes the sharing of a gallery from Private to Community",
            "recorded: azure-cli, test_update_gallery_permissions",
            (private, public, shared),
            says("Community", lambda *seen: seen[-1].at("properties.sharingProfile.permissions")),
        ),
        Fact(
            "gallery-sharing-merges",
            "a PUT without sharingProfile keeps it",
            "recorded: azure-cli, test_update_gallery_permissions",
            (shared, omitted, after),
            says("Community", lambda *seen: seen[-1].at("properties.sharingProfile.permissions")),
        ),
    )
