"""Answers of a service that does not exist: its words, headers and waits are data."""

from __future__ import annotations

import pytest

from reconciler.errors import AuthError, ErrorInfo, ForeignOriginError, RejectedError, TransientError
from reconciler.http.answer import Answer, Service, error_of, foreign
from reconciler.secret.text import Secret
from tests.kit.clock import START

MADE_UP = Service(
    "Made Up",
    lambda answer: ErrorInfo("NotNice", f"it answered {answer.status}", answer.status, answer.request_id),
    setting="MADE_UP_URL",
    request_id=("x-id", "x-old-id"),
    retry_after_ms=("x-wait-ms", "x-old-wait-ms"),
)
SAS = "https://packages.example/agent.zip?sig=CANARY%3D"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": " 17 "}, 17.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 20:25:17 GMT"}, 17.0),
        ({"retry-after": "Sat, 21 Nov 2026 20:25:17 -0000"}, 17.0),
        ({"retry-after": "Sat, 21 Nov 2026 20:24:00 GMT"}, 0.0),
        ({"x-wait-ms": "1500"}, 1.5),
        ({"x-wait-ms": "250", "x-old-wait-ms": "9", "retry-after": "17"}, 0.25),
        ({"x-old-wait-ms": "soon", "retry-after": "17"}, 17.0),
        ({"x-ms-retry-after-ms": "250"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "abc"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sat, 99 Nov 2026 20:25:17 GMT"}, None),
        ({"retry-after": "1.5"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are understood; junk asks for nothing."""
    assert Answer(429, headers, b"", MADE_UP).retry_after(START) == seconds


@pytest.mark.parametrize("name", ["retry-after", "x-wait-ms"])
def test_retry_after_of_any_length(name: str) -> None:
    """Thousands of digits are a long time, not a crash."""
    assert Answer(429, {name: "9" * 5000}, b"", MADE_UP).retry_after(START) == float("inf")


def test_retry_after_in_the_year_9999() -> None:
    """A date at the end of time is a long wait."""
    asked = Answer(429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"", MADE_UP).retry_after(START)
    assert asked is not None
    assert asked > 1e9


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-id": "1", "x-old-id": "2"}, "1"),
        ({"x-old-id": "2"}, "2"),
        ({"x-id": "", "x-old-id": "2"}, "2"),
        ({"x-ms-request-id": "3"}, None),
        ({}, None),
    ],
)
def test_request_ids(headers: dict[str, str], request_id: str | None) -> None:
    """The service names the headers that hold the id of a request; the first that is filled counts."""
    assert Answer(200, headers, b"", MADE_UP).request_id == request_id


def test_request_ids_hold_no_secret() -> None:
    """A signed link and the token that was sent are hidden, and a long id is cut."""
    answer = Answer(200, {"x-id": f"CANARY-token {SAS} {'9' * 5000}"}, b"", MADE_UP, Secret("CANARY-token"))
    assert answer.request_id is not None
    assert "CANARY" not in answer.request_id
    assert len(answer.request_id) == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, ForeignOriginError),
        (400, RejectedError),
        (401, AuthError),
        (404, RejectedError),
        (408, TransientError),
        (409, RejectedError),
        (429, TransientError),
        (500, TransientError),
        (501, RejectedError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
    ],
)
def test_kinds_of_errors(status: int, kind: type[Exception]) -> None:
    """The status decides which error an answer is, and the service words it."""
    found = error_of(Answer(status, {}, b"", MADE_UP), write=False)
    assert type(found) is kind
    assert found.info.code == ("ForeignOrigin" if kind is ForeignOriginError else "NotNice")


@pytest.mark.parametrize(
    ("status", "success", "redirect"),
    [(199, False, False), (200, True, False), (299, True, False), (300, False, True), (399, False, True)],
)
def test_classes_of_a_status(status: int, success: bool, redirect: bool) -> None:  # noqa: FBT001
    """2xx is a success, 3xx leads elsewhere."""
    answer = Answer(status, {}, b"", MADE_UP)
    assert (answer.is_success, answer.is_redirect) == (success, redirect)
    assert not Answer(400, {}, b"", MADE_UP).is_redirect


def test_throttled_says_when() -> None:
    """An error of a throttled request tells how long the service asks to wait, if that is a number."""
    throttled = Answer(429, {"retry-after": "86400"}, b"", MADE_UP)
    assert "86400 s" in str(error_of(throttled, write=False).info.fix)
    assert error_of(Answer(429, {"retry-after": "9" * 50}, b"", MADE_UP), write=False).info.fix is None
    assert error_of(Answer(429, {"retry-after": "soon"}, b"", MADE_UP), write=False).info.fix is None


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://evil.example/path?sig=CANARY", "evil.example"),
        ("/elsewhere", "an unreadable host"),
        ("https://[half", "an unreadable host"),
        ("", "an unreadable host"),
    ],
)
def test_redirects(location: str, host: str) -> None:
    """A redirect is never followed; of where it leads only the host is told."""
    found = error_of(Answer(307, {"location": location}, b"", MADE_UP), write=False)
    assert isinstance(found, ForeignOriginError)
    assert host in found.info.message
    assert found.info.status == 307
    assert "CANARY" not in str(found.info)


def test_foreign_link() -> None:
    """A link that leads away is named by its host alone."""
    assert foreign("https://user:CANARY@evil.example:8443/p?t=CANARY", MADE_UP).info.message == (
        "a link in an answer of Made Up leads to evil.example; nothing was sent there"
    )
