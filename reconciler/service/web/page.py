"""The pages of ``run --listen``: the estate, each resource under its id, and the events that tell of a new round."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from reconciler.errors import HistoryError
from reconciler.kinds.kind import folded_id
from reconciler.report.estate import STRIP, About, estate_of, fields_of
from reconciler.report.html.estate import (
    estate_page,
    history_page,
    icon,
    missing_page,
    resource_page,
    round_page,
    script,
    style,
)
from reconciler.service.reading import read_newest, read_resource, read_round
from reconciler.service.store import open_reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from reconciler.report.estate import Entry, Estate
    from reconciler.report.history import HistoryView
    from reconciler.service.round import Round
    from reconciler.service.status import Status
    from reconciler.service.store import Store

_SHOWN: Final = timedelta(days=2)
"""Of the history, on the page of the estate."""
_LISTED: Final = timedelta(days=30)
"""Of the history, on its own page."""
_MOST: Final = 500
"""Ended episodes, and rounds, there."""
_MOST_STREAMS: Final = 100
_EVENTS: Final = "text/event-stream"
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Pages:
    """The pages about one loop, each round of which becomes a view once, when it is asked for."""

    def __init__(self, status: Status) -> None:
        """Begin without a round."""
        self._status = status
        self._began = f"{status.clock.now().timestamp():.0f}"
        self._made: tuple[int, Estate | None] = (0, None)
        self._index_made: tuple[int, str] = (0, "")
        self._making = asyncio.Lock()
        self._streams: set[asyncio.Event] = set()

    @property
    def routes(self) -> tuple[BaseRoute, ...]:
        """The routes of the pages."""
        return (
            Route("/", self._index),
            Route("/history", self._history),
            Route("/rounds/{began}", self._round),
            Route("/resources/{id:path}", self._resource),
            Route("/events", self._events),
            Route("/static/style.css", _asset(style, "text/css")),
            Route("/static/script.js", _asset(script, "text/javascript")),
            Route("/static/icon.svg", _asset(icon, "image/svg+xml")),
        )

    def close(self) -> None:
        """End every stream of events: the loop has ended."""
        for each in self._streams:
            each.set()

    def _label(self, number: int) -> str:
        """Return a name of a round that no round of an earlier process has: a page outlives the loop."""
        return f"{self._began}-{number}"

    async def _index(self, _: Request) -> Response:
        number, estate = await self._estate()
        async with self._making:
            if self._index_made[0] != number or not number:
                self._index_made = number, await run_in_threadpool(estate_page, estate, self._label(number))
            return HTMLResponse(self._index_made[1])

    async def _history(self, _: Request) -> Response:
        since = (self._status.clock.now() - _LISTED).timestamp()
        found = await run_in_threadpool(
            _read, self._status.folder, lambda store: read_newest(store, since, _MOST, _MOST)
        )
        return HTMLResponse(await run_in_threadpool(history_page, found, self._label(self._status.number)))

    async def _round(self, request: Request) -> Response:
        began, label = _instant(request.path_params["began"]), self._label(self._status.number)
        if began is None:
            return HTMLResponse(missing_page(label), HTTPStatus.NOT_FOUND)
        found = await run_in_threadpool(_read, self._status.folder, lambda store: read_round(store, began))
        if found is None or not found.rounds:
            return HTMLResponse(missing_page(label), HTTPStatus.NOT_FOUND)
        return HTMLResponse(await run_in_threadpool(round_page, found.rounds[0], found.episodes, label))

    async def _resource(self, request: Request) -> Response:
        number, estate = await self._estate()
        entry = estate.find(request.path_params["id"]) if estate is not None else None
        last = self._status.last
        if estate is None or entry is None or last is None:
            return HTMLResponse(missing_page(self._label(number)), HTTPStatus.NOT_FOUND)
        page = await run_in_threadpool(_resource, estate, entry, last, self._status.folder, self._label(number))
        return HTMLResponse(page)

    async def _events(self, request: Request) -> Response:
        """Send the label of the last round at once, and again after each round."""
        if request.method == "HEAD":
            return Response(media_type=_EVENTS)
        if len(self._streams) >= _MOST_STREAMS:
            return PlainTextResponse("too many pages are open\n", HTTPStatus.SERVICE_UNAVAILABLE)
        ended = asyncio.Event()
        self._streams.add(ended)
        return _Stream(self._numbers(ended), lambda: self._streams.discard(ended))

    async def _numbers(self, ended: asyncio.Event) -> AsyncIterator[str]:
        ending = asyncio.ensure_future(ended.wait())
        number = self._status.number
        try:
            while not ended.is_set():
                yield f"event: round\ndata: {self._label(number)}\n\n"
                following = asyncio.ensure_future(self._status.after(number))
                try:
                    await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    following.cancel()
                number = self._status.number
        finally:
            ending.cancel()

    async def _estate(self) -> tuple[int, Estate | None]:
        """Return the number of the last round, and its view; None before the first."""
        async with self._making:  # every open page asks at once
            last, number = self._status.last, self._status.number
            if last is not None and self._made[0] != number:
                since = (self._status.clock.now() - _SHOWN).timestamp()
                self._made = (number, await run_in_threadpool(_estate, last, self._status.folder, since))
            return self._made


class _Stream(StreamingResponse):
    """A stream of events, which is counted until it is over, also where its reader has gone before its begin."""

    def __init__(self, content: AsyncIterator[str], over: Callable[[], None]) -> None:
        super().__init__(content, media_type=_EVENTS)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


def _estate(last: Round, folder: Path | None, since: float) -> Estate:
    history = _read(folder, lambda store: read_newest(store, since, STRIP, 0))
    return estate_of(last.report, last.outcome.value, history)


def _resource(estate: Estate, entry: Entry, last: Round, folder: Path | None, label: str) -> str:
    """Return the page of one resource."""
    key = folded_id(entry.resource.id)
    history = _read(folder, lambda store: read_resource(store, key))
    desired = next((each.desired for each in last.report.plan.changes if each.desired.key == key), None)
    about = About(
        entry,
        estate.held,
        fields_of(desired) if desired is not None else (),
        estate.matrix_of(entry.resource.id),
        history.episodes if history is not None else None,
    )
    return resource_page(about, label)


def _read(folder: Path | None, read: Callable[[Store], HistoryView]) -> HistoryView | None:
    """Return the history for people; None where there is none, or none that can be read."""
    try:
        store = open_reader(folder) if folder is not None else None
        if store is None:
            return None
        try:
            return read(store)
        finally:
            store.close()
    except HistoryError:
        return None  # the round has a warning about it


def _instant(text: str) -> float | None:
    """Return the seconds since 1970 of an instant as the history writes it; None for any other text."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _asset(text: Callable[[], str], media_type: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Response(text(), media_type=media_type)

    return answer
