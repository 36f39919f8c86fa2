"""Which requests are sent again, decided from an answer and a few counts."""

from __future__ import annotations

import pytest

from reconciler.errors import ErrorCode, ErrorInfo, TransientError
from reconciler.http.answer import RETRYABLE, Answer, Service
from reconciler.http.retry_policy import Policy, Repeat, Tried, asked_s, info_of, is_throttled, is_up
from tests.kit.clock import START

MADE_UP = Service("Made Up", lambda answer: ErrorInfo("NotNice", "no", answer.status), setting="MADE_UP_URL")
LOST = TransientError(ErrorInfo(ErrorCode.UNREACHABLE, "lost"), may_have_landed=True)
POLICY = Policy(tries=4, base_s=1.0, cap_s=3.0, free_retries=2, retry_share=0.5)


def answer(status: int, **headers: str) -> Answer:
    """Return an answer; underscores in header names stand for hyphens."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", MADE_UP)


@pytest.mark.parametrize("status", sorted(RETRYABLE))
def test_a_read_is_repeated(status: int) -> None:
    """Bounds of the waits double up to the cap."""
    repeats = [POLICY.repeat(answer(status), 0, Tried(number)) for number in (1, 2, 3)]
    assert repeats == [Repeat(0, most, is_counted=True) for most in (1, 2, 3)]
    assert POLICY.repeat(answer(status), 0, Tried(4)) is None


@pytest.mark.parametrize("status", [200, 201, 202, 304, 400, 401, 403, 404, 409, 412, 501])
def test_other_answers_are_final(status: int) -> None:
    """A wait that such an answer asks for changes nothing."""
    assert POLICY.repeat(answer(status), 0, Tried(1)) is None
    assert POLICY.repeat(answer(status), 17, Tried(1)) is None


def test_a_write_is_repeated_only_if_nothing_was_done() -> None:
    """Throttled without a time, it was not carried out; its lost answer, or a server's error, may hide that it was."""
    assert POLICY.repeat(answer(429), 0, Tried(1, write=True)) == Repeat(0, 1, is_counted=True)
    assert POLICY.repeat(answer(429), 17, Tried(1, write=True)) is None
    assert POLICY.repeat(answer(503), 0, Tried(1, write=True)) is None
    assert POLICY.repeat(LOST, 0, Tried(1, write=True)) is None
    assert POLICY.repeat(LOST, 0, Tried(1)) is not None


def test_a_throttled_read_waits_in_its_window() -> None:
    """It is sent again at once: the window of its scope lets it through when it may go."""
    assert POLICY.repeat(answer(429), 17, Tried(1)) == Repeat()
    assert POLICY.repeat(answer(503), 17, Tried(1)) == Repeat(17, 1, is_counted=True)


def test_no_wait_beyond_ten_minutes() -> None:
    """A service that asks for more gets no further request."""
    assert POLICY.repeat(answer(503), 600, Tried(1)) is not None
    assert POLICY.repeat(answer(503), 601, Tried(1)) is None
    assert POLICY.repeat(answer(429), 601, Tried(1)) is None


def test_a_service_given_up_gets_nothing() -> None:
    """With every answer."""
    assert POLICY.repeat(answer(503), 0, Tried(1, is_given_up=True)) is None
    assert POLICY.repeat(answer(429), 17, Tried(1, is_given_up=True)) is None


@pytest.mark.parametrize(("sent", "repeated", "is_left"), [(1, 2, True), (1, 3, False), (10, 6, True), (10, 7, False)])
def test_the_budget(sent: int, repeated: int, is_left: bool) -> None:  # noqa: FBT001
    """Two are free and half of the requests on top; a throttled read needs none of it."""
    tried = Tried(1, sent=sent, repeated=repeated)
    assert (POLICY.repeat(answer(503), 0, tried) is not None) is is_left
    assert POLICY.repeat(answer(429), 17, tried) == Repeat()


def test_outcomes() -> None:
    """Only an answer that neither throttles nor fails shows that a service is up."""
    assert is_up(answer(200))
    assert is_up(answer(404))
    assert not any(is_up(each) for each in (answer(429), answer(503), LOST))
    assert is_throttled(answer(429))
    assert not any(is_throttled(each) for each in (answer(503), LOST))
    assert [asked_s(each, START) for each in (answer(503, retry_after="17"), answer(503), LOST)] == [17, 0, 0]
    assert [info_of(each).code for each in (answer(503), LOST)] == ["NotNice", "Unreachable"]
