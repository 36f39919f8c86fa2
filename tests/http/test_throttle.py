"""The client slows down before ARM refuses it, and only then."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.azure.limits import remaining
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.http.concurrency import run_all
from reconciler.http.retry import Retrier
from reconciler.http.throttle import NOTHING_SAID, Lane, Throttle
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from tests.kit.arm import RESOURCE, VERSION, Largest, Wire, answer, client
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.service import GALLERY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

READS = "x-ms-ratelimit-remaining-subscription-reads"
WRITES = "x-ms-ratelimit-remaining-subscription-writes"
RESOURCES = "x-ms-ratelimit-remaining-resource"
LIST = Lane("s1", write=False, route="microsoft.compute/galleries")
PUT = Lane("s1", write=True, route="microsoft.compute/galleries/*")


class Bucket:
    """ARM as it counts: a bucket that is refilled, and a refusal when it is empty."""

    def __init__(self, clock: FakeClock, size: int, per_second: int, direction: str) -> None:
        """Fill it."""
        self.clock, self.size, self.per_second, self.direction = clock, size, per_second, direction
        self.tokens = float(size)
        self.at = 0.0
        self.refused = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take a token and answer with an empty list."""
        self.tokens = min(self.size, self.tokens + (self.clock.elapsed - self.at) * self.per_second)
        self.at = self.clock.elapsed
        if self.tokens < 1:
            self.refused += 1
            return answer(429, Retry_After="17")
        self.tokens -= 1
        left = {f"x-ms-ratelimit-remaining-subscription-{self.direction}": str(int(self.tokens))}
        return httpx.Response(200, json={"value": []}, headers=left)


async def _times(many: int, work: Callable[[], Awaitable[object]], limit: int) -> None:
    async def one() -> None:
        await work()

    await run_all((one() for _ in range(many)), limit)


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.0, 0.05, 0.3, 2.0])
@pytest.mark.parametrize("limit", [1, 16, 64])
def test_many_lists(latency: float, limit: int) -> None:
    """600 of them against 250 and 25 each second: none is refused, and none waits longer than it has to."""
    clock = FakeClock()
    bucket = Bucket(clock, 250, 25, "reads")
    wire = Wire(clock, bucket)
    wire.latency_s = latency
    arm = client(wire)
    run(_times(600, lambda: arm.list(RESOURCE, VERSION), limit))
    assert (bucket.refused, len(wire.times)) == (0, 600)
    unpaced = 600 / limit * latency
    assert clock.elapsed <= max(unpaced * 1.2, (600 - 250) / 25 * 1.2 + 2 + 2 * latency)


@pytest.mark.parametrize("latency", [0.0, 0.3, 15.0])
def test_many_writes(latency: float) -> None:
    """Writes are paced by their own bucket."""
    clock = FakeClock()
    bucket = Bucket(clock, 200, 10, "writes")
    wire = Wire(clock, bucket)
    wire.latency_s = latency
    arm = client(wire)
    run(_times(400, lambda: arm.put(RESOURCE, VERSION, {}), 16))
    assert (bucket.refused, len(wire.times)) == (0, 400)


def test_a_bucket_that_others_drank_from() -> None:
    """What counts is what the header says, not what was sent."""
    clock = FakeClock()
    bucket = Bucket(clock, 250, 25, "reads")
    bucket.tokens = 30
    wire = Wire(clock, bucket)
    wire.latency_s = 0.1
    arm = client(wire)
    run(_times(100, lambda: arm.list(RESOURCE, VERSION), 16))
    assert bucket.refused == 0


@pytest.mark.parametrize("headers", [{}, {READS: "249"}, {READS: "junk"}, {READS: "-1"}, {RESOURCES: "junk;;,"}])
def test_no_reason_to_wait(headers: dict[str, str]) -> None:
    """A full bucket, or one that no answer reports, delays no request."""
    clock = FakeClock()
    arm = client(Wire(clock, httpx.Response(200, json={"value": []}, headers=headers)))
    run(_times(600, lambda: arm.list(RESOURCE, VERSION), 16))
    assert clock.slept == []


def ask(throttle: Throttle, lane: Lane, now: float, **headers: str) -> float:
    """Send one request that is answered at once; give how long it had to wait."""
    wait = throttle.begin(lane, now)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    throttle.end(lane, remaining(named, lane), now + wait)
    return wait


@pytest.mark.parametrize(
    ("left", "in_flight", "wait"), [(100, 0, 0), (21, 0, 0), (20, 0, 0.04), (0, 0, 0.84), (40, 19, 0), (40, 24, 0.2)]
)
def test_the_reserve(left: int, in_flight: int, wait: float) -> None:
    """The last twenty tokens are kept; requests that are in flight have taken theirs."""
    throttle = Throttle()
    ask(throttle, LIST, 0, **{READS: str(left)})
    for _ in range(in_flight):
        throttle.begin(LIST, 0)
    assert throttle.begin(LIST, 0) == pytest.approx(wait)


def test_scopes() -> None:
    """Reads and writes, and subscriptions, have buckets of their own."""
    throttle = Throttle()
    ask(throttle, LIST, 0, **{READS: "0"})
    assert throttle.begin(PUT, 0) == 0
    assert throttle.begin(Lane("s2", write=False, route=LIST.route), 0) == 0
    assert throttle.begin(Lane("s1", write=False, route="other"), 0) > 0


def test_the_tenant() -> None:
    """Requests of the tenant have a header of their own; of two the lower counts."""
    throttle = Throttle()
    ask(throttle, Lane(""), 0, **{"x-ms-ratelimit-remaining-tenant-reads": "0", READS: "200"})
    assert throttle.begin(Lane(""), 0) == pytest.approx(0.84)


def test_refill() -> None:
    """Time fills the bucket; an answer that was lost took its token."""
    throttle = Throttle()
    ask(throttle, LIST, 0, **{READS: "0"})
    assert ask(throttle, LIST, 10) == 0
    waits = [ask(throttle, LIST, 10) for _ in range(250)]
    assert waits[228] == 0 < waits[229]


def test_windows_of_a_provider() -> None:
    """When a window is used up, the next call waits until the first has left it, the one after for the second."""
    throttle = Throttle()
    for second in range(5):
        left = f"Microsoft.Compute/CreateUpdateGallery3Min;{4 - second},Microsoft.Compute/CreateUpdateGallery30Min;100"
        assert ask(throttle, PUT, second, **{RESOURCES: left}) == 0
    assert throttle.begin(PUT, 10) == 170
    assert throttle.begin(PUT, 10) == 171
    assert throttle.begin(PUT, 500) == 0
    assert throttle.begin(Lane("s1", write=True, route="microsoft.compute/galleries/*/applications/*"), 10) == 0


@pytest.mark.parametrize("minutes", [30, 99])
def test_a_window_too_long_to_wait_for(minutes: int) -> None:
    """The request is sent, and ARM says itself when it may be repeated."""
    throttle = Throttle()
    ask(throttle, PUT, 0, **{RESOURCES: f"Microsoft.Compute/X{minutes}Min;0"})
    assert throttle.begin(PUT, 1) == 0
    throttle.end(PUT, NOTHING_SAID, 1)
    assert throttle.begin(PUT, 1300) == 500


def test_windows_that_others_used_up() -> None:
    """The end of their window is unknown: a PUT waits until the run's own calls have left it."""
    throttle = Throttle()
    ask(throttle, PUT, 0, **{RESOURCES: "Microsoft.Compute/X3Min;0"})
    assert [throttle.begin(PUT, 10) for _ in range(3)] == [170, 170, 170]


class Embedded:
    """The embedded ARM that enforces its limits, and what it answers."""

    def __init__(self) -> None:
        """Begin with full buckets."""
        self.clock = FakeClock()
        self.statuses: list[int] = []
        self.app = create_app(EmulatorSettings(throttle=True), self.clock)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take some time."""

        async def note(message: Any) -> None:
            if "status" in message:
                self.statuses.append(message["status"])
            await send(message)

        await self.clock.sleep(0.02)
        await self.app(scope, receive, note)

    def ask(self, work: Callable[[ArmWriter], Awaitable[None]]) -> None:
        """Let a client speak to it."""

        async def scenario() -> None:
            transport = Transport.open("http://localhost", ARM, NoToken(), self.clock, environ={}, app=self)
            await work(ArmWriter(transport, Retrier(self.clock, chance=Largest())))
            await transport.close()
            self.app.state.world.close()

        asyncio.run(scenario())


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [16, 64])
def test_the_embedded_arm(concurrency: int) -> None:
    """400 lists are more than its bucket holds: none is refused."""
    arm = Embedded()
    arm.ask(lambda to: _times(400, lambda: to.list(GALLERY.rpartition("/")[0], VERSION), concurrency))
    assert arm.statuses == [200] * 400
    assert 5 <= arm.clock.elapsed <= 12


@pytest.mark.slow
def test_the_windows_of_the_embedded_arm() -> None:
    """Of one gallery 350 reads in three minutes are allowed; the others wait for them, and lists need not."""
    arm = Embedded()

    async def work(to: ArmWriter) -> None:
        await to.put(GALLERY, VERSION, {"location": "westus"})
        await arm.clock.sleep(60)
        await _times(400, lambda: to.get(GALLERY, VERSION), 16)

    arm.ask(work)
    assert len(arm.statuses) == 401
    assert max(arm.statuses) < 300
    assert 60 + 180 <= arm.clock.elapsed <= 60 + 190


def test_times_are_even() -> None:
    """Requests that are paced leave one by one, about as often as tokens come."""
    clock = FakeClock()
    bucket = Bucket(clock, 20, 25, "reads")
    wire = Wire(clock, bucket)
    wire.latency_s = 0.01
    arm = client(wire)
    run(_times(200, lambda: arm.list(RESOURCE, VERSION), 8))
    gaps = [later - earlier for earlier, later in itertools.pairwise(wire.times[60:])]
    assert bucket.refused == 0
    assert max(gaps) < 0.1
