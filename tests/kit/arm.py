"""ARM as tests of the client see it: answers from a script, and what was sent for them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import httpx

from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.azure.polling import Patience
from reconciler.http.retry import Retrier
from reconciler.http.retry_policy import Policy
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.http.tokens import TokenSource
    from tests.kit.clock import FakeClock

T = TypeVar("T")
Answer: TypeAlias = "httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]"

ENDPOINT: Final = "https://management.azure.com"
RESOURCE: Final = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/galleries/tools"
VERSION: Final = "2022-03-03"


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    """Return an answer; underscores in header names stand for hyphens. Bytes and text go as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes | str):
        return httpx.Response(status, content=body, headers=named)
    return (
        httpx.Response(status, json=body, headers=named) if body is not None else httpx.Response(status, headers=named)
    )


def refused(status: int, code: str, message: str = "no", **headers: str) -> httpx.Response:
    """Return an answer with an ARM error."""
    return answer(status, {"error": {"code": code, "message": message}}, **headers)


def found(resource_id: str = RESOURCE, **properties: Any) -> httpx.Response:
    """Return a resource."""
    return answer(200, {"id": resource_id, "properties": properties})


class Wire:
    """Answers from a script, one after the other; the last answer is for all that follow."""

    def __init__(self, clock: FakeClock, *script: Answer) -> None:
        """Take the script."""
        self.clock = clock
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.latency_s = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.requests.append(request)
        self.times.append(self.clock.elapsed)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if self.latency_s:
            await self.clock.sleep(self.latency_s)
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(request)
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    @property
    def sent(self) -> list[str]:
        """Methods and paths, without queries."""
        return [f"{request.method} {request.url.path}" for request in self.requests]


class Largest(Random):
    """Chance that always takes its upper bound, so that waits can be told to the second."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper bound."""
        return b


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    """Stand for an application; no request reaches it."""


def transport(wire: Wire, tokens: TokenSource | None = None, endpoint: str = ENDPOINT) -> Transport:
    """Return a transport as a run opens it, its connections replaced by *wire*."""
    opened = Transport.open(endpoint, ARM, tokens or NoToken(), wire.clock, environ={}, app=_nobody)
    opened.http = httpx.AsyncClient(transport=httpx.MockTransport(wire), follow_redirects=False)
    return opened


def client(wire: Wire, tokens: TokenSource | None = None, tries: int = 5) -> ArmWriter:
    """Return a client that speaks to *wire*."""
    return ArmWriter(transport(wire, tokens), Retrier(wire.clock, Policy(tries=tries), chance=Largest()))


def patience(clock: FakeClock, interval_s: float = 15, timeout_s: float = 3600) -> Patience:
    """Return patience."""
    return Patience(clock, interval_s, timeout_s, asyncio.Event())
