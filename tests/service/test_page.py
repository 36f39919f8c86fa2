"""The pages of a loop, as a browser gets them. ``make pages`` looks at the HTML report that they share parts with."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from reconciler.model.change import Action, LatestMove, Reason, Sync
from reconciler.model.offers import Offer, Region
from reconciler.model.outcome import Held
from reconciler.model.rollout import Awaited, RolloutState, StepToCome
from reconciler.report.estate import path_of
from reconciler.report.html import asset
from reconciler.service.round import round_of
from tests.kit.clock import START
from tests.kit.page_loop import Loop
from tests.kit.reports import REPORTS
from tests.kit.rounds import UNKNOWN, change_of, gallery, problem, report_of, seen, written
from tests.report.test_hostile import made_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


HOSTILE = ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", '" onclick="x', "{{ 7*7 }}")
PAGE = path_of(gallery().id)
BEGAN = f"{START.timestamp():.0f}"
FIRST, SECOND = (f"data: {BEGAN}-{number}".encode() for number in (1, 2))


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Return a loop whose pages are open."""
    made = Loop(tmp_path / "state")
    yield made
    made.close()


def between(text: str, start: str, end: str) -> str:
    """Return the part of a page from one heading to another."""
    return text[text.index(f'id="{start}"') : text.index(f'id="{end}"')]


def test_before_the_first_round(loop: Loop) -> None:
    """There is a page, which the first round will fill, and no resource."""
    index = loop.ask("/")
    assert (index.status_code, f'data-round="{BEGAN}-0"' in index.text) == (200, True)
    assert loop.ask(PAGE).status_code == 404


def test_drift_comes_first_and_heals(loop: Loop) -> None:
    """With its severity, its begin and its writer; in sync again, it is among the others."""
    drift = report_of(change_of(gallery(), "tags.team", who="eve@example.com"))
    loop.round(drift)
    loop.round(drift)
    shown = between(loop.ask("/").text, "open", "rounds")
    for part in ("cosmetic", "eve@example.com", f"{START:%Y-%m-%dT%H:%M:%SZ}", "tags.team", f'href="{PAGE}"'):
        assert part in shown
    loop.round(seen())
    text = loop.ask("/").text
    assert PAGE not in between(text, "open", "rounds")
    assert PAGE in text[text.index('id="resources"') :]


def test_a_resource_has_its_history(loop: Loop) -> None:
    """Under its id in any case; open and ended episodes, and the differences of the last round."""
    for _ in range(2):
        loop.round(seen("tags.team"))
    assert "tags.team" in between(loop.ask(PAGE).text, "differences", "history")
    for _ in range(2):
        loop.round(seen())
    page = loop.ask(PAGE.upper().replace("/RESOURCES/", "/resources/"))
    assert page.status_code == 200
    assert "tags.team" not in between(page.text, "differences", "history")
    assert "healed" in between(page.text, "history", "fields")


def test_what_a_round_wrote_needs_no_attention(loop: Loop) -> None:
    """A failed PUT does, and so does a resource that could not be read."""
    loop.round(written("tags.team"))
    assert PAGE not in between(loop.ask("/").text, "open", "rounds")
    loop.round(UNKNOWN)
    assert PAGE in between(loop.ask("/").text, "open", "rounds")


@pytest.mark.parametrize(
    ("held", "word"),
    [
        (Held("window", "office-hours", START), "Saturday 21 November 2026 at 20:25 UTC"),
        (Held("window"), "within a year"),
        (Held("hold-file", "alice"), "alice"),
        (Held("lock", "host:17"), "host:17"),
    ],
)
def test_a_held_round_says_why(loop: Loop, held: Held, word: str) -> None:
    """On the pages of the estate, of a resource, and of the round itself later on."""
    began = f"{loop.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    loop.round(replace(seen("tags.team"), held=held))
    assert all(word in loop.ask(path).text for path in ("/", PAGE))
    loop.round(seen())
    assert word in loop.ask(f"/rounds/{began}").text
    assert not any("Held by" in loop.ask(path).text for path in ("/", PAGE))


def test_a_commit_that_is_not_taken(loop: Loop) -> None:
    """With its cause, beside a round that is otherwise good."""
    loop.round(replace(seen(), warnings=(problem("source-rejected", "commit abc is not signed"),)))
    header = loop.ask("/").text.partition("</header>")[0]
    assert "commit abc is not signed" in header


def test_versions_by_region(loop: Loop) -> None:
    """With replication, exclusion and latest; a version without a copy in a region has none there."""
    parent = f"{gallery().id}/applications/agent"
    west = (Region("West US", is_latest=True, state="Completed"), Region("eastus", state="Failed", is_excluded=True))
    offers = (
        Offer(f"{parent}/versions/3.0.0", parent, "3.0.0", (Region("West US"),), is_live=False),
        Offer(f"{parent}/versions/2.0.0", parent, "2.0.0", west),
        Offer(gallery().id, parent, "1.0.0", (Region("westus"),)),
    )
    move = LatestMove(parent, "West US", "1.0.0", "2.0.0")
    loop.round(replace(seen(), offers=lambda: offers, plan=replace(seen().plan, latest=(move,))))
    text = loop.ask("/").text
    table = text[text.index('id="copies"') : text.index("</table>")]
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == ["Version", "West US", "East US"]
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)]
    assert [[re.sub(r"<.*?>", "", cell).lstrip("\u2013") for cell in row] for row in rows[1:]] == [
        ["3.0.0", "not in Azure", "not offered"],
        ["2.0.0", "Completed latest", "Failed, excluded from latest"],
        ["1.0.0", "offered", "not offered"],
    ]
    assert re.findall(r'href="(.*?)"', table) == [PAGE]  # the others are not of this round
    assert "1.0.0" in between(text, "latest", "copies")


WEST = ("West US",)
LAST = "3 to come latest, window day"
UNTIL = f"{START:%Y-%m-%dT%H:%M:%SZ}"
EAST = StepToCome(2, ("East US",), is_latest=False, soak=timedelta(hours=2), window=None)
LATEST = StepToCome(3, (), is_latest=True, soak=timedelta(), window="day")


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (
            RolloutState(1, 3, WEST, to_come=(EAST, LATEST)),
            ["1 due West US", "2 to come East US, soak 2h", LAST],
        ),
        (
            RolloutState(2, 3, WEST, until=START, waits_for=Awaited.SOAK, to_come=(LATEST,)),
            [
                "1 done",
                f"2 waits West US, for the end of its soak until {UNTIL}",
                LAST,
            ],
        ),
        (
            RolloutState(3, 3, is_latest=True, stopped="too many fail"),
            ["1 done", "2 done", "3 stopped latest, too many fail"],
        ),
    ],
)
def test_a_rollout_has_its_steps(loop: Loop, state: RolloutState, steps: list[str]) -> None:
    """On both pages; one that goes on needs no attention."""
    change = replace(change_of(gallery(), "tags.team"), rollout=state, sync=Sync.UNKNOWN)
    if state.stopped:
        change = replace(change, action=Action.BLOCKED, reason=Reason.ROLLOUT_FAILED)
    loop.round(report_of(change))
    index = loop.ask("/").text
    for text in (index[index.index('id="rollouts"') :], loop.ask(PAGE).text):
        listed = re.findall(r"<li( aria-current=\"step\")?>(.*?)</li>", text[: text.index("</ol>")])
        assert [re.sub(r"<.*?>", "", each) for _, each in listed] == steps
        assert [bool(current) for current, _ in listed].index(True) == state.step - 1
    assert (PAGE in between(index, "open", "rounds")) is bool(state.stopped)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_mean_nothing(loop: Loop, text: str) -> None:
    """Neither as elements nor as attributes, on either page."""
    loop.status.take(round_of(made_of([text] * 8), 1.0))
    index = loop.ask("/").text
    paths = set(re.findall(r'href="(/resources/[^"]*)"', index))
    assert paths
    assert {loop.ask(path).status_code for path in paths} == {200}
    for page in (index, *(loop.ask(path).text for path in paths)):
        assert len(re.findall(r"<script", page)) == 1
        assert not re.search(r"<img|<[^>]*\son[a-z]+=", page)
    assert all(unquote(path).startswith("/resources/") for path in paths)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_its_page(loop: Loop, name: str) -> None:
    """Every kind of round can be shown, and each resource of it."""
    loop.status.take(round_of(REPORTS[name], 1.0))
    index = loop.ask("/")
    assert index.status_code == 200
    for path in set(re.findall(r'href="(/resources/[^"]*)"', index.text)):
        assert loop.ask(path).status_code == 200


def test_pages_need_nothing_from_elsewhere(loop: Loop) -> None:
    """No address of another host, no style or script within, no form and no cookie."""
    loop.round(seen("tags.team"))
    for path in ("/", PAGE, "/resources/none"):
        answer = loop.ask(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "unsafe-" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert not re.search(r"https?://|<style|<form| style=|<script>", answer.text)
    for name in ("style.css", "script.js", "icon.svg"):
        assert loop.ask(f"/static/{name}").status_code == 200
    assert loop.ask("/static/else.js").status_code == 404
    assert not re.search(r"innerHTML|eval|document\.write|insertAdjacent|https?:", asset("estate.js"))
    assert not re.search(r"url\(|@import", asset("estate.css"))


def test_without_a_history(tmp_path: Path) -> None:
    """The last round is shown nevertheless."""
    made = Loop(tmp_path / "state")
    made.status.folder = None
    made.status.take(round_of(seen("tags.team"), 1.0))
    assert PAGE in made.ask("/").text
    assert made.ask(PAGE).status_code == 200


def test_events(loop: Loop) -> None:
    """The number of rounds at once and after each one, until the loop ends."""
    loop.round(seen())
    sent: list[dict[str, Any]] = []
    acts: list[asyncio.Future[None]] = []

    async def follow() -> None:
        asked = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if asked.is_set():
                await asyncio.Event().wait()
            asked.set()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def later(act: Callable[[], None]) -> None:
            for _ in range(20):  # until the stream waits
                await asyncio.sleep(0)
            act()

        async def send(message: Any) -> None:
            sent.append(message)
            if FIRST in message.get("body", b""):
                acts.append(asyncio.ensure_future(later(lambda: loop.round(seen("tags.team")))))
            if SECOND in message.get("body", b""):
                acts.append(asyncio.ensure_future(later(loop.pages.close)))

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/events"}
        more = {"raw_path": b"/events", "query_string": b"", "headers": [(b"host", b"127.0.0.1")], "root_path": ""}
        await asyncio.wait_for(loop.app({**scope, **more}, receive, send), 5)

    asyncio.run(follow())
    bodies = [each.get("body", b"") for each in sent[1:]]
    assert bodies[:2] == [b"event: round\n" + each + b"\n\n" for each in (FIRST, SECOND)]
    assert dict(sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert loop.ask("/events", "HEAD").content == b""
