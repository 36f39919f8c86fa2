"""Reading one, reading lists, writing, asking operations: requests and what is made of their answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.azure import client as module
from reconciler.errors import (
    AuthError,
    ConflictError,
    ForeignOriginError,
    RejectedError,
    TransientError,
    UnusableAnswerError,
)
from reconciler.http.tokens import StaticToken
from reconciler.secret.text import Secret, SecretUrl
from tests.kit.arm import ENDPOINT, RESOURCE, VERSION, Wire, answer, client, found, refused
from tests.kit.clock import FakeClock
from tests.kit.loops import run

if TYPE_CHECKING:
    from reconciler.http.answer import Answer

LIST = RESOURCE + "/applications"
OPERATION = f"{ENDPOINT}/subscriptions/s1/providers/Microsoft.Compute/locations/westus/capsOperations/1?t=CANARY"


class Counting:
    """Tokens of which every refusal gives another."""

    def __init__(self) -> None:
        """Begin."""
        self.given = 0
        self.refused: list[tuple[str, Answer]] = []

    async def token(self, realm: str) -> Secret | None:
        """Return the current one."""
        return Secret(f"token-{self.given}")

    async def renew(self, realm: str, refused: Answer) -> None:
        """Have another."""
        self.given += 1
        self.refused.append((realm, refused))

    def close(self) -> None:
        """Nothing is open."""


def page(*names: str, link: Any = None) -> httpx.Response:
    """Return one page of a list."""
    value = [{"id": f"{LIST}/{name}", "properties": {}} for name in names]
    return answer(200, {"value": value} | ({"nextLink": link} if link is not None else {}))


def listed(*script: httpx.Response | Exception) -> tuple[list[str], Wire]:
    """Read a list; give the names, and what was sent."""
    wire = Wire(FakeClock(), *script)
    bodies = run(client(wire, StaticToken(Secret("CANARY"))).list(LIST, VERSION))
    return [body["id"].rpartition("/")[2] for body in bodies], wire


def test_get() -> None:
    """One resource is read at the version of its kind, with what more is asked for."""
    wire = Wire(FakeClock(), found(a=1))
    arm = client(wire)
    assert run(arm.get(RESOURCE, VERSION))["properties"] == {"a": 1}
    run(arm.get(RESOURCE, VERSION, "$expand=ReplicationStatus"))
    assert [request.url.query.decode() for request in wire.requests] == [
        "api-version=2022-03-03",
        "$expand=ReplicationStatus&api-version=2022-03-03",
    ]


@pytest.mark.parametrize("code", ["ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"])
def test_not_found(code: str) -> None:
    """An absence is an error that says which one."""
    with pytest.raises(RejectedError) as caught:
        run(client(Wire(FakeClock(), refused(404, code))).get(RESOURCE, VERSION))
    assert caught.value.info.code == code


def test_another_resource() -> None:
    """An answer for another resource is none."""
    with pytest.raises(UnusableAnswerError, match="another resource"):
        run(client(Wire(FakeClock(), found(RESOURCE + "2"))).get(RESOURCE, VERSION))


def test_pages() -> None:
    """Pages are followed as linked, relative ones and empty ones too."""
    links = [f"{ENDPOINT}{LIST}?api-version={VERSION}&$skiptoken={n}" for n in (1, 2)]
    names, wire = listed(page("a", link=links[0]), page(link=links[1].removeprefix(ENDPOINT)), page("b", "c", link=""))
    assert names == ["a", "b", "c"]
    assert [str(request.url) for request in wire.requests] == [f"{ENDPOINT}{LIST}?api-version={VERSION}", *links]


def test_an_empty_list() -> None:
    """No element is an answer."""
    assert listed(answer(200, {"value": []}))[0] == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/page2?token=CANARY",
        "http://management.azure.com/page2",
        "https://management.azure.com:8443/page2",
        "https://user@management.azure.com/page2",
        "//evil.example/page2",
        "page2",
    ],
)
def test_a_foreign_next_page(link: str) -> None:
    """A link away from ARM is an error, and nothing is sent there."""
    wire = Wire(FakeClock(), page("a", link=link))
    with pytest.raises(ForeignOriginError) as caught:
        run(client(wire, StaticToken(Secret("CANARY"))).list(LIST, VERSION))
    assert [str(request.url) for request in wire.requests] == [f"{ENDPOINT}{LIST}?api-version={VERSION}"]
    assert "CANARY" not in str(caught.value.info)


@pytest.mark.parametrize(
    "links",
    [
        (f"{LIST}?api-version={VERSION}",),
        (f"{ENDPOINT}{LIST}?api-version={VERSION}",),
        ("/p2", "/p3", "/p2"),
        (f"{ENDPOINT}/p2", "/p2"),
    ],
)
def test_pages_in_a_circle(links: tuple[str, ...]) -> None:
    """Pages that come round again end the read."""
    wire = Wire(FakeClock(), *(page("a", link=link) for link in links))
    with pytest.raises(UnusableAnswerError, match="circle"):
        run(client(wire).list(LIST, VERSION))
    assert len(wire.requests) == len(links)


def test_endless_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So do pages without end."""
    monkeypatch.setattr(module, "_MAX_PAGES", 7)
    clock = FakeClock()
    wire = Wire(clock, lambda request: page("a", link=f"/p{len(request.url.query)}{request.url.path}"))
    with pytest.raises(UnusableAnswerError):
        run(client(wire).list(LIST, VERSION))
    assert len(wire.requests) == 7


@pytest.mark.parametrize(
    "second",
    [
        refused(404, "ResourceNotFound"),
        refused(403, "AuthorizationFailed"),
        answer(500),
        httpx.RemoteProtocolError("cut"),
        answer(200, "<html>"),
        answer(200, {}),
    ],
)
def test_a_list_that_breaks_off(second: httpx.Response | Exception) -> None:
    """Half a list is an error, never a short list."""
    with pytest.raises((RejectedError, TransientError, UnusableAnswerError)):
        listed(page("a", link="/p2"), second)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"value": None},
        {"value": {}},
        {"value": "text"},
        {"value": [None]},
        {"value": [[]]},
        {"value": [{}]},
        {"value": [{"id": None, "properties": {}}]},
        {"value": [], "nextLink": 5},
        {"value": [], "nextLink": {}},
    ],
)
def test_not_a_list(body: Any) -> None:
    """What is no list of resources, each with its id, tells nothing of what is missing from it."""
    with pytest.raises(UnusableAnswerError):
        listed(answer(200, body))


def test_a_new_token_once() -> None:
    """A refused token is renewed once, and the same request sent again."""
    tokens = Counting()
    wire = Wire(FakeClock(), refused(401, "ExpiredAuthenticationToken"), found())
    run(client(wire, tokens).get(RESOURCE, VERSION))
    assert [request.headers["authorization"] for request in wire.requests] == ["Bearer token-0", "Bearer token-1"]
    assert wire.sent == [f"GET {RESOURCE}"] * 2


def test_a_write_is_sent_again_with_a_new_token() -> None:
    """ARM did not act on a request whose token it refused."""
    wire = Wire(FakeClock(), refused(401, "ExpiredAuthenticationToken"), answer(200, {}))
    run(client(wire, Counting()).put(RESOURCE, VERSION, {"a": 1}))
    assert [request.content for request in wire.requests] == [b'{"a":1}'] * 2


def test_refused_for_good() -> None:
    """Two refusals are ARM's last word."""
    tokens = Counting()
    wire = Wire(FakeClock(), refused(401, "InvalidAuthenticationTokenTenant", "wrong tenant"))
    with pytest.raises(AuthError, match="wrong tenant") as caught:
        run(client(wire, tokens).get(RESOURCE, VERSION))
    assert (len(wire.requests), tokens.given) == (2, 1)
    assert "tenant" in str(caught.value.info.fix)


def test_put() -> None:
    """The body goes with its secrets as true text; what ARM took can be followed."""
    link = "https://packages.blob.core.windows.net/a.zip?sig=one"
    wire = Wire(FakeClock(), answer(201, {}, Azure_AsyncOperation=OPERATION, Location="/other", x_ms_request_id="r-1"))
    accepted = run(client(wire).put(RESOURCE, VERSION, {"link": SecretUrl(link), "n": [Secret("s")]}))
    assert json.loads(wire.requests[0].content) == {"link": link, "n": ["s"]}
    assert (accepted.operation, accepted.request_id, accepted.retry_after_s) == (OPERATION, "r-1", None)


@pytest.mark.parametrize(
    ("headers", "operation", "wait"),
    [({}, None, None), ({"Location": "/l"}, "/l", None), ({"Location": "/l", "Retry-After": "20"}, "/l", 20.0)],
)
def test_what_to_follow(headers: dict[str, str], operation: str | None, wait: float | None) -> None:
    """Location comes second, and there may be neither; Retry-After is kept."""
    accepted = run(client(Wire(FakeClock(), httpx.Response(202, headers=headers))).put(RESOURCE, VERSION, {}))
    assert (accepted.operation, accepted.retry_after_s) == (operation, wait)


@pytest.mark.parametrize("content", ["", "<html>", "[]", "x" * 100_000])
def test_garbage_after_a_put(content: str) -> None:
    """What ARM says after it took a PUT does not matter: nothing is sent again."""
    wire = Wire(FakeClock(), answer(201, content))
    run(client(wire).put(RESOURCE, VERSION, {}))
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidParameter", RejectedError),
        (409, "AnotherOperationInProgress", ConflictError),
        (409, "PropertyChangeNotAllowed", RejectedError),
        (500, "InternalServerError", TransientError),
    ],
)
def test_refused_writes(status: int, code: str, kind: type[Exception]) -> None:
    """A refused PUT is sent once."""
    wire = Wire(FakeClock(), refused(status, code))
    with pytest.raises(kind):
        run(client(wire).put(RESOURCE, VERSION, {}))
    assert len(wire.requests) == 1


def test_a_check_before_every_sending() -> None:
    """The caller's check may stop the write, also during a wait that ARM demands."""
    clock = FakeClock()
    wire = Wire(clock, refused(429, "TooManyRequests"))

    class ChangedError(Exception):
        pass

    def check() -> None:
        if clock.elapsed:
            raise ChangedError

    with pytest.raises(ChangedError):
        run(client(wire).put(RESOURCE, VERSION, {}, check))
    assert wire.times == [0]


def test_a_check_after_the_sign_in() -> None:
    """A sign-in may take a minute, so the caller's check runs after it."""
    clock = FakeClock()
    wire = Wire(clock, answer(200, {}))
    checks: list[float] = []

    class Slow(Counting):
        async def token(self, realm: str) -> Secret | None:
            await clock.sleep(50)
            return await super().token(realm)

    run(client(wire, Slow()).put(RESOURCE, VERSION, {}, lambda: checks.append(clock.elapsed)))
    assert checks == wire.times == [50]


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (answer(200, {"status": "InProgress"}), "InProgress"),
        (answer(202, {"status": "Succeeded"}), "Succeeded"),
        (answer(202), "InProgress"),
        (answer(202, {"status": 5}), "InProgress"),
        (answer(200), None),
        (answer(201, "<html>"), None),
        (answer(204), None),
        (answer(200, []), None),
        (answer(200, {"status": None}), None),
        (answer(200, b'\xef\xbb\xbf{"status": "Failed"}'), "Failed"),
    ],
)
def test_poll(response: httpx.Response, status: str | None) -> None:
    """The word in the body counts; without one, 202 is running and the rest says nothing."""
    polled = run(client(Wire(FakeClock(), response)).poll(OPERATION))
    assert polled.status == status


def test_poll_uses_the_link_as_given() -> None:
    """A signed link is never rebuilt, and what it asks to wait is kept."""
    wire = Wire(FakeClock(), answer(200, {"status": "InProgress"}, Retry_After="20"))
    polled = run(client(wire).poll(OPERATION))
    assert str(wire.requests[0].url) == OPERATION
    assert polled.retry_after_s == 20


def test_a_foreign_operation() -> None:
    """An operation elsewhere is not asked."""
    wire = Wire(FakeClock(), answer(200, {}))
    with pytest.raises(ForeignOriginError):
        run(client(wire).poll("https://evil.example/operation?t=CANARY"))
    assert wire.requests == []
