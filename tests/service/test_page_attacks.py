"""The pages of a loop under attack: by foreign pages in the reader's browser, by addresses, and by texts from Azure."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from reconciler.model.offers import Offer, Region
from reconciler.model.outcome import Held
from reconciler.report.estate import path_of
from tests.kit.page_loop import Loop
from tests.kit.rounds import change_of, gallery, report_of, seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = path_of(gallery().id)
ROUTES = ("/", PAGE, "/history", "/events", "/static/style.css", "/static/script.js", "/static/icon.svg", "/nothing")
SCRIPT = "</p><script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    "<img src=x onerror=alert(1)>",
    '\'" onfocus=alert(1) autofocus x="',
    "<!--",
    "{{ 7 * 7 }}",
    "//x.example",
)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Return a loop whose pages are open, after two rounds with a drift."""
    made = Loop(tmp_path / "state")
    for _ in range(2):
        made.round(seen("tags.team"))
    yield made
    made.close()


@pytest.mark.parametrize("path", [*ROUTES, "/metrics", "/api/report", "/api/history"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil@127.0.0.1",
        "127.0.0.1#evil",
        "",
        "[::1",
        "0x7f",
    ],
)
def test_a_foreign_host(loop: Loop, path: str, host: str) -> None:
    """A page that gives this address a name of its own reads nothing, of no route."""
    answer = loop.ask(path, headers={"host": host})
    assert (answer.status_code, answer.text) == (421, "this host is not served here\n")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "GETS"])
def test_nothing_can_be_changed(loop: Loop, path: str, method: str) -> None:
    """Each method but GET and HEAD is refused, whether the address is known or not."""
    answer = loop.ask(path, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", [path for path in ROUTES if path != "/events"])
def test_the_headers_of_every_answer(loop: Loop, path: str) -> None:
    """No cookie, no store, no frame, no other origin; of refusals too."""
    for answer in (
        loop.ask(path),
        loop.ask(path, "HEAD"),
        loop.ask(path, "POST"),
        loop.ask(path, headers={"host": "x"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} <= {
            each.strip() for each in policy.split(";")
        }
        assert not re.search(r"unsafe|\*|data:|https?:|blob:", policy)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert not {"set-cookie", "access-control-allow-origin", "server"} & set(answer.headers)
    assert loop.ask(path, "HEAD").content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/rounds/9999-99-99T99:99:99Z",
        "/rounds/2026-11-21T20:25:00",
        "/rounds/2026-11-21T20:25:00Z%0A",
        "/rounds/٢٠٢٦-11-21T20:25:00Z",
        "/rounds/1' OR 1=1 --",
        "/rounds/..%2f..%2fetc%2fpasswd",
        "/resources/..%2f..%2fetc%2fpasswd",
        "/resources/%00",
        "/resources/%ff%fe",
        f"/resources/{'x' * 20_000}",
        f"/resources/{quote(SCRIPT)}",
        f"/rounds/{quote(SCRIPT, safe='')}",
        "/static/..%2festate.py",
        "/static/%2e%2e/estate.py",
    ],
)
def test_an_address_that_was_made_up(loop: Loop, path: str) -> None:
    """It is not found, and nothing of it is repeated."""
    answer = loop.ask(path)
    assert answer.status_code == 404
    assert not re.search(r"alert|passwd|OR 1=1|xxxx|import", answer.text)


def test_a_query_is_not_repeated(loop: Loop) -> None:
    """Only the script reads the filter, and it writes texts, not elements."""
    for path in ("/", PAGE, "/history"):
        assert "alert" not in loop.ask(f"{path}?text={quote(SCRIPT)}&state={quote(SCRIPT)}").text


class Parsed(HTMLParser):
    """The elements, attributes and comments of a page, as a browser finds them."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_comment(self, data: str) -> None:
        """Keep a comment."""
        self.comments.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_azure_and_manifests(tmp_path: Path, text: str) -> None:
    """Names, ids, writers, holders and regions are texts on every page, the history and a round's included."""
    loop = Loop(tmp_path / "state")
    made = gallery()
    named = replace(made, name=text, id=f"{made.id}/{text}", key=f"{made.key}/{text}".lower())
    parent = f"/{text}/applications/{text}"
    offer = Offer(f"{parent}/versions/{text}", parent, text, (Region(text, is_latest=True, state=text),))
    report = replace(
        report_of(replace(change_of(named, "tags.team", who=text), fix=text)),
        held=Held("lock", text),
        offers=lambda: (offer,),
    )
    began = f"{loop.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    for _ in range(2):
        loop.round(report)
    index = loop.ask("/").text
    (path,) = set(re.findall(r'href="(/resources/[^"#]*)"', index))
    pages = [index, *(loop.ask(each).text for each in (path, "/history", f"/rounds/{began}"))]
    assert all("tags.team" in page for page in pages)
    for page in pages:
        parsed = Parsed()
        parsed.feed(page)
        assert parsed.elements["script"] == 1
        assert not parsed.elements.keys() & {"img", "iframe", "object", "form", "svg", "style", "base"}
        assert not parsed.comments
        assert not [
            name for name, _ in parsed.attributes if name.startswith("on") or name in {"style", "autofocus", "x"}
        ]
        assert all(re.match(r"(/(?!/)|#)", value) for name, value in parsed.attributes if name in {"href", "src"})
        assert not re.search(r"\b49\b", page)
    loop.close()


def test_many_readers_at_once(loop: Loop) -> None:
    """The view of a round is made once, whether each of them asks for the estate or for a resource."""
    made: list[int] = []

    def offers() -> tuple[Offer, ...]:
        made.append(1)
        return ()

    loop.round(replace(seen("tags.team"), offers=offers))

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(loop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await asyncio.gather(*(client.get(path) for path in ("/", PAGE) * 20))

    answers = asyncio.run(ask_all())
    assert {each.status_code for each in answers} == {200}
    assert len({each.text for each in answers}) == len(("/", PAGE))
    assert made == [1]


def test_the_number_of_streams_is_bounded(loop: Loop) -> None:
    """The page that is one too many is told so; the others stay open until the loop ends."""
    answers: list[int] = []

    async def follow() -> None:
        all_answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])
            if len(answers) == len(tasks):
                all_answered.set()

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/events"}
        more = {"raw_path": b"/events", "query_string": b"", "headers": [(b"host", b"127.0.0.1")], "root_path": ""}
        tasks = [asyncio.ensure_future(loop.app({**scope, **more}, receive, send)) for _ in range(101)]
        await asyncio.wait_for(all_answered.wait(), 5)
        loop.pages.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)

    asyncio.run(follow())
    assert sorted(answers) == [200] * 100 + [503]
