"""Facts about every request: what is missing, api-versions, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.azure.limits import remaining
from reconciler.http.throttle import Lane
from reconciler.values import MISSING
from tests.live.fact import (
    COMPUTE,
    SOLUTIONS,
    UNKNOWN,
    UNKNOWN_VERSION,
    Fact,
    Seen,
    Step,
    differs,
    holds,
    refused,
    refused_with,
    says,
)
from tests.live.facts import applications, definitions, galleries

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.fact import Verdict
    from tests.live.stage import Stage

_CODES: Final = "documented: troubleshoot common Azure deployment errors"
_LIMITS: Final = "documented: how Azure Resource Manager throttles requests"
_CALLS: Final = "x-ms-ratelimit-remaining-resource"


def facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts that need no resource, and those about the headers of resources that others create."""
    return (*_missing(stage), *_versions(stage))


def _missing(stage: Stage) -> tuple[Fact, ...]:
    absent = f"{stage.gallery}absent"
    resource = Step("read a missing gallery", "GET", absent, COMPUTE)
    definition = Step("read a missing definition", "GET", f"{stage.definition}absent", SOLUTIONS)
    group = f"{stage.group_id}-{stage.name}absent/providers/Microsoft.Compute/galleries/{stage.name}"
    body = {"location": stage.location, "properties": {"supportedOSType": "Linux"}}
    path = f"{absent}/applications/{stage.name}"
    below = Step("create an application in a missing gallery", "PUT", path, COMPUTE, body)
    return (
        Fact(
            "missing-resource",
            "a missing resource is 404 ResourceNotFound",
            _CODES,
            (resource,),
            refused(404, "ResourceNotFound"),
        ),
        Fact(
            "missing-definition",
            "so is a missing definition",
            _CODES,
            (definition,),
            refused(404, "ResourceNotFound"),
        ),
        Fact(
            "missing-group",
            "a resource in a missing group is 404 ResourceGroupNotFound",
            _CODES,
            (Step("read a gallery in a missing group", "GET", group, COMPUTE),),
            refused(404, "ResourceGroupNotFound"),
        ),
        Fact(
            "missing-parent",
            "a PUT below a missing resource is 404 ParentResourceNotFound",
            _CODES,
            (below,),
            refused(404, "ParentResourceNotFound"),
        ),
        Fact(
            "missing-parent-list",
            "a list below a missing resource is 404 too",
            "inferred",
            (Step("list the applications of a missing gallery", "LIST", f"{absent}/applications", COMPUTE),),
            refused(404, "ParentResourceNotFound", "ResourceNotFound"),
        ),
    )


def _versions(stage: Stage) -> tuple[Fact, ...]:
    sentence = "an api-version that the type does not have is refused with a code that says so"
    source = f"{_CODES}; reported: azure-cli#21572"
    return tuple(
        Fact(
            f"unknown-version-{noun}", sentence, source, (step,), refused_with(*UNKNOWN_VERSION), is_about_versions=True
        )
        for noun, step in (
            ("gallery", Step("read a gallery at an unknown version", "GET", stage.gallery, UNKNOWN)),
            ("definition", Step("read a definition at an unknown version", "GET", stage.definition, UNKNOWN)),
        )
    )


def header_facts(stage: Stage) -> tuple[Fact, ...]:
    """Return the facts about headers; they come after those that create resources."""
    get, put = galleries.read(stage), galleries.create(stage)
    application = applications.create(stage)
    listed = Step("list the galleries once more", "LIST", stage.galleries, COMPUTE, after=(put,))
    definition = definitions.create(stage)
    return (
        Fact(
            "request-id",
            "every answer carries x-ms-request-id and x-ms-correlation-request-id",
            "recorded: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests",
            (get, put),
            says([], lambda *seen: [name for each in seen for name in _IDS if name not in each.headers]),
        ),
        *(
            Fact(
                f"bucket-{noun}",
                f"an answer carries the rest of ARM's bucket for {noun}",
                _LIMITS,
                (step,),
                _bucket(write=step.method == "PUT"),
            )
            for noun, step in (("reads", get), ("writes", put))
        ),
        Fact(
            "compute-windows",
            "Compute names the rest of two windows, of 3 and of 30 minutes, for each operation",
            "recorded: azure-sdk-for-net, GalleryApplicationVersion_CRUD_Tests",
            (application,),
            says([180.0, 1800.0], lambda seen: sorted(remaining(seen.headers, _lane(write=True)).calls)),
        ),
        Fact(
            "list-windows",
            "a list names no window of Compute",
            "recorded: azure-cli, test_gallery_application_version",
            (listed,),
            says(MISSING, lambda seen: seen.headers.get(_CALLS, MISSING)),
        ),
        Fact(
            "solutions-windows",
            "Microsoft.Solutions names no window of its own",
            "recorded: azure-cli, test_managedappdef",
            (definition,),
            says(MISSING, lambda seen: seen.headers.get(_CALLS, MISSING)),
        ),
    )


_IDS: Final = ("x-ms-request-id", "x-ms-correlation-request-id")


def _lane(*, write: bool) -> Lane:
    return Lane("", write, "")


def _bucket(*, write: bool) -> Callable[[Seen], Verdict]:
    def judge(seen: Seen) -> Verdict:
        rest = remaining(seen.headers, _lane(write=write)).requests
        return differs("the rest of the bucket", MISSING) if rest is None else holds()

    return judge
