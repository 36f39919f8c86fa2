"""What is made of ARM's answers, one by one."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from reconciler.azure.answers import ARM, error_of, json_object, operation_error, resource
from reconciler.compare.diff import compare
from reconciler.compare.normalize import normalized
from reconciler.errors import (
    AuthError,
    ConflictError,
    RejectedError,
    TransientError,
    UnusableAnswerError,
)
from reconciler.http.answer import Answer
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from tests.kit.synthetic import MINIMAL, desired

ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/tools"
SAS = "https://packages.blob.core.windows.net/agent/agent.zip?sv=2022&sig=CANARY%3D"


def reply(status: int, body: Any = None, /, **headers: str) -> Answer:
    """Return an answer; bytes go as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body if isinstance(body, bytes) else orjson.dumps(body), ARM)


def error(status: int, code: str, **more: Any) -> Answer:
    """Return an answer with an ARM error."""
    return reply(status, {"error": {"code": code, "message": "it is so", **more}})


def test_byte_order_mark() -> None:
    """ARM's JSON may begin with a byte order mark."""
    assert json_object(reply(200, b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>Sign in</html>", "not JSON"),
        (b"", "not JSON"),
        (b'{"id": ', "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"a": ' * 101 + b"1" + b"}" * 101, "nested deeper than 100 levels"),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than 100 levels"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
    ],
)
def test_unusable_bodies(content: bytes, says: str) -> None:
    """What is no JSON object is an error of its own, which names the request and quotes nothing."""
    with pytest.raises(UnusableAnswerError, match=says) as caught:
        json_object(reply(200, content, x_ms_request_id="r-1"))
    info = caught.value.info
    assert (info.code, info.status, info.request_id) == ("UnusableAnswer", 200, "r-1")
    assert "proxy" in str(info.fix)
    assert "Sign in" not in str(info)


def test_resource_in_any_case() -> None:
    """Ids have no case, and a percent-encoded one is the same as its text."""
    body = {"id": ID.upper(), "properties": {}}
    assert resource(reply(200, body), ID) == body
    assert resource(reply(200, {"id": "/g/é(1)", "properties": {}}), "/g/%C3%A9(1)")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"properties": {}}, "not a resource"),
        ({"id": 5, "properties": {}}, "not a resource"),
        ({"id": ID}, "not a resource"),
        ({"id": ID, "properties": None}, "not a resource"),
        ({"id": ID, "properties": []}, "not a resource"),
        ({"id": ID + "2", "properties": {}}, "another resource"),
        ({"id": ID.replace("/s/", "/other/"), "properties": {}}, "another resource"),
    ],
)
def test_not_that_resource(body: Any, says: str) -> None:
    """An answer that is not the resource that was asked for is never taken for it."""
    with pytest.raises(UnusableAnswerError, match=says):
        resource(reply(200, body), ID)


@pytest.mark.parametrize(
    ("status", "code", "write", "kind"),
    [
        (400, "InvalidParameter", True, RejectedError),
        (401, "ExpiredAuthenticationToken", False, AuthError),
        (403, "AuthorizationFailed", False, RejectedError),
        (404, "ResourceNotFound", False, RejectedError),
        (408, "Timeout", False, TransientError),
        (409, "Conflict", True, ConflictError),
        (409, "AnotherOperationInProgress", True, ConflictError),
        (409, "PropertyChangeNotAllowed", True, RejectedError),
        (412, "PreconditionFailed", True, RejectedError),
        (429, "TooManyRequests", True, TransientError),
        (500, "InternalServerError", True, TransientError),
        (503, "Conflict", False, TransientError),
    ],
)
def test_kinds_of_errors(status: int, code: str, write: bool, kind: type[Exception]) -> None:  # noqa: FBT001
    """What may be done about an error is told by its type."""
    assert type(error_of(error(status, code), write=write)) is kind


@pytest.mark.parametrize(
    ("status", "write", "landed"), [(500, True, True), (408, True, True), (500, False, False), (429, True, False)]
)
def test_what_may_have_landed(status: int, write: bool, landed: bool) -> None:  # noqa: FBT001
    """A write with a server error may have been acted on; one that was throttled was not, and reads never are."""
    found = error_of(error(status, "Any"), write=write)
    assert isinstance(found, TransientError)
    assert found.may_have_landed is landed


def test_error_keeps_what_arm_says() -> None:
    """Code, message, details, target and request id are ARM's."""
    more = {"target": "properties.x", "details": [{"message": "why"}, {"message": "it is so"}, {}, "odd"]}
    found = error_of(
        Answer(400, {"x-ms-correlation-request-id": "c-1"}, error(400, "BadRequest", **more).content, ARM), write=True
    )
    assert (found.info.code, found.info.message) == ("BadRequest", "it is so\nwhy")
    assert (found.info.status, found.info.request_id, found.info.targets) == (400, "c-1", ("properties.x",))


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"[]", b'{"error": 5}', b'{"error": {"code": 5, "message": [], "target": {}, "details": 7}}', b"{}"],
)
def test_error_without_an_arm_error(content: bytes) -> None:
    """Every answer of a gateway makes an error with the HTTP status for a code."""
    found = error_of(reply(404, content), write=False)
    assert (found.info.code, found.info.message, found.info.targets) == (
        "Http404",
        "HTTP 404 without an ARM error",
        (),
    )


def test_fixes() -> None:
    """A known code comes with what to do about it; an unknown one does not."""
    assert "grant" in str(error_of(error(403, "AuthorizationFailed"), write=False).info.fix)
    assert error_of(error(403, "Other"), write=False).info.fix is None


def test_no_echoed_secret() -> None:
    """A signed link that ARM repeats in code, message, details or headers is not repeated."""
    body = {"code": f"Bad {SAS}", "message": f"cannot read {SAS}", "details": [{"message": f"sig=CANARY {SAS}"}]}
    found = error_of(Answer(400, {"x-ms-request-id": SAS}, orjson.dumps({"error": body}), ARM), write=True)
    assert "CANARY" not in repr(found.info)
    assert "CANARY" not in str(found)
    assert "agent.zip" in found.info.message
    assert "CANARY" not in repr(operation_error({"error": body}, "it failed"))


def test_long_errors_are_cut() -> None:
    """No answer makes an endless report."""
    found = error_of(reply(400, {"error": {"code": "c" * 9000, "message": "m" * 9000}}), write=True)
    assert len(found.info.code) + len(found.info.message) < 3000


def test_operation_errors() -> None:
    """An operation that ended badly says why, or is told to have ended badly."""
    told = operation_error({"error": {"code": "ReplicationJobFailed", "message": "no blob"}}, "it ended Failed")
    assert (told.code, told.message) == ("ReplicationJobFailed", "no blob")
    silent = operation_error({"status": "Failed"}, "it ended Failed")
    assert (silent.code, silent.message, silent.status) == ("OperationFailed", "it ended Failed", None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "Sat, 21 Nov 2026 20:25:30 GMT", "date": "Sat, 21 Nov 2026 20:25:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 20:25:30 GMT"}, 0.0),
        ({}, None),
    ],
)
@pytest.mark.parametrize(("status", "code"), [(409, "Conflict"), (429, "TooManyRequests"), (503, "ServerBusy")])
def test_an_error_keeps_how_long_to_wait(
    status: int, code: str, headers: dict[str, str], seconds: float | None
) -> None:
    """A date counts from the one of the answer itself."""
    found = error_of(Answer(status, headers, orjson.dumps({"error": {"code": code}}), ARM), write=True)
    assert isinstance(found, ConflictError | TransientError)
    assert found.retry_after_s == seconds


def test_a_body_as_deep_as_it_may_be_can_be_walked() -> None:
    """Sealed, compared, planned and shown without an end of the stack, wherever it stands."""
    deep: Any = "https://h/p?code=CANARY"
    for _ in range(97):
        deep = [deep]
    kind = packaged().kinds["GalleryApplicationVersion"]
    body = json.dumps({"tags": deep, "properties": {"unknown": deep, "publishingProfile": deep}}).encode()
    live = kind.seal(json_object(reply(200, body)))
    item = desired(MINIMAL[kind.name], kind)
    assert compare(item, live, Tracking()).fields
    assert "CANARY" not in canonical(normalized(kind.rules, live))
