"""Facts about gallery applications."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from reconciler.values import MISSING
from tests.live.fact import COMPUTE, Fact, Seen, Step, equal, first_refused, holds, not_tried, one_of, refused, says
from tests.live.facts import galleries
from tests.live.facts.galleries import EXISTS, kept, unlike

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.fact import Verdict
    from tests.live.stage import Stage

_OPERATION: Final = "azure-asyncoperation"
_END_OF_LIFE: Final = "2031-06-19T07:00:00Z"
_TEXT: Final = "An application of the reconciler"
_NET: Final = "recorded: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests"
_TERRAFORM: Final = "code of terraform-provider-azurerm, gallery_application_resource"


def _look(stage: Stage) -> Step:
    return Step("look at the application", "GET", stage.application, COMPUTE)


def create(stage: Stage) -> Step:
    """Return the PUT that creates the application, with its location in upper case."""
    body = {
        "location": stage.location.upper(),
        "tags": {"made": "by-make-live"},
        "properties": {"supportedOSType": "Linux", "description": _TEXT, "endOfLifeDate": _END_OF_LIFE},
    }
    after = (galleries.create(stage),)
    return Step("create the application", "PUT", stage.application, COMPUTE, body, after=after)


def _read(stage: Stage) -> Step:
    return Step("read the application", "GET", stage.application, COMPUTE, after=(create(stage),))


def _put(stage: Stage, name: str, **properties: Any) -> Step:
    body = {"location": stage.location, "properties": {"supportedOSType": "Linux", **properties}}
    return Step(name, "PUT", stage.application, COMPUTE, body, after=(create(stage),))


def _get(stage: Stage, name: str, after: Step) -> Step:
    return Step(name, "GET", stage.application, COMPUTE, after=(after,))


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about applications, in the order in which they are played."""
    return (*_life(stage), *_shape(stage), *_merging(stage), *_refusals(stage))


def _life(stage: Stage) -> tuple[Fact, ...]:
    return (
        Fact(
            "application-create",
            "a new application is answered with 201 in one request, without an operation or a state",
            _NET,
            (_look(stage), create(stage)),
            _created,
        ),
        Fact(
            "application-update",
            "an update of an application is answered with 200 in one request",
            _NET,
            (create(stage), _put(stage, "update the application", description=_TEXT)),
            says((200, False), lambda _, put: (put.status, _OPERATION in put.headers)),
        ),
    )


def _created(before: Seen, put: Seen) -> Verdict:
    if before.is_accepted:
        return not_tried(EXISTS)
    state = put.at("properties.provisioningState")
    return equal((201, False, MISSING), (put.status, _OPERATION in put.headers, state))


def _shape(stage: Stage) -> tuple[Fact, ...]:
    listed = Step("list the applications", "LIST", stage.applications, COMPUTE, after=(_read(stage),))
    return (
        Fact(
            "application-location",
            "a location in upper case is answered as sent, or folded: regions are compared folded",
            "recorded: azure-cli, test_gallery_application (2021-07-01)",
            (create(stage), _read(stage)),
            one_of({"as sent": stage.location.upper(), "folded": stage.location}, lambda _, get: get.at("location")),
        ),
        Fact(
            "application-date",
            "a date is answered as the same instant, in any spelling",
            _NET,
            (_read(stage),),
            says(instant(_END_OF_LIFE), lambda get: instant(get.at("properties.endOfLifeDate"))),
        ),
        Fact(
            "application-list",
            "the list of a gallery's applications shows the body that a GET shows",
            "recorded: azure-cli, test_gallery_application",
            (_read(stage), listed),
            says([], unlike),
        ),
    )


def instant(text: Any) -> datetime | None:
    """Return the moment that a text names; None where it names none."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _merging(stage: Stage) -> tuple[Fact, ...]:
    less = _put(stage, "put the application without its optional members")
    after = _get(stage, "read the application after that", less)
    empty = _put(stage, "put the application with an empty text", description="")
    emptied = _get(stage, "read the application with an empty text", empty)
    return (
        Fact(
            "application-merge",
            "a PUT without description keeps it: applications merge",
            "inferred from versions: azure-cli, test_gallery_application_version",
            (less, after),
            says(_TEXT, lambda _, get: get.at("properties.description")),
        ),
        Fact(
            "application-date-stays",
            "a PUT without endOfLifeDate does not clear it",
            _TERRAFORM,
            (less, after),
            says(instant(_END_OF_LIFE), lambda _, get: instant(get.at("properties.endOfLifeDate"))),
        ),
        Fact(
            "application-tags-omitted",
            "tags that a PUT omits are kept or dropped; the reconciler sends all of them",
            "unknown",
            (less, after),
            one_of({"kept": True, "dropped": False}, lambda _, get: bool(kept(get.at("tags")))),
        ),
        Fact(
            "application-empty-text",
            "an empty optional text is echoed, clears the live one, or is ignored: it is compared as absent",
            "unknown; terraform-provider-azurerm always sends it",
            (empty, emptied),
            one_of(
                {"echoed": "", "clears": None, "ignored": _TEXT}, lambda _, get: kept(get.at("properties.description"))
            ),
        ),
    )


def changed_or_refused(path: str, old: Any, new: Any) -> Callable[..., Verdict]:
    """Return a judgement of two PUTs and a GET: the second value is there, or the first, or a PUT was refused."""
    read_back = one_of({"changed": new, "unchanged": old}, lambda get: get.at(path))

    def judge(first: Seen, second: Seen, get: Seen) -> Verdict:
        refused = first_refused((first, second))
        return holds(f"refused: {refused.words} {kept(refused.at('error.target'))}") if refused else read_back(get)

    return judge


def _refusals(stage: Stage) -> tuple[Fact, ...]:
    one = _put(stage, "give the application an action", customActions=[{"name": "act", "script": "echo 1"}])
    two = _put(stage, "change the action of the application", customActions=[{"name": "act", "script": "echo 2"}])
    then = _get(stage, "read the action of the application", create(stage))
    incomplete = Step(
        "create an application without supportedOSType",
        "PUT",
        f"{stage.application}absent",
        COMPUTE,
        {"location": stage.location, "properties": {"description": _TEXT}},
        after=(galleries.create(stage),),
    )
    return (
        Fact(
            "application-system",
            "another supportedOSType is refused: 409 PropertyChangeNotAllowed, with the property as target",
            "documented: VM Applications overview; status and code as for images (azure-sdk-for-java#28842)",
            (create(stage), _put(stage, "change supportedOSType", supportedOSType="Windows")),
            refused(409, "PropertyChangeNotAllowed", target="supportedOSType"),
        ),
        Fact(
            "application-changes-customactions",
            "customActions of an application change, or stay, or the change is refused",
            "unknown",
            (one, two, then),
            changed_or_refused("properties.customActions.0.script", "echo 1", "echo 2"),
        ),
        Fact(
            "application-required",
            "an application without supportedOSType is refused with 400",
            "documented: gallery.json 2022-03-03 (required)",
            (incomplete,),
            refused(400, "InvalidParameter", "BadRequest", "InvalidRequestContent"),
        ),
    )
