"""The pages of ``run --listen``: the estate, each resource under its id, and the events that tell of a new round."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from reconciler.errors import HistoryError
from reconciler.report.estate import estate_of
from reconciler.report.html.estate import estate_page, missing_page, resource_page, script, style
from reconciler.service.reading import read_history
from reconciler.service.store import open_reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from reconciler.report.estate import Estate
    from reconciler.report.history import HistoryView
    from reconciler.service.round import Round
    from reconciler.service.status import Status

_SHOWN: Final = timedelta(days=2)
"""Of the history, on the page of the estate."""
_MOST_STREAMS: Final = 100
_EVENTS: Final = "text/event-stream"


class Pages:
    """The pages about one loop, each round of which becomes a view once, when it is asked for."""

    def __init__(self, status: Status) -> None:
        """Begin without a round."""
        self._status = status
        self._made: tuple[int, Estate | None] = (0, None)
        self._streams: set[asyncio.Event] = set()

    @property
    def routes(self) -> tuple[BaseRoute, ...]:
        """The routes of the pages."""
        return (
            Route("/", self._index),
            Route("/resources/{id:path}", self._resource),
            Route("/events", self._events),
            Route("/static/style.css", _asset(style, "text/css")),
            Route("/static/script.js", _asset(script, "text/javascript")),
        )

    def close(self) -> None:
        """End every stream of events: the loop has ended."""
        for each in self._streams:
            each.set()

    async def _index(self, _: Request) -> Response:
        number, estate = await self._estate()
        return HTMLResponse(await run_in_threadpool(estate_page, estate, number))

    async def _resource(self, request: Request) -> Response:
        number, estate = await self._estate()
        entry = estate.find(f"/{request.path_params['id']}") if estate is not None else None
        if estate is None or entry is None:
            return HTMLResponse(missing_page(number), HTTPStatus.NOT_FOUND)
        kind, name, folded = entry.resource.kind, entry.resource.name, entry.resource.id.casefold()
        history = await run_in_threadpool(_history, self._status.folder, 0.0, lambda *each: each == (kind, name))
        found = history.episodes if history is not None else None
        episodes = [each for each in found if each.resource.casefold() == folded] if found is not None else None
        return HTMLResponse(await run_in_threadpool(resource_page, estate, entry, episodes, number))

    async def _events(self, request: Request) -> Response:
        """Send the number of rounds at once, and again after each round."""
        if request.method == "HEAD":
            return Response(media_type=_EVENTS)
        if len(self._streams) >= _MOST_STREAMS:
            return PlainTextResponse("too many pages are open\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return StreamingResponse(self._numbers(), media_type=_EVENTS)

    async def _numbers(self) -> AsyncIterator[str]:
        ended = asyncio.Event()
        self._streams.add(ended)
        ending = asyncio.ensure_future(ended.wait())
        number = self._status.number
        try:
            while not ended.is_set():
                yield f"event: round\ndata: {number}\n\n"
                following = asyncio.ensure_future(self._status.after(number))
                try:
                    await asyncio.wait((following, ending), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    following.cancel()
                number = self._status.number
        finally:
            ending.cancel()
            self._streams.discard(ended)

    async def _estate(self) -> tuple[int, Estate | None]:
        """Return the number of the last round, and its view; None before the first."""
        last, number = self._status.last, self._status.number
        if last is not None and self._made[0] != number:
            since = (self._status.clock.now() - _SHOWN).timestamp()
            self._made = (number, await run_in_threadpool(_estate, last, self._status.folder, since))
        return self._made


def _estate(last: Round, folder: Path | None, since: float) -> Estate:
    return estate_of(last.report, last.outcome.value, _history(folder, since))


def _history(
    folder: Path | None, since: float, is_wanted: Callable[[str, str], bool] | None = None
) -> HistoryView | None:
    """Return the history for people; None where there is none, or none that can be read."""
    try:
        store = open_reader(folder) if folder is not None else None
        if store is None:
            return None
        try:
            return read_history(store, since, is_wanted, people=True)
        finally:
            store.close()
    except HistoryError:
        return None  # the round has a warning about it


def _asset(text: Callable[[], str], media_type: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Response(text(), media_type=media_type)

    return answer
