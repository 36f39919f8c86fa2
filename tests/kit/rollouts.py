"""
A version that is rolled out against an embedded ARM in virtual time, by processes that may die at any request.

A process here is what ``apply`` does, or a round of the loop: manifests are read, planned and carried out, and its
memory ends with it. It dies by not going on: before its request reaches ARM, or after ARM has acted on it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from reconciler import pipeline
from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.azure.gates import Gates
from reconciler.azure.polling import Patience
from reconciler.azure.resource_graph import GraphReader
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.rollouts import parse_rollout
from reconciler.model.outcome import Report
from reconciler.pipeline import Task
from reconciler.plan.exit_codes import of_report
from reconciler.runtime.progress import Silent
from tests.kit.cli import application, as_yaml, gallery, id_of, version
from tests.kit.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.http.bounds import Bounds
    from reconciler.model.change import Change
    from reconciler.model.rollout import RolloutState
    from reconciler.plan.gate import Row

TWELVE: Final = (
    *("West Europe", "North Europe", "East US 2", "East US", "West US", "UK South"),
    *("France Central", "Japan East", "Korea Central", "Canada East", "Brazil South", "Central India"),
)
PATH: Final = "properties.publishingProfile.targetRegions"
ENTRY: Final[Mapping[str, Any]] = {
    "match": {"kind": "GalleryApplicationVersion"},
    "steps": [
        {"regions": ["West Europe"], "soak": "2h"},
        {"regions": ["North Europe", "East US 2"], "soak": "1d"},
        {"regions": "rest", "soak": "1h"},
        {"latest": True},
    ],
}


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A PUT that reached ARM.

    Attributes:
        regions: Of its body, each with whether it is excluded.
        mark: The tag that it records.
        at: Seconds since the start.
        status: Of the answer.
    """

    regions: Mapping[str, bool]
    mark: str | None
    at: float
    status: int

    @property
    def step(self) -> int:
        """The step that it records."""
        return int((self.mark or "v1 0").split()[1])


@dataclass
class Line:
    """
    A gallery, an application and its version in a rollout.

    Attributes:
        entry: Of ``spec.rollouts``.
        spec: Of the project file, beside it.
        seed: The machines that Resource Graph knows.
        kill: Number of the request, counted over all processes, at which one dies; None for no death.
        how: ``before`` ARM acts, ``after`` it has, or ``lost``: it has, and the answer never arrives.
        puts: The PUTs of the version that reached ARM, in their order.
        failing: Regions whose replication is reported as failed.
        heals: Whether a failed region is copied anew once it was dropped.
        slow: Regions whose replication is reported as running.
        before: Called with the number of each request before it is sent.
        gate: Returns status and content of the answer of the gate; an exception breaks the connection.
        ahead: How far the clock of the processes is ahead of ARM's; None for an ARM that names no time.
        bounds: Of a gate that never answers; None for one that does.
        asked: Seconds since the start of each time the gate was asked.
        rows: The memory of a loop of the samples of gates; None for processes that end.
    """

    documents: Sequence[Mapping[str, Any]]
    entry: Mapping[str, Any] = field(default_factory=lambda: ENTRY)
    spec: Mapping[str, Any] = field(default_factory=dict)
    seed: Path | None = None
    kill: int | None = None
    how: str = "before"
    puts: list[Sent] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    heals: bool = False
    before: Callable[[int], None] = lambda _: None
    gate: Callable[[], tuple[int, bytes]] = lambda: (200, b"0")
    ahead: timedelta | None = None
    bounds: Bounds | None = None
    asked: list[float] = field(default_factory=list)
    rows: dict[tuple[str, str], Row] | None = None
    requests: int = 0
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        """Open the ARM."""
        self.app = create_app(EmulatorSettings(operation_seconds=1, seed=self.seed), self.clock)
        self._start = self.clock.seconds
        self._died = asyncio.Event()
        self.gate_headers: dict[bytes, bytes] = {}
        self.id = id_of(dict(self.documents[-1]))

    # The line to ARM

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Carry a request to ARM, and its answer back."""
        self.requests += 1
        self.before(self.requests)
        is_last = self.kill == self.requests
        if is_last and self.how == "before":
            await self._die()
        content = await _content(receive)
        answer = await self._answered(scope, content)
        if is_last and self.how == "after":
            await self._die()
        if is_last and self.how == "lost":
            message = "the connection broke"
            raise httpx.ReadError(message)
        body = self._with_copies(answer)
        headers = [(k.encode(), v.encode()) for k, v in answer.headers.items() if k != "content-length"]
        if self.ahead is not None:
            headers.append((b"date", format_datetime(self.clock.now(), usegmt=True).encode()))
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _die(self) -> None:
        self._died.set()
        await asyncio.Event().wait()

    async def _answered(self, scope: Any, content: bytes) -> httpx.Response:
        query = scope["query_string"].decode()
        url = f"http://localhost{scope['path']}{f'?{query}' if query else ''}"
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.request(scope["method"], url, content=content, headers=dict(scope["headers"]))
        if scope["method"] == "PUT" and scope["path"].casefold() == self.id.casefold():
            sent = self._sent(json.loads(content), answer.status_code)
            self.puts.append(sent)
            if self.heals and answer.is_success:
                self.failing &= set(sent.regions)
        return answer

    def _sent(self, body: Mapping[str, Any], status: int) -> Sent:
        listed = body["properties"]["publishingProfile"].get("targetRegions") or []
        regions = {each["name"]: bool(each.get("excludeFromLatest")) for each in listed}
        return Sent(regions, (body.get("tags") or {}).get("reconciler-rollout"), self.elapsed, status)

    def _with_copies(self, answer: httpx.Response) -> bytes:
        """Return the content of an answer with the failed and the slow regions in its replication status."""
        if b"replicationStatus" not in answer.content or not (self.failing or self.slow):
            return answer.content
        body = answer.json()
        for each in body["properties"]["replicationStatus"]["summary"]:
            folded = each["region"].replace(" ", "").casefold()
            if folded in {name.replace(" ", "").casefold() for name in self.failing}:
                each["state"] = "Failed"
            elif folded in {name.replace(" ", "").casefold() for name in self.slow}:
                each["state"] = "Replicating"
        return json.dumps(body).encode()

    async def _at_gate(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer for the gate."""
        await _content(receive)
        self.asked.append(self.elapsed)
        self.gate_headers = dict(scope["headers"])
        if self.bounds is not None:
            await asyncio.Event().wait()
        status, content = self.gate()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})

    # Processes

    @property
    def _machine(self) -> Clock:
        """The clock of the machine, which may be set to another time of day than ARM's."""
        return _SetBy(self.clock, self.ahead or timedelta())

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock.seconds - self._start

    async def apply(self, *, command: str = "apply", **options: Any) -> Report:
        """Run one process to its end; return its report."""
        report = await self.attempt(command=command, **options)
        assert report is not None
        return report

    async def attempt(self, *, command: str = "apply", **options: Any) -> Report | None:
        """Run one process; return its report, or None if it died."""
        self._died = asyncio.Event()
        work = asyncio.ensure_future(self._run(command, options))
        death = asyncio.ensure_future(self._died.wait())
        await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if not work.done():
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            return None
        return work.result()

    def estate(self, **options: Any) -> tuple[Options, Any]:
        """Return the options of a process, and the manifests and the project as it reads them."""
        chosen = Options(paths=("-",), **options)
        text = as_yaml(*self.documents).encode()
        estate = read_estate(chosen, packaged(), self._machine.now(), lambda _: text)
        rollouts = (parse_rollout(self.entry),) if self.entry else ()
        project = replace(estate.project, rollouts=rollouts, tracking=Tracking(project="fleet"), **self.spec)
        return chosen, replace(estate, project=project)

    async def _run(self, command: str, options: Mapping[str, Any]) -> Report:
        chosen, estate = self.estate(**options)
        started = self._machine.now()
        transport = Transport.open("http://localhost", ARM, NoToken(), self._machine, environ={}, app=self)
        try:
            arm = ArmWriter(transport, Retrier(self._machine))
            graph = partial(self._graph, transport)
            kept: dict[str, Any] = {} if self.rows is None else {"is_patient": False, "rows": self.rows}
            kept |= {} if self.bounds is None else {"bounds": self.bounds}
            gates = Gates(self._machine, {}, graph, app=self._at_gate, **kept)
            task = Task(chosen, estate, packaged(), now=self._machine.now(), gates=gates)
            if command == "apply":
                patience = Patience(self._machine, 5.0, 3600.0, asyncio.Event())
                reading = await pipeline.apply(task, arm, patience, _silently)
            else:
                reading = await pipeline.plan(task, arm)
        finally:
            await transport.close()
        ended = self.clock.now()
        return Report(command, started, ended, reading.plan, reading.outcomes, reading.errors, puts=reading.puts)

    @asynccontextmanager
    async def _graph(self, transport: Transport) -> AsyncIterator[GraphReader]:
        yield GraphReader(transport, Retrier(self.clock))

    async def plan(self, **options: Any) -> Report:
        """Plan; return the report."""
        return await self.apply(command="plan", **options)

    async def live(self) -> dict[str, Any]:
        """Return the version as it is in Azure."""
        return cast("dict[str, Any]", (await self.send("GET")).json())

    async def send(self, method: str, body: Any = None) -> httpx.Response:
        """Send a request for the version, as another client does."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost") as client:
            answer = await client.request(method, f"{self.id}?api-version=2022-03-03", json=body)
        self.clock.seconds += 2
        return answer

    async def regions(self) -> dict[str, bool]:
        """Return the live regions by their folded names, each with whether it is excluded from latest."""
        listed = (await self.live())["properties"]["publishingProfile"]["targetRegions"]
        return {each["name"].replace(" ", "").casefold(): bool(each.get("excludeFromLatest")) for each in listed}

    async def tag(self) -> str | None:
        """Return the tag of the rollout."""
        return cast("str | None", (await self.live()).get("tags", {}).get("reconciler-rollout"))

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.clock.seconds += timedelta(**span).total_seconds()

    def close(self) -> None:
        """Close the ARM."""
        self.app.state.world.close()


def _silently(_: int) -> AbstractAsyncContextManager[Any]:
    return _Quiet()


class _Quiet:
    async def __aenter__(self) -> Silent:
        return Silent()

    async def __aexit__(self, *_: object) -> None:
        return None


async def _content(receive: Any) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(content)


@dataclass(frozen=True)
class _SetBy:
    """A clock whose time of day is off."""

    clock: ManualClock
    ahead: timedelta

    def now(self) -> datetime:
        """Return the time of day that it shows."""
        return self.clock.now() + self.ahead

    def monotonic(self) -> float:
        """Return the seconds of the clock."""
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep by the clock."""
        await self.clock.sleep(seconds)


def documents(regions: Sequence[str] = TWELVE, **profile: Any) -> list[dict[str, Any]]:
    """Return the manifests of a version in *regions*, and of its parents."""
    return [gallery(), application(), version("1.1.0", targetRegions=[{"name": each} for each in regions], **profile)]


def change_of(report: Report) -> Change:
    """Return the part of the version in a report, as it ended."""
    change = next(each for each in report.plan.changes if each.desired.kind.latest is not None)
    outcome = report.outcomes.get(change.desired.key)
    return outcome.change if outcome is not None else change


def state_of(report: Report) -> RolloutState:
    """Return where the rollout of the version stands."""
    state = change_of(report).rollout
    assert state is not None
    return state


def row(report: Report) -> tuple[str, str, str]:
    """Return action and reason of the version, and the exit code of the command."""
    change = change_of(report)
    return change.action.value, change.reason.value, str(int(of_report(report)))
