"""The embedded ARM with faults around it, and the stages that speak to it, driven by a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import httpx
import orjson

from reconciler.apply.applier import Applier
from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.azure.observe import Scope, observe
from reconciler.azure.polling import Patience
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.packaged import packaged
from reconciler.plan.decide import Policy, make_plan
from reconciler.problems import Manifest, Source
from reconciler.runtime.progress import Silent
from tests.kit.arm import Largest
from tests.kit.clock import FakeClock
from tests.kit.stages import resolve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reconciler.emulator.world import World
    from reconciler.model.change import Change, Plan
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.model.outcome import Outcome

T = TypeVar("T")
Forward: TypeAlias = Callable[[], Awaitable[None]]
Fault: TypeAlias = Callable[[Any, Forward], Awaitable[None]]
"""Answers through ``send`` in the service's stead, or lets the service act with ``forward``."""

SUBSCRIPTION: Final = "01523d7c-60da-455e-adef-521b547922c4"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
GALLERY: Final = f"{GROUP}/providers/Microsoft.Compute/galleries/tools"
APPLICATION: Final = f"{GALLERY}/applications/agent"
VERSION: Final = f"{APPLICATION}/versions/1.0.0"
DEFINITION: Final = f"{GROUP}/providers/Microsoft.Solutions/applicationDefinitions/suite"
LINK: Final = "https://packages.blob.core.windows.net/agent/agent.zip?sv=2022&sig=CANARY"


@dataclass(slots=True)
class Seen:
    """One request as the service saw it, from its arrival to its answer."""

    method: str
    path: str
    at: float
    until: float = float("inf")


@dataclass(slots=True)
class Planned:
    """A fault that waits for its requests."""

    method: str
    path: str
    fault: Fault
    times: int


@dataclass(slots=True)
class Faulty:
    """An ASGI application before another: it keeps what it sees, takes its time, and does what was planned."""

    app: Any
    clock: FakeClock
    latency_s: float = 0.0
    faults: list[Planned] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def plan(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """Let *fault* happen to the next requests whose path ends with *path*."""
        self.faults.append(Planned(method, path.lower(), fault, times))

    def sent(self, method: str) -> list[str]:
        """Return the last names in the paths of what was sent, in order."""
        return [seen.path.rpartition("/")[2] for seen in self.seen if seen.method == method]

    def times(self, method: str, path: str) -> list[float]:
        """Return when requests whose path ends with *path* came."""
        return [seen.at for seen in self.seen if seen.method == method and seen.path.lower().endswith(path.lower())]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        seen = Seen(scope["method"], scope["path"], self.clock.elapsed)
        self.seen.append(seen)
        if self.latency_s:
            await self.clock.sleep(self.latency_s)
        planned = self._planned(seen)
        if planned is None:
            await self.app(scope, receive, send)
        else:
            planned.times -= 1
            await planned.fault(send, lambda: self.app(scope, receive, send))
        seen.until = self.clock.elapsed

    def _planned(self, seen: Seen) -> Planned | None:
        for planned in self.faults:
            is_meant = planned.method == seen.method and seen.path.lower().endswith(planned.path)
            if planned.times > 0 and is_meant:
                return planned
        return None


async def respond(send: Any, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
    """Send an answer."""
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


def says(status: int, body: Any = None, **headers: str) -> Fault:
    """Answer, and let the service know nothing of it; bytes go as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""

    async def fault(send: Any, forward: Forward) -> None:
        await respond(send, status, content, named)

    return fault


def refuses(status: int, code: str, message: str = "no", **headers: str) -> Fault:
    """Answer with an ARM error."""
    return says(status, {"error": {"code": code, "message": message}}, **headers)


def breaks(*, after: bool) -> Fault:
    """Break the connection, before the service acts or after it did."""

    async def fault(send: Any, forward: Forward) -> None:
        if after:
            await forward()
        error = "reset"
        raise httpx.ReadError(error)

    return fault


@dataclass(slots=True)
class Bench:
    """
    The stages, the service and the clock of one test.

    Attributes:
        desired: What the manifests state.
        clock: Moves only when everything rests.
        service: Takes the requests.
        world: Of the embedded ARM.
        arm: The client.
        patience: Of applies.
    """

    desired: tuple[Desired, ...]
    clock: FakeClock
    service: Faulty
    world: World
    arm: ArmWriter
    patience: Patience
    policy: Policy = field(default_factory=Policy)

    async def observe(self, *, singly: bool = False, health: bool = False, only: str = "") -> Observation:
        """Read."""
        scope = Scope(frozenset(item.key for item in self.desired), singly, health, 4)
        chosen = [item for item in self.desired if not only or item.name == only]
        return await observe(chosen, scope, packaged().kinds, self.arm)

    async def plan(self) -> Plan:
        """Read and plan."""
        plan, _ = make_plan(self.desired, await self.observe(), self.policy)
        return plan

    async def actions(self) -> dict[str, str]:
        """Plan; give the actions by name."""
        return {change.desired.name: change.action.value for change in (await self.plan()).changes}

    def applier(self, **settings: Any) -> Applier:
        """Return what applies a plan."""
        return Applier(self.arm, self.policy, self.patience, **{"progress": Silent(), "concurrency": 4, **settings})

    async def apply(self, plan: Plan | None = None, **settings: Any) -> dict[str, Outcome]:
        """Plan and apply; give the outcomes by name."""
        plan = plan or await self.plan()
        outcomes = await self.applier(**settings).apply(plan)
        return {outcome.change.desired.name: outcome for outcome in outcomes.values()}

    async def results(self, plan: Plan | None = None, **settings: Any) -> dict[str, str]:
        """Plan and apply; give the results by name, with the code of an error."""
        outcomes = await self.apply(plan, **settings)
        return {name: told(outcome) for name, outcome in outcomes.items()}


def told(outcome: Outcome) -> str:
    """Return result and code in a word or two; where nothing was to be done any more, action and reason."""
    if outcome.result is None:
        return f"{outcome.change.action.value} {outcome.change.reason.value}"
    return f"{outcome.result.value} {outcome.error.code}" if outcome.error else outcome.result.value


class Watching:
    """Progress that keeps what it hears."""

    def __init__(self) -> None:
        """Begin."""
        self.heard: list[str] = []

    def started(self, change: Change) -> None:
        """Keep it."""
        self.heard.append(f"started {change.desired.name}")

    def noted(self, desired: Desired, text: str) -> None:
        """Keep it."""
        self.heard.append(f"noted {desired.name}: {text}")

    def finished(self, outcome: Outcome) -> None:
        """Keep it."""
        self.heard.append(f"finished {outcome.change.desired.name} {told(outcome)}")


def manifest(kind: str, name: str, spec: Mapping[str, Any], wave: int = 0, *, paused: bool = False) -> Manifest:
    """Return a manifest, as valid as its spec is."""
    annotations = {"reconciler.dev/wave": str(wave), "reconciler.dev/paused": str(paused).lower()}
    at = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": "rg"}
    source = Source(f"{name}.yaml", 1, 0)
    return Manifest(packaged().kinds[kind], name, {}, annotations, {**at, **spec}, source, lambda _: (1, 1))


def gallery(name: str = "tools", wave: int = 0, *, paused: bool = False, **properties: Any) -> Manifest:
    """Return a gallery."""
    spec = {"galleryName": name, "location": "West US", "properties": properties}
    return manifest("Gallery", name, spec, wave, paused=paused)


def application(
    name: str = "agent", wave: int = 0, gallery: str = "tools", *, paused: bool = False, **properties: Any
) -> Manifest:
    """Return an application."""
    names = {"galleryName": gallery, "galleryApplicationName": name}
    spec = {**names, "location": "West US", "properties": {"supportedOSType": "Linux", **properties}}
    return manifest("GalleryApplication", name, spec, wave, paused=paused)


def version(number: str = "1.0.0", wave: int = 0, application: str = "agent", **profile: Any) -> Manifest:
    """Return a version, called by its application and number."""
    names = {
        "galleryName": "tools",
        "galleryApplicationName": application,
        "galleryApplicationVersionName": number,
    }
    stated = {"source": {"mediaLink": LINK}, "manageActions": {"install": "sh install", "remove": "sh remove"}}
    properties = {"publishingProfile": {**stated, **profile}}
    spec = {**names, "location": "West US", "properties": properties}
    return manifest("GalleryApplicationVersion", f"{application}-{number}", spec, wave)


def definition(name: str = "suite", wave: int = 0, **properties: Any) -> Manifest:
    """Return a definition."""
    package = {"packageFileUri": "https://packages.blob.core.windows.net/suite/app.zip?sig=CANARY"}
    fixed = {"lockLevel": "None", "displayName": "Suite", "description": "A suite", "authorizations": []}
    spec = {
        "applicationDefinitionName": name,
        "location": "West US",
        "properties": {**fixed, **package, **properties},
    }
    return manifest("ApplicationDefinition", name, spec, wave)


def desired_of(*manifests: Manifest) -> tuple[Desired, ...]:
    """Return what manifests desire."""
    desired, problems = resolve(manifests, packaged().kinds)
    assert not problems
    return desired


@asynccontextmanager
async def bench(
    *manifests: Manifest, interval_s: float = 15, timeout_s: float = 3600, operation_s: float = 60
) -> AsyncIterator[Bench]:
    """Yield a fresh service whose long operations take a minute, and what *manifests* desire of it."""
    clock = FakeClock()
    app = create_app(EmulatorSettings(operation_seconds=operation_s), clock)
    service = Faulty(app, clock)
    transport = Transport.open("http://localhost", ARM, NoToken(), clock, environ={}, app=service)
    arm = ArmWriter(transport, Retrier(clock, chance=Largest()))
    patience = Patience(clock, interval_s, timeout_s, asyncio.Event())
    yield Bench(desired_of(*manifests), clock, service, app.state.world, arm, patience)
    await transport.close()
    app.state.world.close()


def restated(test: Bench, *manifests: Manifest) -> Bench:
    """Return the same bench with other manifests."""
    desired, _ = resolve(manifests, packaged().kinds)
    return replace(test, desired=desired)
