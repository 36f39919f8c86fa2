"""The query of Resource Graph: its pages, its quota, and answers that are no whole result."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.resource_graph import QUERY, GraphReader
from reconciler.errors import RequestError
from reconciler.http.retry import Retrier
from reconciler.http.retry_policy import Policy
from tests.kit.arm import Largest, Wire, answer, refused, transport
from tests.kit.clock import FakeClock

if TYPE_CHECKING:
    import httpx


def page(number: int, token: str | None = None, **headers: str) -> httpx.Response:
    """Return a page of one row."""
    body: dict[str, Any] = {"data": [{"id": str(number)}], "resultTruncated": "false"}
    return answer(200, body | ({"$skipToken": token} if token else {}), **headers)


def asked(*script: httpx.Response) -> tuple[list[Any], Wire]:
    """Return the rows that the reader makes of these answers, and the requests that it sent."""
    wire = Wire(FakeClock(), *script)
    reader = GraphReader(transport(wire), Retrier(wire.clock, Policy(tries=2), chance=Largest()))
    return [row["id"] for row in asyncio.run(reader.rows())], wire


def test_each_page_is_one_post_of_the_same_query() -> None:
    """Nothing but that POST is sent; the token of a page asks for the next one."""
    rows, wire = asked(page(1, "a"), page(2, "b"), page(3))
    assert rows == ["1", "2", "3"]
    assert set(wire.sent) == {"POST /providers/Microsoft.ResourceGraph/resources"}
    bodies = [json.loads(request.content) for request in wire.requests]
    assert {body["query"] for body in bodies} == {QUERY}
    assert [body["options"].get("$skipToken") for body in bodies] == [None, "a", "b"]
    assert {(body["options"]["$top"], body["options"]["resultFormat"]) for body in bodies} == {(1000, "objectArray")}
    assert not hasattr(GraphReader, "put")


def test_a_used_up_quota_is_waited_for() -> None:
    """The next page is asked for in the next span; a 429 is asked again."""
    spent = {"x_ms_user_quota_remaining": "0", "x_ms_user_quota_resets_after": "00:00:05"}
    _, wire = asked(page(1, "a", **spent), page(2, "b"), refused(429, "RateLimiting", retry_after="7"), page(3))
    assert wire.times == [0, 5, 5, 12]


@pytest.mark.parametrize(
    "script",
    [
        [page(1, "a"), page(2, "a")],
        [answer(200, {"data": [], "resultTruncated": "true"})],
        [answer(200, {"data": {}})],
        [answer(200, {"data": [1]})],
        [answer(200, {"data": [], "$skipToken": 1})],
        [refused(403, "AuthorizationFailed")],
    ],
)
def test_a_result_that_is_not_whole_is_an_error(script: list[httpx.Response]) -> None:
    """Never a short result: a version would seem unused."""
    with pytest.raises(RequestError):
        asked(*script)
