"""Big estates, an ARM with limits, and failures in number; the clock is virtual, the client and the ARM are whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest

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
from reconciler.model.change import Sync
from reconciler.plan.decide import Policy, make_plan
from reconciler.runtime.progress import Silent
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.service import application, gallery, respond, told, version
from tests.kit.stages import resolve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.problems import Manifest

    Answering = Callable[["Estate", Any, Any, Any], Awaitable[bool]]

VERSIONS = 24
"""Of each application."""


@pytest.fixture
def applications(request: pytest.FixtureRequest) -> int:
    """Return how many applications are written: a tenth, unless ``make scale`` asks for all."""
    return int(request.config.getoption("--applications", 40))


async def _nothing(whole: Estate, scope: Any, receive: Any, send: Any) -> bool:
    """Leave every request to ARM."""
    return False


@dataclass(slots=True)
class Estate:
    """
    Manifests, an embedded ARM with limits, and what it was asked.

    Attributes:
        answers: Asked before ARM is; tells whether it has answered in its stead.
        asked: Methods and paths of the requests.
        answered: How many requests had which method and status.
        failed: How many requests a test let fail.
    """

    manifests: tuple[Manifest, ...]
    desired: tuple[Desired, ...]
    clock: FakeClock
    app: Any
    answers: Answering = _nothing
    asked: list[tuple[str, str]] = field(default_factory=list)
    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request in 50 ms."""

        async def note(message: Any) -> None:
            if "status" in message:
                self.answered[scope["method"], message["status"]] += 1
            await send(message)

        self.asked.append((scope["method"], scope["path"]))
        await self.clock.sleep(0.05)
        if not await self.answers(self, scope, receive, note):
            await self.app(scope, receive, note)

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.asked)

    @property
    def throttled(self) -> int:
        """How many of them ARM refused as too many."""
        return sum(count for (_, status), count in self.answered.items() if status == 429)

    def seed(self) -> None:
        """Let everything be there already, as the manifests state it."""
        stated = zip(self.desired, self.manifests, strict=True)
        world = self.app.state.world
        world.seed(
            (item.id, {key: value for key, value in made.spec.items() if key not in item.kind.parameters})
            for item, made in stated
        )

    async def plan(self, concurrency: int = 16) -> Plan:
        """Read and plan."""
        async with self._arm() as arm:
            return await self._plan(arm, concurrency)

    async def apply(self, concurrency: int = 16) -> Counter[str]:
        """Plan and apply; give how many came to what."""
        async with self._arm() as arm:
            plan = await self._plan(arm, concurrency)
            patience = Patience(self.clock, 15, 3600, asyncio.Event())
            outcomes = await Applier(arm, Policy(), patience, Silent(), concurrency).apply(plan)
        return Counter(map(told, outcomes.values()))

    async def _plan(self, arm: ArmWriter, concurrency: int) -> Plan:
        scope = Scope(frozenset(item.key for item in self.desired), concurrency=concurrency)
        plan, _ = make_plan(self.desired, await observe(self.desired, scope, packaged().kinds, arm), Policy())
        return plan

    @asynccontextmanager
    async def _arm(self) -> AsyncIterator[ArmWriter]:
        transport = Transport.open("http://localhost", ARM, NoToken(), self.clock, environ={}, app=self)
        yield ArmWriter(transport, Retrier(self.clock, chance=Random(1)))
        await transport.close()


@asynccontextmanager
async def estate(applications: int, versions: int = VERSIONS) -> AsyncIterator[Estate]:
    """Yield a gallery with applications and their versions, and an ARM that has none of them yet."""
    names = [f"app{number}" for number in range(applications)]
    numbers = [f"1.0.{number}" for number in range(versions)]
    below = (version(number, application=name) for name in names for number in numbers)
    manifests = (gallery(), *map(application, names), *below)
    desired, problems = resolve(manifests, packaged().kinds)
    assert not problems
    clock = FakeClock()
    app = create_app(EmulatorSettings(throttle=True, operation_seconds=60), clock)
    yield Estate(manifests, desired, clock, app)
    app.state.world.close()


@pytest.mark.parametrize("concurrency", [16, 256])
def test_ten_thousand_in_sync(concurrency: int) -> None:
    """They are read by lists alone, fast enough to matter and too slow to be refused; nothing is to be written."""

    async def scenario() -> None:
        async with estate(400) as whole:
            whole.seed()
            plan = await whole.plan(concurrency)
            assert len(plan.changes) == 10_001
            assert {change.sync for change in plan.changes} == {Sync.IN_SYNC}
            assert plan.puts == 0
            lists = [path for _, path in whole.asked if path.endswith(("/applications", "/versions"))]
            assert len(lists) == 4 + 400  # pages of a hundred applications, and the versions of each
            assert whole.answered == {("GET", 200): len(lists) + 1}  # of a gallery there is no list to read
            assert (400 - 250) / 25 <= whole.clock.elapsed <= 12

    run(scenario())


async def _fail(ways: Mapping[str, int], whole: Estate, scope: Any, receive: Any, send: Any) -> bool:
    """Fail the PUTs of some for ever: with a server error, with a refusal, or at the end of the operation."""
    way = ways.get(scope["path"].lower()) if scope["method"] == "PUT" else None
    if way == 0:
        await respond(send, 503)
    elif way == 1:
        await respond(send, 400, b'{"error": {"code": "InvalidParameter", "message": "no"}}')
    elif way is not None:
        whole.app.state.world.fail_next(scope["path"], "ImageError", "no")
    return way in {0, 1}


def test_one_of_ten_fails_for_ever(applications: int) -> None:
    """The others are done, with hardly more requests than if nothing failed; and nothing is asked for too often."""

    async def scenario() -> None:
        async with estate(applications) as whole:
            assert await whole.apply() == {"succeeded": len(whole.desired)}
            assert whole.throttled <= 0.005 * whole.requests  # as the limit of half an hour is used up
            clean = whole.requests
        async with estate(applications) as whole:
            versions = [item.id.lower() for item in whole.desired if item.depth == 2]
            bad = Random(1).sample(versions, applications * 5 // 2)
            ways = {path: place % 3 for place, path in enumerate(bad)}
            whole.answers = partial(_fail, ways)
            came_to = await whole.apply()
            assert came_to.pop("succeeded") == len(whole.desired) - len(bad)
            assert set(came_to) == {"failed Http503", "failed InvalidParameter", "failed ImageError"}
            assert whole.throttled <= 0.005 * whole.requests
            assert whole.requests <= 1.1 * clean

    run(scenario())


async def _err(chance: Random, whole: Estate, scope: Any, receive: Any, send: Any) -> bool:
    """Fail one of ten requests, some of them after ARM has acted."""
    if chance.random() >= 0.1:
        return False
    whole.failed += 1
    if chance.random() < 0.5:
        await respond(send, chance.choice((500, 502, 503, 504)))
        return True
    if chance.random() < 0.5:
        await whole.app(scope, receive, _drop)
    error = "reset"
    raise httpx.ReadError(error)


async def _drop(message: Any) -> None:
    """Let an answer get lost."""


@pytest.mark.parametrize("seed", range(2))
def test_one_of_ten_requests_fails(seed: int) -> None:
    """All come to be as stated, at the latest in a second run, with few requests sent again."""

    async def scenario() -> None:
        async with estate(10) as whole:
            assert await whole.apply() == {"succeeded": len(whole.desired)}
            clean = whole.requests
        async with estate(10) as whole:
            whole.answers = partial(_err, Random(seed))
            came_to = await whole.apply()
            assert came_to["succeeded"] >= len(whole.desired) - 2
            assert whole.failed <= 0.2 * whole.requests
            assert whole.requests <= 1.2 * clean
            await whole.apply()
            whole.answers = _nothing
            assert (await whole.plan()).puts == 0

    run(scenario())


class Slow:
    """ARM to which the operation of one PUT takes half an hour."""

    def __init__(self, path: str) -> None:
        """Take the id of that resource."""
        self.path = path.lower()
        self.operation = ""
        self.until = 0.0
        self.written: dict[str, float] = {}

    async def __call__(self, whole: Estate, scope: Any, receive: Any, send: Any) -> bool:
        """Note when what is written; let the operation run on."""
        path = scope["path"].lower()
        if scope["method"] == "PUT":
            self.written[path] = whole.clock.elapsed
        if path == self.operation and whole.clock.elapsed < self.until:
            await respond(send, 200, b'{"status": "InProgress"}')
            return True
        if scope["method"] != "PUT" or path != self.path:
            return False

        async def note(message: Any) -> None:
            for name, value in message.get("headers", ()):
                if name == b"azure-asyncoperation":
                    self.operation, self.until = httpx.URL(value.decode()).path.lower(), whole.clock.elapsed + 1800
            await send(message)

        await whole.app(scope, receive, note)
        return True


def test_one_slow_operation(applications: int) -> None:
    """Only what has the same single writer, the versions of that application, waits for it to end."""

    async def scenario() -> None:
        async with estate(applications, versions=3) as whole:
            await whole.apply()
            clean_s = whole.clock.elapsed
        async with estate(applications, versions=3) as whole:
            slow = Slow(next(item.id for item in whole.desired if item.depth == 2))
            whole.answers = slow
            assert await whole.apply() == {"succeeded": len(whole.desired)}
            mine = slow.path.rpartition("/versions/")[0]
            others = [at for path, at in slow.written.items() if not path.startswith(mine)]
            assert max(others) <= clean_s * 16 / 15 + 60  # one of sixteen permits is away
            assert slow.until <= whole.clock.elapsed

    run(scenario())
