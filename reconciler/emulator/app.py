"""The ASGI application: reads a request, routes it, and sends the answer with the headers that ARM adds."""

from __future__ import annotations

import re
import sqlite3
import uuid
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from reconciler.emulator import operations, reads, writes
from reconciler.emulator.calls import Call, Reply, writer_of
from reconciler.emulator.errors import Refused, server_error, too_large
from reconciler.emulator.facts import OPERATION_STATUS, facts_of
from reconciler.emulator.foreign import foreign_routes
from reconciler.emulator.provider import Provider
from reconciler.emulator.resource_graph import graph_routes
from reconciler.emulator.routes import Route, dispatch, route
from reconciler.emulator.store import Store
from reconciler.emulator.throttle import Throttle
from reconciler.emulator.versions import Lag, versions_of
from reconciler.emulator.world import World
from reconciler.kinds.packaged import packaged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from starlette.requests import Request

    from reconciler.clock import Clock
    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.kinds.kind import Kind

_METHODS: Final = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")
_SUBSCRIPTION: Final = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_JSON: Final = "application/json; charset=utf-8"


def create_app(settings: EmulatorSettings, clock: Clock) -> Starlette:
    """
    Return an embedded ARM. Its ``state.world`` shows and changes the stored resources.

    Raises:
        EmulatorError: The state file cannot be used.
    """
    store = Store(settings.state, keeps_past=settings.staleness_seconds > 0)
    throttle = Throttle(enforced=settings.throttle)
    kinds = tuple(packaged().kinds.values())
    lag = Lag(settings.newest)
    providers = _providers(kinds, lag, store, settings, throttle)
    routes = (
        route(operations.TEMPLATE, GET=partial(_status, store, throttle)),
        *(each for provider in providers for each in _resource_routes(provider)),
        *foreign_routes(store, settings, providers),
        *graph_routes(settings, providers),
    )
    service = _Service(routes, settings, clock, throttle)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    app = Starlette(routes=[StarletteRoute("/{path:path}", service.answer, methods=list(_METHODS))], lifespan=lifespan)
    app.state.world = World(store, providers, clock, lag)
    return app


def _namespace(kind: Kind) -> str:
    return kind.resource_type.partition("/")[0].lower()


def _providers(
    kinds: Iterable[Kind], lag: Lag, store: Store, settings: EmulatorSettings, throttle: Throttle
) -> list[Provider]:
    known = {kind: facts_of(kind) for kind in kinds}
    by_namespace: dict[str, list[Facts]] = {}
    for kind, facts in known.items():
        by_namespace.setdefault(_namespace(kind), []).append(facts)
    return [
        Provider(kind, facts, versions_of(kind, facts, by_namespace[_namespace(kind)]), lag, store, settings, throttle)
        for kind, facts in known.items()
    ]


def _resource_routes(provider: Provider) -> Iterable[Route]:
    handlers = {"GET": reads.get, "PUT": writes.put, "PATCH": writes.patch, "DELETE": writes.delete}
    yield route(provider.kind.id_template, **{method: partial(run, provider) for method, run in handlers.items()})
    for scope, template in provider.kind.lists.items():
        below = scope == "parent"
        prefix = "/subscriptions/{subscriptionId}/resourcegroups/" if scope == "subscription" else template + "/"
        yield route(template, GET=partial(reads.list_page, provider, prefix_template=prefix, below_parent=below))


def _status(store: Store, throttle: Throttle, call: Call) -> Reply:
    headers = throttle.admit_resource(OPERATION_STATUS, call.params["subscriptionId"].lower(), call.ticks)
    name = call.params["name"]
    _ = call.api_version
    reply = operations.status_reply(store.operation(name), name, call.query, call.now)
    return Reply(reply.status, reply.content, headers)


class _Service:
    """The common steps between a request and its answer."""

    def __init__(self, routes: tuple[Route, ...], settings: EmulatorSettings, clock: Clock, throttle: Throttle) -> None:
        self._routes = routes
        self._settings = settings
        self._clock = clock
        self._throttle = throttle

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        headers = _request_ids(request)
        if self._settings.latency_ms:
            await self._clock.sleep(self._settings.latency_ms / 1000)
        try:
            content = await self._content(request)
            headers |= self._rate_headers(request)
            reply = dispatch(self._routes, self._call(request, content))
        except Refused as refused:
            reply = Reply(refused.status, orjson.dumps(refused.body()), refused.headers)
        except sqlite3.Error:
            reply = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, orjson.dumps(server_error().body()))
        content_type = {"content-type": _JSON} if reply.content else {}
        body = b"" if request.method == "HEAD" else reply.content
        return Response(body, reply.status, {**headers, **reply.headers, **content_type})

    def _rate_headers(self, request: Request) -> dict[str, str]:
        match = _SUBSCRIPTION.match(request.scope["path"])
        return self._throttle.admit(request.method, match[1].lower() if match else "", self._clock.monotonic())

    async def _content(self, request: Request) -> bytes:
        limit = self._settings.max_body_bytes
        chunks = bytearray()
        async for chunk in request.stream():
            chunks += chunk
            if len(chunks) > limit:
                raise too_large(limit)
        return bytes(chunks)

    def _call(self, request: Request, content: bytes) -> Call:
        return Call(
            method=request.method,
            path=request.scope["path"],
            query={name.lower(): value for name, value in request.query_params.items()},
            base_url=f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}",
            now=self._clock.now().timestamp(),
            ticks=self._clock.monotonic(),
            content=content,
            writer=writer_of(request.headers.get("authorization", "")),
        )


def _request_ids(request: Request) -> dict[str, str]:
    request_id = str(uuid.uuid4())
    correlation = request.headers.get("x-ms-correlation-request-id", request_id)
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"EMULATOR:{request_id}",
        "cache-control": "no-cache",
    }
    client_id = request.headers.get("x-ms-client-request-id")
    if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = client_id
    return headers
