"""The answers of ``run --listen``, as one ASGI application; the guard of all of them stands before the routes."""

from __future__ import annotations

import ipaddress
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.errors import HistoryError
from reconciler.http.origin import folded_host, is_loopback_host
from reconciler.report import render, render_history
from reconciler.service.metrics import CONTENT_TYPE
from reconciler.service.reading import read_history
from reconciler.service.store import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reconciler.service.status import Status

_METHODS: Final = ("GET", "HEAD")
_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_JSON: Final = "application/json"
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every answer."""


def create_app(
    status: Status, names: Iterable[str], *, anywhere: bool = False, more: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """
    Return the application.

    Args:
        status: Of the loop.
        names: Hosts that may be asked for, beside those of loopback.
        anywhere: Whether any address of the machine may be asked for, by its number.
        more: Further routes, such as those of pages.
    """
    answers = _Answers(status)
    routes = (
        Route("/metrics", answers.metrics),
        Route("/healthz", answers.health),
        Route("/readyz", answers.ready),
        Route("/api/report", answers.report),
        Route("/api/history", answers.history),
    )
    known = {folded for name in names if (folded := folded_host(name)) is not None}
    return _Guard(Starlette(routes=[*routes, *more]), frozenset(known), anywhere=anywhere)


class _Answers:
    """The answers about one loop."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._rendered: tuple[int, str] = (0, "")

    async def metrics(self, _: Request) -> Response:
        return Response(self._status.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def health(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        obstacle = self._status.obstacle()
        if obstacle is not None:
            return PlainTextResponse(f"not ready: {obstacle}\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("ready\n")

    async def report(self, _: Request) -> Response:
        """Return the last JSON report, which is rendered once for each round that anyone asks for."""
        last, number = self._status.last, self._status.number
        if last is None:
            return _problem("no-report", "no round has ended yet")
        if self._rendered[0] != number:
            self._rendered = (number, await run_in_threadpool(render, last.report, "json"))
        return Response(self._rendered[1], media_type=_JSON)

    async def history(self, _: Request) -> Response:
        try:
            text = await run_in_threadpool(_history, self._status.folder)
        except HistoryError as error:
            return _problem("history-unusable", str(error))
        return Response(text, media_type=_JSON) if text is not None else _problem("no-history", "there is no history")


def _history(folder: Path | None) -> str | None:
    store = open_reader(folder) if folder is not None else None
    if store is None:
        return None
    try:
        return render_history(read_history(store), "json")
    finally:
        store.close()


def _problem(code: str, message: str) -> Response:
    body = orjson.dumps({"error": {"code": code, "message": message}})
    return Response(body, HTTPStatus.SERVICE_UNAVAILABLE, media_type=_JSON)


class _Guard:
    """Refuses foreign hosts and methods that change anything, and adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, names: frozenset[str], *, anywhere: bool) -> None:
        self._app = app
        self._names = names
        self._anywhere = anywhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not self._is_known(_PORT.sub("", hosts[0])):
            # A page could use a name of its own for this address, and read the answers.
            return PlainTextResponse("this host is not served here\n", HTTPStatus.MISDIRECTED_REQUEST)
        if scope["method"] not in _METHODS:
            allowed = {"allow": ", ".join(_METHODS)}
            return PlainTextResponse("read-only\n", HTTPStatus.METHOD_NOT_ALLOWED, headers=allowed)
        return None

    def _is_known(self, host: str) -> bool:
        folded = folded_host(host)
        return folded is not None and (
            is_loopback_host(folded) or folded in self._names or (self._anywhere and _is_address(folded))
        )


def _is_address(host: str) -> bool:
    try:
        found: Any = ipaddress.ip_address(host)
    except ValueError:
        return False
    return found is not None
