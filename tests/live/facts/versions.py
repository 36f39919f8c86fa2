"""Facts about gallery application versions; they need the link to a package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.azure.answers import operation_error
from reconciler.values import MISSING
from tests.live.fact import (
    COMPUTE,
    COMPUTE_NEWER,
    COMPUTE_NEWEST,
    Fact,
    Need,
    Seen,
    Step,
    differs,
    equal,
    holds,
    made,
    not_tried,
    one_of,
    refused,
    says,
)
from tests.live.facts import applications
from tests.live.facts.applications import changed_or_refused, instant
from tests.live.facts.galleries import EXISTS, STATES, states, unlike, without_system_data

if TYPE_CHECKING:
    from tests.live.fact import Verdict
    from tests.live.stage import Stage

_OPERATION: Final = "azure-asyncoperation"
_NEEDS: Final = (Need.PACKAGE,)
_END_OF_LIFE: Final = "2031-06-19T07:00:00Z"
_INSTALL: Final = "sh install.sh"
_PROFILE: Final = "properties.publishingProfile"
_NET: Final = "recorded: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests"
_CLI: Final = "recorded: azure-cli, test_gallery_application_version"
_OVERVIEW: Final = "documented: VM Applications overview"
_IMMUTABLE: Final = f"{_OVERVIEW}; status and code as for images (azure-sdk-for-java#28842)"


def _body(stage: Stage, **profile: Any) -> dict[str, Any]:
    source = {"source": {"mediaLink": stage.package}}
    return {"location": stage.location, "properties": {"publishingProfile": {**source, **profile}}}


def _whole(stage: Stage, **profile: Any) -> dict[str, Any]:
    actions = {"install": _INSTALL, "remove": "sh remove.sh"}
    return _body(stage, manageActions=actions, **profile)


def _look(stage: Stage) -> Step:
    return Step("look at the version", "GET", f"{stage.versions}/1.0.0", COMPUTE, needs=_NEEDS)


def create(stage: Stage) -> Step:
    """Return the PUT that creates the version 1.0.0 with as little as possible."""
    body = _whole(stage, endOfLifeDate=_END_OF_LIFE)
    after = (applications.create(stage),)
    return Step("create the version", "PUT", f"{stage.versions}/1.0.0", COMPUTE, body, needs=_NEEDS, after=after)


def _read(stage: Stage) -> Step:
    return _get(stage, "read the version", create(stage))


def _get(
    stage: Stage, name: str, after: Step, version: str = COMPUTE, query: str | None = None, number: str = "1.0.0"
) -> Step:
    return Step(name, "GET", f"{stage.versions}/{number}", version, query=query, needs=_NEEDS, after=(after,))


def _put(stage: Stage, name: str, body: dict[str, Any], **settings: Any) -> Step:
    settings = {"after": (create(stage),), "needs": _NEEDS, **settings}
    return Step(name, "PUT", f"{stage.versions}/1.0.0", COMPUTE, body, **settings)


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about versions, in the order in which they are played."""
    return (
        *_life(stage),
        *_defaults(stage),
        *_spelling(stage),
        *_reads(stage),
        *_merging(stage),
        *_immutable(stage),
        *_refusals(stage),
        *_regions(stage),
        *_conflicts(stage),
        *_changeable(stage),
        *_newer(stage),
        *_strategy(stage),
    )


def _life(stage: Stage) -> tuple[Fact, ...]:
    return (
        Fact(
            "version-create",
            "a new version is answered with 201, state Creating, and the address of an operation",
            _NET,
            (_look(stage), create(stage)),
            _created,
        ),
        Fact(
            "version-headers",
            "a PUT of a version names neither Location nor Retry-After",
            _NET,
            (create(stage),),
            says((False, False), lambda put: ("location" in put.headers, "retry-after" in put.headers)),
        ),
        Fact(
            "version-operation",
            "an operation of a version reports InProgress, and at its end Succeeded",
            _NET,
            (create(stage),),
            one_of(STATES, states),
        ),
        Fact(
            "version-operation-end",
            "an operation that has ended names its endTime and no resource",
            _NET,
            (create(stage),),
            says((True, False), lambda put: tuple(name in put.polls[-1] for name in ("endTime", "properties"))),
        ),
    )


def _created(before: Seen, put: Seen) -> Verdict:
    if before.is_accepted:
        return not_tried(EXISTS)
    got = (put.status, put.at("properties.provisioningState"), _OPERATION in put.headers)
    return equal((201, "Creating", True), got)


def _defaults(stage: Stage) -> tuple[Fact, ...]:
    filled: dict[str, Any] = {"enableHealthCheck": False, "excludeFromLatest": False, "replicaCount": 1}
    filled["storageAccountType"] = "Standard_LRS"
    absent = ("settings", "advancedSettings", "customActions", "replicationMode", "targetExtendedLocations")
    return (
        Fact(
            "version-defaults",
            "Azure fills in replicaCount, storageAccountType, enableHealthCheck and excludeFromLatest",
            f"{_NET}; {_CLI}",
            (_read(stage),),
            says(filled, lambda get: {name: get.at(f"{_PROFILE}.{name}") for name in filled}),
        ),
        Fact(
            "version-default-region",
            "without targetRegions a version is replicated once, to its location, on Standard_LRS",
            _CLI,
            (_read(stage),),
            says([(stage.location, 1, "Standard_LRS")], _replicas),
        ),
        Fact(
            "version-region-latest",
            "targetRegions[].excludeFromLatest is not answered when unset",
            _NET,
            (_read(stage),),
            says(MISSING, lambda get: get.at(f"{_PROFILE}.targetRegions.0.excludeFromLatest")),
        ),
        Fact(
            "version-absent",
            "members that were never sent, and have no default, are not answered",
            _NET,
            (_read(stage),),
            says([], lambda get: [name for name in absent if get.at(f"{_PROFILE}.{name}") is not MISSING]),
        ),
    )


def _folded(region: Any) -> str:
    return str(region).replace(" ", "").lower()


def _replicas(get: Seen) -> list[tuple[Any, ...]]:
    regions = get.at(f"{_PROFILE}.targetRegions")
    names = ("regionalReplicaCount", "storageAccountType")
    return [(_folded(each.get("name")), *(each.get(name) for name in names)) for each in regions or ()]


def _spelling(stage: Stage) -> tuple[Fact, ...]:
    return (
        Fact(
            "version-region-names",
            "targetRegions[].name is answered as a display name",
            _NET,
            (_read(stage),),
            lambda get: _displayed(stage, get),
        ),
        Fact(
            "version-location",
            "location is answered as sent",
            _NET,
            (_read(stage),),
            says(stage.location, lambda get: get.at("location")),
        ),
        Fact(
            "version-link",
            "mediaLink is answered whole, or without its query",
            "recorded in 2022: whole; reported in 2026: without (terraform-provider-azurerm#33171)",
            (_read(stage),),
            one_of(_links(stage), lambda get: get.at(f"{_PROFILE}.source.mediaLink")),
        ),
        Fact(
            "version-date",
            "endOfLifeDate is answered as the same instant, in any spelling",
            _NET,
            (_read(stage),),
            says(instant(_END_OF_LIFE), lambda get: instant(get.at(f"{_PROFILE}.endOfLifeDate"))),
        ),
        Fact(
            "version-published",
            "publishedDate is made by the server",
            _NET,
            (_read(stage),),
            made(f"{_PROFILE}.publishedDate"),
        ),
    )


def _displayed(stage: Stage, get: Seen) -> Verdict:
    name = get.at(f"{_PROFILE}.targetRegions.0.name")
    is_display = _folded(name) == stage.location and name != stage.location
    return holds(name) if is_display else differs(f"the display name of {stage.location}", name)


def _links(stage: Stage) -> dict[str, str]:
    link = stage.package.reveal() if stage.package else ""
    return {"whole": link, "without its query": link.partition("?")[0]}


def _reads(stage: Stage) -> tuple[Fact, ...]:
    expanded = _get(stage, "read the version's replication", create(stage), query="$expand=ReplicationStatus")
    listed = Step("list the versions", "LIST", stage.versions, COMPUTE, needs=_NEEDS, after=(_read(stage),))
    newer = _get(stage, f"read the version at {COMPUTE_NEWER}", create(stage), COMPUTE_NEWER)
    name = f"list the versions at {COMPUTE_NEWER}"
    all_newer = Step(name, "LIST", stage.versions, COMPUTE_NEWER, needs=_NEEDS, after=(_read(stage),))
    status = "properties.replicationStatus"
    return (
        Fact(
            "version-replication",
            "$expand=ReplicationStatus shows the state of each region by its short name",
            _NET,
            (expanded,),
            says(
                ("Completed", stage.location),
                lambda get: (get.at(f"{status}.aggregatedState"), get.at(f"{status}.summary.0.region")),
            ),
        ),
        Fact(
            "version-replication-hidden",
            "a GET without $expand does not show replicationStatus",
            _NET,
            (_read(stage),),
            says(MISSING, lambda get: get.at(status)),
        ),
        Fact(
            "version-list",
            "the list of an application's versions shows the body that a GET shows",
            _CLI,
            (_read(stage), listed),
            says([], unlike),
        ),
        Fact(
            "version-system-data",
            f"systemData is answered from {COMPUTE_NEWER} on, and not at {COMPUTE}",
            "documented: models of azure-mgmt-compute",
            (_read(stage), newer),
            says((True, False), lambda get, then: (get.at("systemData") is MISSING, then.at("systemData") is MISSING)),
        ),
        Fact(
            "version-list-system-data",
            f"the list of an application's versions shows systemData at {COMPUTE_NEWER}",
            "inferred: a list shows the body that a GET shows",
            (_read(stage), all_newer),
            says([], without_system_data),
        ),
    )


def _merging(stage: Stage) -> tuple[Fact, ...]:
    less = _put(stage, "put the version without its optional members", _body(stage))
    after = _get(stage, "read the version after that", less)
    return (
        Fact(
            "version-update",
            "an update is answered with 200 and state Updating while its operation runs",
            _NET,
            (create(stage), less),
            says(
                (200, "Updating", True),
                lambda _, put: (put.status, put.at("properties.provisioningState"), _OPERATION in put.headers),
            ),
        ),
        Fact(
            "version-merge",
            "a PUT without manageActions and targetRegions keeps both: versions merge",
            f"{_CLI} (2021-07-01)",
            (less, after),
            says(
                (_INSTALL, True),
                lambda _, get: (
                    get.at(f"{_PROFILE}.manageActions.install"),
                    get.at(f"{_PROFILE}.targetRegions.0") is not MISSING,
                ),
            ),
        ),
        Fact(
            "version-date-stays",
            "a PUT without endOfLifeDate does not clear it",
            "code of terraform-provider-azurerm, gallery_application_version_resource",
            (less, after),
            says(instant(_END_OF_LIFE), lambda _, get: instant(get.at(f"{_PROFILE}.endOfLifeDate"))),
        ),
    )


def _immutable(stage: Stage) -> tuple[Fact, ...]:
    actions = {"install": "sh other.sh", "remove": "sh remove.sh"}
    changes = (
        ("manageActions.install", _body(stage, manageActions=actions)),
        ("settings.packageFileName", _body(stage, settings={"packageFileName": "other.zip"})),
        ("storageAccountType", _body(stage, storageAccountType="Premium_LRS")),
    )
    return tuple(
        Fact(
            f"version-immutable-{path.rpartition('.')[2].lower()}",
            f"another {path} is refused: 409 PropertyChangeNotAllowed, with the property as target",
            _IMMUTABLE,
            (create(stage), _put(stage, f"change {path}", body)),
            refused(409, "PropertyChangeNotAllowed", target=path),
        )
        for path, body in changes
    )


def _refusals(stage: Stage) -> tuple[Fact, ...]:
    own, other = {"name": stage.location}, {"name": stage.elsewhere}
    key = {"osDiskImage": {"diskEncryptionSetId": f"{stage.group_id}/providers/Microsoft.Compute/diskEncryptionSets/x"}}
    bodies = (
        ("location", "targetRegions without the location", _whole(stage, targetRegions=[other])),
        ("doubled", "a region twice", _whole(stage, targetRegions=[own, own])),
        ("encryption", "targetRegions[].encryption", _whole(stage, targetRegions=[{**own, "encryption": key}])),
        ("quoted", "a link in quotation marks", _linked(stage, '"https://example.blob.core.windows.net/a/b.zip"')),
    )
    unreadable = _linked(stage, f"https://{stage.name}.blob.core.windows.net/none/none.zip")
    after = (applications.create(stage),)
    path = f"{stage.versions}/1.0"
    nameless = Step("create the version 1.0", "PUT", path, COMPUTE, _whole(stage), needs=_NEEDS, after=after)
    return (
        *(
            Fact(
                f"version-refuses-{noun}",
                f"{what}: refused with 400",
                _OVERVIEW,
                (_put(stage, f"put {what}", body),),
                refused(400),
            )
            for noun, what, body in bodies
        ),
        Fact(
            "version-refuses-name",
            "a name that is not Major.Minor.Patch is refused with 400",
            "documented: gallery.json 2022-03-03",
            (nameless,),
            refused(400),
        ),
        Fact(
            "version-refuses-unreadable",
            "a link that Azure cannot read is refused, at once or by the operation",
            _OVERVIEW,
            (_put(stage, "put an unreadable link", unreadable, needs=(*_NEEDS, Need.AZURE)),),
            _fails,
        ),
    )


def _linked(stage: Stage, link: str) -> dict[str, Any]:
    body = _whole(stage)
    body["properties"]["publishingProfile"]["source"] = {"mediaLink": link}
    return body


def _fails(put: Seen) -> Verdict:
    if not put.is_accepted:
        return equal(400, put.status)
    last = put.polls[-1] if put.polls else {}
    is_failed = str(last.get("status")) == "Failed"
    code = operation_error(last, "Failed").code
    return holds(f"by the operation: {code}") if is_failed else differs("a refusal", put.words)


def _regions(stage: Stage) -> tuple[Fact, ...]:
    needs = (Need.PACKAGE, Need.SECOND_LOCATION)
    both = [{"name": stage.location}, {"name": stage.second_location or ""}]
    spread = _put(stage, "replicate the version to two regions", _body(stage, targetRegions=both), needs=needs)
    less = _body(stage, targetRegions=both[:1])
    unsafe = _put(stage, "take a region away without the flag", less, needs=needs, after=(spread,))
    allowed = _body(stage, targetRegions=both[:1])
    allowed["properties"]["safetyProfile"] = {"allowDeletionOfReplicatedLocations": True}
    safe = _put(stage, "take a region away with the flag", allowed, needs=needs, after=(spread,))
    after = Step("read the version's regions", "GET", safe.path, COMPUTE, needs=needs, after=(safe,))
    return (
        Fact(
            "version-region-removal",
            "a region does not leave without allowDeletionOfReplicatedLocations: 400",
            "reported: terraform-provider-azurerm, pull request 21999",
            (spread, unsafe),
            refused(400, "BadRequest"),
        ),
        Fact(
            "version-region-removal-allowed",
            "a region leaves with allowDeletionOfReplicatedLocations",
            "reported: terraform-provider-azurerm, pull request 21999",
            (safe, after),
            says([stage.location], lambda _, get: [name for name, *_ in _replicas(get)]),
        ),
    )


_RUNNING: Final = one_of(
    {"Creating": "Creating", "Updating": "Updating"}, lambda get: get.at("properties.provisioningState")
)


def _with_zeros(stage: Stage) -> Step:
    """Return the PUT that creates the version 1.03.0, and does not wait for its operation."""
    name, path, after = "create the version 1.03.0", f"{stage.versions}/1.03.0", (applications.create(stage),)
    return Step(name, "PUT", path, COMPUTE, _whole(stage), needs=_NEEDS, after=after, waits=False)


def _conflicts(stage: Stage) -> tuple[Fact, ...]:
    running, after = _with_zeros(stage), (applications.create(stage),)
    name, path = "create the version 1.0.1 meanwhile", f"{stage.versions}/1.0.1"
    second = Step(name, "PUT", path, COMPUTE, _whole(stage), needs=_NEEDS, after=after)
    meanwhile = _get(stage, "read the version 1.03.0 meanwhile", running, number="1.03.0")
    zeros = _get(stage, "read the version 1.3.0", running, number="1.3.0")
    return (
        Fact(
            "version-visible",
            "a GET shows the version while its operation runs, with state Creating or Updating",
            "inferred",
            (running, meanwhile, second),
            lambda _, get, __: _RUNNING(get),
        ),
        Fact(
            "version-conflict",
            "a second PUT in one application, while one runs, is refused: 409 Conflict",
            "reported: terraform-provider-azurerm#23326; code inferred",
            (running, meanwhile, second),
            refused(409, "Conflict"),
        ),
        Fact(
            "version-name-zeros",
            "1.03.0 is a name of its own: there is no 1.3.0",
            "documented: gallery.json 2022-03-03 (a text)",
            (running, zeros),
            refused(404, "ResourceNotFound"),
        ),
    )


def _changeable(stage: Stage) -> tuple[Fact, ...]:
    created = _with_zeros(stage)

    def put(name: str, word: str) -> Step:
        actions = [{"name": "act", "script": f"echo {word}"}]
        body = _body(stage, customActions=actions, advancedSettings={"setting": word})
        return Step(name, "PUT", created.path, COMPUTE, body, needs=_NEEDS, after=(created,))

    one = put("give the version 1.03.0 an action and a setting", "1")
    two = put("change the action and the setting of 1.03.0", "2")
    then = _get(stage, "read the action and the setting of 1.03.0", created, number="1.03.0")
    return tuple(
        Fact(
            f"version-changes-{member.lower()}",
            f"{member} of a version change, or stay, or the change is refused",
            "unknown",
            (one, two, then),
            changed_or_refused(f"{_PROFILE}.{place}", old, new),
        )
        for member, place, old, new in (
            ("customActions", "customActions.0.script", "echo 1", "echo 2"),
            ("advancedSettings", "advancedSettings.setting", "1", "2"),
        )
    )


def _newer(stage: Stage) -> tuple[Fact, ...]:
    path, settings = f"{stage.versions}/1.1.0", {"scriptBehaviorAfterReboot": "Rerun"}
    body = _whole(stage, settings=settings)
    after = (applications.create(stage),)
    name = f"create the version 1.1.0 with scriptBehaviorAfterReboot at {COMPUTE_NEWER}"
    made = Step(name, "PUT", path, COMPUTE_NEWER, body, needs=_NEEDS, after=after)
    hidden = Step(f"read the version 1.1.0 at {COMPUTE}", "GET", path, COMPUTE, needs=_NEEDS, after=(made,))
    name = f"put the version 1.1.0 at {COMPUTE}"
    older = Step(name, "PUT", path, COMPUTE, _body(stage), needs=_NEEDS, after=(made,))
    then = Step(f"read it at {COMPUTE_NEWER}", "GET", path, COMPUTE_NEWER, needs=_NEEDS, after=(older,))
    member = f"{_PROFILE}.settings.scriptBehaviorAfterReboot"
    return (
        Fact(
            "version-newer-hidden",
            f"scriptBehaviorAfterReboot is not answered at {COMPUTE}",
            "inferred",
            (made, hidden),
            says(MISSING, lambda _, get: get.at(member)),
        ),
        Fact(
            "version-newer-older",
            f"a PUT at {COMPUTE} keeps scriptBehaviorAfterReboot, or drops it; the reconciler sends no such PUT",
            "unknown",
            (made, older, then),
            one_of({"kept": True, "dropped": False}, lambda *seen: seen[-1].at(member) is not MISSING),
        ),
    )


def _strategy(stage: Stage) -> tuple[Fact, ...]:
    path, name = f"{stage.versions}/1.2.0", f"create the version 1.2.0 at {COMPUTE_NEWEST}"
    after = (applications.create(stage),)
    created = Step(name, "PUT", path, COMPUTE_NEWEST, _whole(stage), needs=_NEEDS, after=after)
    get = Step("read the version 1.2.0", "GET", path, COMPUTE_NEWEST, needs=_NEEDS, after=(created,))
    return (
        Fact(
            "version-storage-strategy",
            f"a version that is created at {COMPUTE_NEWEST} without a storage type or strategy gets one of the two",
            "documented: models of azure-mgmt-compute (PreferStandard_ZRS); the answer is unknown",
            (created, get),
            one_of(
                {
                    "PreferStandard_ZRS": "PreferStandard_ZRS",
                    "DefaultStandard_LRS": "DefaultStandard_LRS",
                    "not answered": MISSING,
                },
                lambda _, read: read.at(f"{_PROFILE}.storageAccountStrategy"),
            ),
        ),
    )
