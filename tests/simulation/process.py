"""One process of the reconciler: the product's stages as its commands join them, with a watch at every seam."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Final

import httpx

from reconciler import pipeline
from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmReader, ArmWriter
from reconciler.azure.polling import Interrupted, Patience
from reconciler.azure.stopping import unless_stopped
from reconciler.azure.versions import Versions
from reconciler.http.retry import Retrier
from reconciler.http.transport import Transport
from reconciler.http.window import Windows
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.model.outcome import Report
from reconciler.plan.decide import Memory
from reconciler.plan.exit_codes import of_report
from reconciler.report import render
from reconciler.secret.text import Secret
from tests.kit.clock import START
from tests.simulation import resources
from tests.simulation.faults import Reply, Request
from tests.simulation.invariants import LONGEST_ASKED_S, ORIGIN, Try, Watch, asked_s
from tests.simulation.resources import CANARY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from reconciler.http.answer import Answer
    from reconciler.http.throttle import Lane
    from reconciler.manifests.estate import Estate
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome
    from reconciler.plan.saved import SavedPlan
    from reconciler.service.rounds import Retries
    from tests.simulation.azure import Azure
    from tests.simulation.resources import Facts, Item
    from tests.simulation.schedule import Crash

TIMEOUT_S: Final = 600.0
INTERVAL_S: Final = 15.0
MOST_REQUESTS: Final = 1000
OPTIONS: Final = Options(paths=("-",), allow_latest_lost=True)


@lru_cache(maxsize=512)
def estate(text: bytes) -> Estate:
    """Read manifests as a run does; the same text is the same estate."""
    return read_estate(OPTIONS, packaged(), START, lambda _: text)


@dataclass(slots=True, kw_only=True)
class WatchedRetrier(Retrier):
    """The product's, with an eye on each try."""

    watch: Watch

    async def send(self, lane: Lane, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Send as the product does."""
        attempt = Try()

        async def once() -> Answer:
            self.watch.tries(attempt, self.clock.monotonic())
            attempt.status, attempt.until = 0, 0.0
            answer = await send()
            asked = asked_s(answer.headers, self.clock)
            attempt.status = answer.status
            attempt.until = self.clock.monotonic() + asked if 0 < asked <= LONGEST_ASKED_S else 0.0
            return answer

        return await Retrier.send(self, lane, once)


class Process:
    """
    One run of the reconciler, or one round of its loop.

    Attributes:
        died: Set when it has come to the request at which it is to die.
        stop: Set when it is told to stop.
    """

    def __init__(
        self, number: int, azure: Azure, items: Sequence[Item], stated: Mapping[str, Facts], chance: int
    ) -> None:
        """Read git."""
        self.azure = azure
        self.clock = azure.clock
        self.crash: Crash | None = None
        self.died = asyncio.Event()
        self.stop = asyncio.Event()
        self.requests = 0
        self.options = OPTIONS
        self.windows = Windows()
        self.versions = Versions()
        self.estate = estate(resources.documents(items, stated))
        desired = {item.key: item for item in self.estate.desired}
        self.watch = Watch(number, {key: dict(facts) for key, facts in stated.items()}, desired)
        self._token = f"{CANARY}.token-of-{number}"
        self.watch.tokens.add(self._token)
        self._chance = Random(chance + number)

    # ------------------------------------------------------------------------------------------- what it asks for

    async def token(self, realm: str) -> Secret:
        """Return the token."""
        return Secret(self._token)

    async def renew(self, realm: str, refused: Answer) -> None:
        """Have another token."""
        self._token = f"{CANARY}.token-{len(self.watch.tokens)}-of-{self.watch.number}"
        self.watch.tokens.add(self._token)

    def close(self) -> None:
        """Let go of nothing."""

    def started(self, change: Change) -> None:
        """Hear how an apply goes on."""

    def noted(self, desired: Desired, text: str) -> None:
        """Hear how an apply goes on."""
        self.watch.sinks("the progress", text)

    def finished(self, outcome: Outcome) -> None:
        """Hear how an apply goes on."""
        key = outcome.change.desired.key
        self.watch.finished[key] += 1
        if outcome.error is not None:
            self.watch.failed_at[key] = self.clock.elapsed

    # ------------------------------------------------------------------------------------------ what it sends, ASGI

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Carry one request to Azure and its answer back, or die on the way."""
        request = self._arrived(scope, await _content(receive))
        self.requests += 1
        self.watch.sent(request)
        is_last = self.crash is not None and self.requests == self.crash.request
        if self.requests > MOST_REQUESTS:
            self.watch.violated(f"more than {MOST_REQUESTS} requests")
        if self.requests > MOST_REQUESTS or (is_last and self.crash and not self.crash.after):
            await self._die()
        self.azure.tell(f"  process {self.watch.number}: {request.method} {_place(request)}")
        try:
            reply = await self.azure.answer(request, scope)
        except (httpx.HTTPError, asyncio.CancelledError) as error:
            self._answered(request, None, type(error).__name__)
            raise
        if is_last:
            await self._die()
        self._answered(request, reply, str(reply.status))
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items() if name != "content-length"]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.content})

    def _arrived(self, scope: Any, content: bytes) -> Request:
        headers = {name.lower(): value for name, value in scope["headers"]}
        host, port = scope["server"]
        origin = f"{scope['scheme']}://{host}" + ("" if port in {None, 443} else f":{port}")
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        query = scope["query_string"].decode()
        return Request(
            self.watch.number, scope["method"], origin, scope["path"], query, token, content, self.clock.elapsed
        )

    def _answered(self, request: Request, reply: Reply | None, how: str) -> None:
        self.watch.answered(request, reply, self.clock, self.clock.elapsed)
        self.azure.tell(f"  process {self.watch.number}: {request.method} {_place(request)} -> {how}")

    async def _die(self) -> None:
        """Die: nothing that this process began will ever go on."""
        self.died.set()
        await asyncio.Event().wait()

    # ---------------------------------------------------------------------------------------------- what it does

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ArmWriter]:
        """Yield a client of the product, as its shell opens it; clients of a loop share the waits of ARM."""
        transport = Transport.open(ORIGIN, ARM, self, self.clock, environ={}, app=self)
        try:
            retrier = WatchedRetrier(self.clock, chance=self._chance, windows=self.windows, watch=self.watch)
            yield ArmWriter(transport, retrier, self.versions)
        finally:
            await transport.close()

    async def plan(self) -> str:
        """Plan, through a client that cannot write; give the plan file."""
        self.watch.writes = False
        started = self.clock.now()
        async with self.client() as arm:
            reading = await self._reading(ArmReader(arm.transport, arm.retrier))
        text = pipeline.saved_text(reading, self.clock.now())
        self.watch.sinks("the plan file", text)
        self._end(Report("plan", started, self.clock.now(), reading.plan))
        return text

    async def apply(self, saved: SavedPlan | None = None, retries: Retries | None = None) -> Report:
        """Plan afresh and apply it, within a reviewed plan if there is one."""
        started = self.clock.now()
        async with self.client() as arm:
            try:
                reading = await unless_stopped(self._reading(arm, retries), self.stop)
            except Interrupted:
                return Report("apply", started, self.clock.now())
            patience = Patience(self.clock, INTERVAL_S, TIMEOUT_S, self.stop)
            task = pipeline.Task(self.options, self.estate, packaged())
            done = await pipeline.carry_out(task, reading, arm, patience, self, saved=saved)
        report = Report("apply", started, self.clock.now(), done.plan, done.outcomes, puts=done.puts)
        self.watch.ended(report, self._end(report))
        return report

    async def _reading(self, arm: ArmReader, retries: Retries | None = None) -> pipeline.Reading:
        memory = retries.memory(self.estate.selected) if retries else Memory()
        reading = await pipeline.read(pipeline.Task(self.options, self.estate, packaged(), memory=memory), arm)
        self.watch.planned_truly(reading.plan)
        return reading

    def _end(self, report: Report) -> int:
        for name in ("json", "text", "markdown"):
            self.watch.sinks(f"the {name} report", render(report, name))
        for outcome in report.outcomes.values():
            self.watch.sinks("the error of a resource", str(outcome.error))
            wrong = f", {outcome.error.code}: {outcome.error.message}" if outcome.error else ""
            text = f"{outcome.change.desired.name} {outcome.result or outcome.change.action}{wrong}"
            self.azure.tell(f"process {self.watch.number}: {text}")
        return of_report(report)


async def _content(receive: Any) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(content)


def _place(request: Request) -> str:
    """Return the last part of a path, short; operations have another name in each play."""
    if request.kind == "poll":
        return "operation"
    last = request.path.rpartition("/providers/")[2].partition("/")[2]
    return f"{request.kind} {last}{' page' if 'skiptoken' in request.query else ''}"[:90]
