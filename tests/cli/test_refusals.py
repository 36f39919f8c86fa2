"""What Azure says when it refuses: all of it reaches the report, with the property, its line, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import Azure, Workspace, application, definition, gallery, id_of, inline, resource, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.proxy import Proxy

LINK = "properties.publishingProfile.source.mediaLink"


def refused(
    work: Workspace, report: Reporting, proxy: Proxy, status: int, body: Any, made: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the error of a definition, or of *made*, whose PUT is answered so."""
    made = made or inline()
    work.state(made) if made["kind"] == "ApplicationDefinition" else work.state(gallery(), application(), made)
    proxy.answer("PUT", id_of(made).rpartition("/")[2], status, body)
    error = resource(report("apply", "--timeout", "1", code=1), made)["error"]
    assert isinstance(error, dict)
    return error


def policy(*expressions: dict[str, Any], **names: str) -> dict[str, Any]:
    """Return the body of a refusal by Azure Policy."""
    info = {
        "policyAssignmentDisplayName": "Require cost center",
        "policyAssignmentId": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a1",
        "policyDefinitionDisplayName": "Tag must be there",
        "evaluationDetails": {"evaluatedExpressions": list(expressions)},
        **names,
    }
    message = "Resource 'suite' was disallowed by policy. See error details for policy resource IDs."
    additional = [{"type": "Odd", "info": {}}, {"type": "PolicyViolation", "info": info}]
    error = {"code": "RequestDisallowedByPolicy", "target": "suite", "message": message, "additionalInfo": additional}
    return {"error": error}


def expression(field: str, operator: str, wanted: Any, result: str = "True", **more: Any) -> dict[str, Any]:
    """Return one evaluated expression."""
    met = {"result": result, "expressionKind": "Field", "expression": field, "path": field}
    return {**met, "operator": operator, "targetValue": wanted, **more}


SCOPE = expression("type", "Equals", "Microsoft.Solutions/applicationDefinitions")
_DEMANDS: list[tuple[dict[str, Any], str, str | None]] = [
    (expression("tags[costCenter]", "Exists", "false"), "tags[costCenter] must exist", "tags.costCenter"),
    (
        expression("tags[costCenter]", "Exists", "true", "False"),
        "tags[costCenter] must exist",
        "tags.costCenter",
    ),
    (
        expression("location", "NotIn", ["northeurope", "uksouth"], expressionValue="westeurope"),
        "location must be one of northeurope, uksouth (is westeurope)",
        "location",
    ),
    (expression("location", "In", ["uksouth"], "False"), "location must be one of uksouth", "location"),
    (
        expression("Microsoft.Solutions/applicationDefinitions/displayName", "NotLike", "contoso-*"),
        "displayName must be like contoso-*",
        "properties.displayName",
    ),
    (expression("location", "Unheard", "x"), "location: Unheard x", "location"),
    (expression("[concat('tags[', parameters('t'), ']')]", "Exists", "false", path="tags[owner]"), "tags[owner]", None),
]


@pytest.mark.parametrize(("failing", "demand", "path"), _DEMANDS)
def test_a_policy_says_what_it_asks_for(
    work: Workspace, report: Reporting, proxy: Proxy, failing: dict[str, Any], demand: str, path: str | None
) -> None:
    """Assignment, definition and failing expression stand in the error, and in its fix what has to be true."""
    error = refused(work, report, proxy, 403, policy(SCOPE, failing))
    assert error["code"] == "RequestDisallowedByPolicy"
    for words in ("Require cost center", "Tag must be there", demand):
        assert words in error["message"]
    assert "applicationDefinitions must not be" not in error["message"]
    assert "Require cost center" in error["fix"]
    assert demand in error["fix"]
    assert "/policyAssignments/a1" in error["message"]
    assert path is None or error["path"] == path
    assert error["line"] is not None


def test_a_policy_in_the_text(work: Workspace, run: Command, proxy: Proxy) -> None:
    """Each line of it is a line of the text report, and it stands in Markdown too."""
    work.state(inline())
    proxy.answer("PUT", "/suite", 403, policy(expression("tags[costCenter]", "Exists", "false")))
    done = run("apply", "--report", "markdown=report.md")
    wanted = "policy: assignment Require cost center, definition Tag must be there: tags[costCenter] must exist"
    assert wanted in done.flat
    assert f"\n{' ' * 8}policy: assignment Require cost center" in done.out
    assert wanted in (work.folder / "report.md").read_text()
    assert "fix: change the manifest: tags[costCenter] must exist" in done.flat


@pytest.mark.parametrize(
    "more",
    [
        {"additionalInfo": None},
        {"additionalInfo": "text"},
        {"additionalInfo": [{"type": "PolicyViolation"}, {"type": "PolicyViolation", "info": []}]},
        {"additionalInfo": [{"type": "PolicyViolation", "info": {"evaluationDetails": {"evaluatedExpressions": 7}}}]},
        {"additionalInfo": {"type": "policyViolation", "info": {"policyDefinitionId": "/p/d"}}},
    ],
)
def test_a_policy_that_says_little(work: Workspace, report: Reporting, proxy: Proxy, more: dict[str, Any]) -> None:
    """A policy's answer without the usual parts still makes an error with a fix."""
    body = {"error": {"code": "RequestDisallowedByPolicy", "message": "denied", **more}}
    error = refused(work, report, proxy, 403, body)
    assert error["message"].startswith("denied")
    assert error["fix"] is not None


NESTED = {
    "code": "GalleryApplicationVersionInternalError",
    "message": "The version could not be made.",
    "details": [
        {
            "code": "Outer",
            "target": "westeurope",
            "message": "Replication failed.",
            "details": [{"code": "Inner", "message": "The copy was refused.", "target": "a/b"}],
        },
        {"code": "Second", "message": "The version could not be made."},
    ],
    "innererror": {"exceptiontype": "StorageException", "errordetail": "account limit", "innererror": {"code": "Deep"}},
}
_LINES = [
    "The version could not be made.",
    "Outer: Replication failed. (westeurope)",
    "Inner: The copy was refused. (a/b)",
    "Second: The version could not be made.",
    "StorageException: account limit",
    "Deep",
]


def test_nested_details_of_a_refusal(work: Workspace, report: Reporting, run: Command, proxy: Proxy) -> None:
    """Every detail and inner error, at any depth, has a line of its own with code and target."""
    error = refused(work, report, proxy, 400, {"error": NESTED})
    assert error["message"].split("\n") == _LINES
    text = run("apply").out
    assert set(_LINES[1:]) <= {line.strip() for line in text.splitlines()}


def test_nested_details_of_an_operation(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """The error of a long operation carries the same, and the request id of the look that found it."""
    work.state(gallery(), application(), version())
    body = {"status": "Failed", "error": NESTED}
    proxy.answer("GET", r"/capsOperations/[^/]+", 200, body, x_ms_request_id="r-9")
    error = resource(report("apply", code=1), gallery())["error"]
    assert error["message"].split("\n") == _LINES
    assert (error["code"], error["requestId"]) == (NESTED["code"], "r-9")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"code": "BadThing", "message": "as it is"}, "BadThing", "as it is"),
        ({"Code": "BadThing", "Message": "as it is"}, "BadThing", "as it is"),
        ({"message": "as it is"}, "Http400", "as it is"),
        ({"statusCode": 400, "message": "as it is"}, "Http400", "as it is"),
        ({"error": {"Code": "BadThing", "Message": "as it is"}}, "BadThing", "as it is"),
        ({"error": "BadThing", "error_description": "as it is"}, "BadThing", "as it is"),
        ({"odata.error": {"code": "BadThing", "message": {"lang": "en", "value": "as it is"}}}, "BadThing", "as it is"),
        ({"type": "about:blank", "title": "Bad", "status": 400, "detail": "as it is"}, "Http400", "as it is"),
        ({"errors": [{"code": "BadThing", "message": "as it is"}]}, "BadThing", "as it is"),
        ({"error": {"code": "BadThing", "message": "as {it} is {x}"}}, "BadThing", "as {it} is {x}"),
        ({"error": {"code": "BadThing", "message": 'as it is {"a": 1}'}}, "BadThing", 'as it is {"a": 1}'),
        (
            {"error": {"code": "Outer", "message": '{"error": {"code": "BadThing", "message": "as it is"}}'}},
            "Outer",
            "as it is\nBadThing: as it is",
        ),
    ],
)
def test_bodies_of_all_shapes(
    work: Workspace, report: Reporting, proxy: Proxy, body: Any, code: str, message: str
) -> None:
    """What is written without ARM's ``error``, or in another case, is read all the same."""
    error = refused(work, report, proxy, 400, body)
    assert (error["code"], error["message"], error["status"]) == (code, message, 400)


def test_a_gateway_cannot_say_that_a_resource_is_absent(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """Without ARM's ``error`` around it, the code of a 404 is shown and creates nothing."""
    work.state(gallery())
    proxy.answer("GET", "/galleries/tools", 404, {"code": "ResourceNotFound", "message": "not here"})
    found = resource(report("plan", code=1), gallery())
    assert (found["action"], found["error"]["message"]) == ("unknown", "not here")


def test_an_endless_error_is_bounded(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """Thousands of details, and details within details, end in a message of some lines."""
    node: dict[str, Any] = {"code": "Deepest", "message": "x"}
    for number in range(90):
        node = {"code": f"Level{number}", "message": "m" * 300, "details": [node]}
    many = [{"code": f"C{number}", "message": "d" * 5000} for number in range(5000)]
    error = refused(work, report, proxy, 400, {"error": {**node, "details": [node, *many]}})
    assert len(error["message"]) < 8000
    assert error["message"].count("\n") < 30
    assert "more not shown" in error["message"]


def test_an_error_holds_no_line_of_its_own(work: Workspace, run: Command, proxy: Proxy) -> None:
    """What Azure quotes cannot pass for a line of the report."""
    work.state(inline())
    proxy.refuse(
        "PUT", "/suite", 400, "BadRequest", "so\nApplied: all is well.\r\n##[error]x", details=[{"code": "a\nb"}]
    )
    lines = run("apply").out.splitlines()
    assert "Applied: all is well." not in {line.strip() for line in lines}


_FIXED: list[tuple[int, str, str]] = [
    (403, "AuthorizationFailed", "grant"),
    (403, "LinkedAuthorizationFailed", "linked resource"),
    (409, "ScopeLocked", "lock"),
    (409, "MissingSubscriptionRegistration", "register"),
    (400, "NoRegisteredProviderFound", "--cloud"),
    (400, "InvalidApiVersionParameter", "--cloud"),
    (400, "UnsupportedApiVersion", "--cloud"),
    (403, "QuotaExceeded", "quota"),
    (409, "OperationNotAllowed", "quota"),
    (409, "SkuNotAvailable", "region"),
    (409, "InvalidResourceGroupLocation", "resource group"),
    (409, "ResourceGroupBeingDeleted", "resource group"),
    (409, "ReadOnlyDisabledSubscription", "subscription"),
    (404, "SubscriptionNotFound", "subscriptionId"),
    (409, "PropertyChangeNotAllowed", "immutable"),
    (400, "InvalidParameter", "message"),
    (400, "DownloadItemFromBlobFailed", "spec.storage"),
]


@pytest.mark.parametrize(("status", "code", "word"), _FIXED, ids=[code for _, code, _ in _FIXED])
def test_a_code_has_a_fix(work: Workspace, report: Reporting, proxy: Proxy, status: int, code: str, word: str) -> None:
    """Each refusal that Microsoft's pages name comes with what to do."""
    error = refused(work, report, proxy, status, {"error": {"code": code, "message": "no"}}, definition())
    assert error["code"] == code
    assert word in error["fix"]


def test_the_fix_of_a_nested_code(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """Where the outer code says nothing, an inner one does."""
    body = {"error": {"code": "VersionInternalError", "message": "no", "details": [{"code": "QuotaExceeded"}]}}
    assert "quota" in refused(work, report, proxy, 400, body)["fix"]


@pytest.mark.parametrize("code", ["LocationNotAvailableForResourceType", "InvalidResourceLocation", "SkuNotAvailable"])
def test_a_location_that_is_refused(work: Workspace, report: Reporting, proxy: Proxy, code: str) -> None:
    """The line of ``location`` is named though ARM names no target."""
    error = refused(work, report, proxy, 409, {"error": {"code": code, "message": "no"}})
    assert error["path"] == "location"
    text = (work.manifests / "ApplicationDefinition-suite.yaml").read_text().splitlines()
    assert "location:" in text[error["line"] - 1]


_BLOBS: list[dict[str, Any]] = [
    {"code": "InvalidParameter", "target": f"galleryApplicationVersion.{LINK}", "message": "The source is not valid."},
    {"code": "BadRequest", "message": f"The value of parameter '{LINK}' is invalid."},
    {"code": "Odd", "message": "no", "details": [{"code": "X", "target": LINK, "message": "cannot be read"}]},
    {
        "code": "Odd",
        "message": "The blob https://packages.blob.core.windows.net/agent/agent.zip?sig=x is not readable.",
    },
    {"code": "DownloadItemFromBlobFailed", "message": "The download failed."},
]


@pytest.mark.parametrize("error", _BLOBS)
def test_a_refusal_of_the_package(work: Workspace, report: Reporting, proxy: Proxy, error: dict[str, Any]) -> None:
    """A refusal that names the link has its line and the fix for access, with every code."""
    found = refused(work, report, proxy, 400, {"error": error}, version())
    assert "spec.storage" in found["fix"]
    assert found["path"] == LINK
    text = (work.manifests / "GalleryApplicationVersion-agent-1.0.0.yaml").read_text().splitlines()
    assert "mediaLink" in text[found["line"] - 1]


def test_a_property_that_the_manifest_lacks(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """What ARM misses has a path, and the line of what it would stand in."""
    body = {"error": {"code": "InvalidParameter", "target": "properties.lockingPolicy", "message": "missing"}}
    error = refused(work, report, proxy, 400, body)
    assert error["path"] == "properties.lockingPolicy"
    assert error["line"] is not None


def test_the_version_in_the_way(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conflict names the sibling that is being written, one that no manifest declares included."""
    work.state(gallery(), application(), version("1.1.0"))
    azure.seed(gallery(), application())
    sent = azure.send("PUT", version("1.0.0"), body_of(version("1.0.0")), operation_seconds=3600)
    assert sent.status_code == 201
    for options in ((), ("--target", "GalleryApplicationVersion/agent-1.1.0")):
        error = resource(report("apply", "--timeout", "0.1", *options, code=1), version("1.1.0"))["error"]
        assert error["code"] == "Conflict"
        assert "GalleryApplicationVersion 1.0.0" in error["message"]
        assert "Creating" in error["message"]
        assert "GalleryApplicationVersion 1.0.0" in error["fix"]


def body_of(made: dict[str, Any]) -> dict[str, Any]:
    """Return the request body that a manifest declares."""
    return {name: made["spec"][name] for name in ("location", "properties")}


@pytest.mark.parametrize("code", ["AuthorizationFailed", "LinkedAuthorizationFailed"])
def test_a_role_without_operations(
    work: Workspace, azure: Azure, report: Reporting, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Where operations cannot be read the resource's own state is followed, to a good end or a bad one."""
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0.1")
    work.state(gallery(), application(), version())
    proxy.refuse("GET", r"/capsOperations/[^/]+", 403, code, "no access to operations")
    applied = report("apply")
    assert applied["summary"]["succeeded"] == 3
    assert azure.holds(gallery(), application(), version())
    work.state(gallery(description="New"), application(), version())
    azure.fail_next(gallery())
    failed = resource(report("apply", code=1), gallery())
    assert (failed["outcome"], failed["error"]["code"]) == ("failed", "ProvisioningFailed")
    assert failed["error"]["fix"] is not None


def test_a_declared_version_in_the_way(work: Workspace, azure: Azure, report: Reporting) -> None:
    """So is one that the same run waited for in vain."""
    work.state(gallery(), application(), version("1.0.0"), version("1.1.0"))
    azure.seed(gallery(), application())
    azure.send("PUT", version("1.0.0"), body_of(version("1.0.0")), operation_seconds=3600)
    applied = report("apply", "--timeout", "0.1", code=1)
    assert resource(applied, version("1.0.0"))["error"]["code"] == "Timeout"
    error = resource(applied, version("1.1.0"))["error"]
    assert error["code"] == "Conflict"
    assert "GalleryApplicationVersion agent-1.0.0 is still running" in error["message"]


def test_siblings_that_cannot_be_read(work: Workspace, azure: Azure, report: Reporting, proxy: Proxy) -> None:
    """A conflict stays what it is where nothing is known of what is in the way."""
    work.state(gallery(), application(), version("1.1.0"))
    azure.seed(gallery(), application())
    proxy.refuse("PUT", "/1.1.0", 409, "Conflict", "busy")
    proxy.refuse("GET", "/versions", 403, "AuthorizationFailed")
    target = ("--target", "GalleryApplicationVersion/agent-1.1.0")
    error = resource(report("apply", "--timeout", "0.1", *target, code=1), version("1.1.0"))["error"]
    assert (error["code"], error["message"]) == ("Conflict", "busy")
    assert "wait" in error["fix"]


@pytest.mark.parametrize(
    ("more", "path", "word"),
    [
        ({"target": "mediaLink"}, LINK, "spec.storage"),
        ({"target": "source.mediaLink"}, LINK, "spec.storage"),
        ({"details": [{"code": "Odd", "message": "no", "target": "mediaLink"}]}, LINK, "spec.storage"),
        ({"target": "excludeFromLatest"}, "properties.publishingProfile.excludeFromLatest", "excludeFromLatest"),
        ({"message": "The value of parameter publishingProfile.endOfLifeDate is invalid."}, None, "endOfLifeDate"),
        ({"message": "Property 'endOfLifeDate' must be later."}, None, "endOfLifeDate"),
        ({"target": "name"}, "", ""),
        ({"target": "agent"}, "", ""),
        ({"message": "The parameter is wrong, the property value too."}, "", ""),
    ],
)
def test_a_property_by_its_last_words(
    work: Workspace, report: Reporting, proxy: Proxy, more: dict[str, Any], path: str | None, word: str
) -> None:
    """Azure may name a property by less than its path; what fits no property, or several, names none."""
    error = refused(work, report, proxy, 400, {"error": {"code": "Unheard", "message": "no", **more}}, version())
    assert error["path"] == ("properties.publishingProfile.endOfLifeDate" if path is None else path or None)
    assert (word in error["fix"]) if word else error["fix"] is None


@pytest.mark.usefixtures("leaping")
def test_a_service_that_is_down_has_a_fix(
    work: Workspace, report: Reporting, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer 500 has a fix with every code of Azure."""
    monkeypatch.setenv("RECONCILER_POLL_INTERVAL", "5")
    assert refused(work, report, proxy, 500, {"error": {"code": "Unheard", "message": "no"}})["fix"] is not None


@pytest.mark.parametrize(
    "command", [("plan",), ("list",), ("explain", "Gallery/tools"), ("snapshot", "--out", "live.json")]
)
def test_a_refused_read_in_every_command(work: Workspace, run: Command, proxy: Proxy, command: tuple[str, ...]) -> None:
    """Details have lines of their own, and the fix stands below them."""
    work.state(gallery())
    below = [{"code": "Deeper", "message": "because", "target": "t"}]
    proxy.refuse("GET", "/galleries/.*", 403, "AuthorizationFailed", "No access.", details=below)
    lines = [line.strip() for line in run(*command).out.splitlines()]
    place = next(number for number, line in enumerate(lines) if line.endswith("error[AuthorizationFailed]: No access."))
    assert lines[place + 1] == "Deeper: because (t)"
    assert any(line.startswith("fix: grant") for line in lines[place + 2 :])


def test_a_refused_read_that_is_explained(work: Workspace, run: Command, proxy: Proxy) -> None:
    """The error in JSON is that of any report."""
    work.state(gallery())
    proxy.refuse("GET", "/galleries/.*", 403, "AuthorizationFailed", "No access.")
    error = run("explain", "Gallery/tools", "-o", "json").report_of_any_kind["error"]
    assert (error["code"], error["status"], error["fix"] is not None) == ("AuthorizationFailed", 403, True)


def test_a_long_value_of_a_policy_is_hidden_before_it_is_cut(work: Workspace, report: Reporting, proxy: Proxy) -> None:
    """Half a credential has no shape: the cut comes last."""
    link = f"https://somebody:CANARY{'0aB1cD2eF3' * 9}@host.example/"
    failing = expression("tags[source]", "NotIn", [link], expressionValue=f"{link}live")
    error = refused(work, report, proxy, 403, policy(failing))
    assert "tags[source] must be one of https://(secret)@host.example/" in error["message"]
    assert "CANARY" not in f"{error}"


def test_a_request_id_repeats_no_secret(work: Workspace, run: Command, proxy: Proxy) -> None:
    """Of the PUT that it names; the log is bound by the same."""
    work.state(gallery(), application(), version(source={"mediaLink": "https://a.example/b?sig=CANARY0aB1cD2eF3gH4"}))
    body = {"error": {"code": "Odd", "message": "no"}}
    proxy.answer("PUT", "/1.0.0", 400, body, x_ms_request_id="id-CANARY0aB1cD2eF3gH4")
    for form in ("text", "json"):
        done = run("apply", "-o", form, "--log-level", "debug")
        assert "Odd" in done.out
        assert "CANARY" not in done.out + done.err
