"""When a request is sent again, to the second."""

from __future__ import annotations

import asyncio
import itertools
from random import Random
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.errors import RejectedError, RequestError, TransientError
from reconciler.http.concurrency import run_all
from reconciler.http.retry import Retrier
from reconciler.http.retry_policy import Policy
from tests.kit.arm import RESOURCE, VERSION, Wire, answer, client, found, refused
from tests.kit.clock import FakeClock
from tests.kit.loops import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.errors import ErrorInfo

THROTTLED = refused(429, "TooManyRequests", Retry_After="17")
BROKEN = httpx.ReadError("reset")


def read_at(*script: httpx.Response | Exception) -> list[float]:
    """Read through *script*; give the times of the requests."""
    wire = Wire(FakeClock(), *script)
    run(client(wire).get(RESOURCE, VERSION))
    return wire.times


def fail_at(*script: httpx.Response | Exception) -> tuple[list[float], RequestError]:
    """Read through *script*, which never comes to good; give the times of the requests, and the error."""
    wire = Wire(FakeClock(), *script)
    with pytest.raises(RequestError) as caught:
        run(client(wire).get(RESOURCE, VERSION))
    return wire.times, caught.value


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_server_errors_back_off(status: int) -> None:
    """Waits double: 1, 2, 4, 8 s, with the chance at its upper bound."""
    assert read_at(*[answer(status)] * 4, found()) == [0, 1, 3, 7, 15]


def test_five_tries() -> None:
    """Then the last error is told, with its request."""
    times, error = fail_at(refused(503, "ServerBusy", "busy", x_ms_request_id="r-9"))
    assert times == [0, 1, 3, 7, 15]
    assert (error.info.code, error.info.message, error.info.request_id) == ("ServerBusy", "busy", "r-9")


def test_waits_are_capped() -> None:
    """No wait of ours is longer than the cap."""
    wire = Wire(FakeClock(), answer(500))
    arm = client(wire)
    arm.retrier.policy = Policy(cap_s=3.0)
    with pytest.raises(TransientError):
        run(arm.get(RESOURCE, VERSION))
    assert [later - earlier for earlier, later in itertools.pairwise(wire.times)] == [1, 2, 3, 3]


def test_waits_are_drawn() -> None:
    """Without a fixed chance, waits lie anywhere between nothing and their bound."""
    clock = FakeClock()
    arm = client(Wire(clock, answer(500)))
    arm.retrier = Retrier(clock)
    with pytest.raises(TransientError):
        run(arm.get(RESOURCE, VERSION))
    assert len(set(clock.slept)) == 4
    assert all(0 <= slept <= bound for slept, bound in zip(clock.slept, (1, 2, 4, 8), strict=True))


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        BROKEN,
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_broken_connections(error: Exception) -> None:
    """A read whose answer was lost is sent again."""
    assert read_at(error, error, found()) == [0, 1, 3]


def test_unreachable() -> None:
    """A read that never gets an answer ends."""
    times, error = fail_at(BROKEN)
    assert len(times) == 5
    assert error.info.code == "Unreachable"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "600"}, 600),
        ({"retry-after-ms": "2500"}, 2.5),
        ({"Retry-After": "Sat, 21 Nov 2026 20:25:42 GMT"}, 42),
        ({"Retry-After": "-5"}, 1),
        ({"Retry-After": "abc"}, 1),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "Fri, 20 Nov 2026 20:25:42 GMT"}, 1),
        ({}, 1),
    ],
)
def test_throttled(headers: dict[str, str], wait: float) -> None:
    """Retry-After is obeyed to the second; without one that makes sense, the own wait holds: never none at all."""
    assert read_at(httpx.Response(429, headers=headers), found()) == [0, wait]


def test_server_error_with_retry_after() -> None:
    """Retry-After holds for server errors too."""
    assert read_at(answer(503, Retry_After="17"), found()) == [0, 17]
    assert read_at(answer(503, Retry_After="0"), found()) == [0, 1]


@pytest.mark.parametrize(
    "retry_after", ["601", "86400", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 400], ids=["cap", "day", "date", "digits"]
)
def test_retry_after_past_the_cap(retry_after: str) -> None:
    """Who would have to wait too long fails at once."""
    times, error = fail_at(refused(429, "TooManyRequests", Retry_After=retry_after))
    assert times == [0]
    assert error.info.code == "TooManyRequests"


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_refusals_are_not_repeated(status: int) -> None:
    """Not even if they carry Retry-After."""
    times, error = fail_at(refused(status, "No", Retry_After="1"))
    assert times == [0]
    assert isinstance(error, RejectedError)


def read_all(wire: Wire, *ids: str) -> list[object]:
    """Read several resources at once."""
    arm = client(wire)

    async def gather() -> list[object]:
        return list(await asyncio.gather(*(arm.get(each, VERSION) for each in ids), return_exceptions=True))

    return run(gather())


def by_path(clock: FakeClock, throttled: httpx.Response, times: int = 1) -> Wire:
    """Return a wire that throttles the first requests and finds the resource of every later one."""
    return Wire(clock, *[throttled] * times, lambda request: found(request.url.path))


def test_a_window_is_shared() -> None:
    """A throttled read holds up every read of its subscription, and nothing else; one goes ahead of the others."""
    clock = FakeClock()
    wire = by_path(clock, THROTTLED)
    arm = client(wire)

    async def scenario() -> None:
        first = asyncio.ensure_future(arm.get(RESOURCE, VERSION))
        await clock.sleep(1)
        await asyncio.gather(
            arm.get(RESOURCE + "2", VERSION),
            arm.get(RESOURCE.replace("/s1/", "/s2/"), VERSION),
            arm.put(RESOURCE, VERSION, {}),
            first,
        )

    run(scenario())
    seen = sorted(zip(wire.times, wire.sent, strict=True))
    assert seen == [
        (0, f"GET {RESOURCE}"),
        (1, f"GET {RESOURCE.replace('/s1/', '/s2/')}"),
        (1, f"PUT {RESOURCE}"),
        (17, f"GET {RESOURCE}"),
        (27, f"GET {RESOURCE}2"),
    ]


def test_a_longer_window_wins() -> None:
    """Of two windows of one scope the later end counts."""
    clock = FakeClock()
    wire = Wire(clock, refused(429, "T", Retry_After="40"), THROTTLED, lambda request: found(request.url.path))
    wire.latency_s = 1
    read_all(wire, RESOURCE, RESOURCE + "2")
    assert wire.times == [0, 0, 41, 51]


def test_a_window_past_the_cap_is_shared() -> None:
    """No request is sent within it: one that would wait too long fails with ARM's error, the others wait."""
    clock = FakeClock()
    wire = by_path(clock, refused(429, "TooManyRequests", "slow down", Retry_After="3600"))
    arm = client(wire)

    async def scenario() -> None:
        for moment in (0, 10):
            await clock.sleep(moment)
            with pytest.raises(TransientError, match="TooManyRequests: slow down") as caught:
                await arm.get(RESOURCE, VERSION)
            assert caught.value.retry_after_s == 3600 - moment
        await arm.get(RESOURCE.replace("/s1/", "/s2/"), VERSION)
        await clock.sleep(3000)
        await arm.get(RESOURCE, VERSION)

    run(scenario())
    assert wire.times == [0, 10, 3600]


def test_the_last_try_holds_the_others() -> None:
    """A request that has no try left still tells the others when ARM may be asked again."""
    clock = FakeClock()
    wire = by_path(clock, THROTTLED, times=2)
    arm = client(wire, tries=2)

    async def scenario() -> None:
        with pytest.raises(TransientError):
            await arm.get(RESOURCE, VERSION)
        await arm.get(RESOURCE, VERSION)

    run(scenario())
    assert wire.times == [0, 17, 34]


def test_a_throttled_write_is_repeated() -> None:
    """ARM did not act on it, and a second later what it is built from is as fresh as before."""
    wire = Wire(FakeClock(), refused(429, "T"), answer(200, {}))
    run(client(wire).put(RESOURCE, VERSION, {}))
    assert wire.times == [0, 1]


def test_a_write_that_arm_put_off_is_not() -> None:
    """By then what it is built from is old: who sent it must read first."""
    wire = Wire(FakeClock(), THROTTLED)
    with pytest.raises(TransientError) as caught:
        run(client(wire).put(RESOURCE, VERSION, {}))
    assert (wire.times, caught.value.may_have_landed, caught.value.retry_after_s) == ([0], False, 17)


@pytest.mark.parametrize("lost", [answer(500), answer(503, Retry_After="5"), answer(408), BROKEN])
def test_a_lost_write_is_not(lost: httpx.Response | Exception) -> None:
    """ARM may have acted on it: who sent it must read first."""
    wire = Wire(FakeClock(), lost)
    with pytest.raises(TransientError) as caught:
        run(client(wire).put(RESOURCE, VERSION, {}))
    assert wire.times == [0]
    assert caught.value.may_have_landed


def read_many(wire: Wire, many: int, limit: int = 16, seed: int = 1) -> list[ErrorInfo]:
    """Read many resources with drawn waits, some at the same time; give what failed."""
    arm = client(wire)
    arm.retrier = Retrier(wire.clock, chance=Random(seed))
    failed: list[ErrorInfo] = []

    async def read(name: int) -> None:
        try:
            await arm.get(f"{RESOURCE}{name}", VERSION)
        except TransientError as error:
            failed.append(error.info)

    run(run_all((read(name) for name in range(many)), limit))
    return failed


def until(moment: float, clock: FakeClock, down: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    """Answer *down* until a moment, and find everything from then on."""

    def step(request: httpx.Request) -> httpx.Response:
        if clock.elapsed < moment:
            return httpx.Response(down.status_code, headers=down.headers, content=down.content)
        return found(request.url.path)

    return step


@pytest.mark.parametrize("latency", [0.0, 0.2, 1.0, 3.0, 20.0])
@pytest.mark.parametrize(
    "down", [BROKEN, httpx.ConnectTimeout("slow"), answer(502), refused(503, "ServerBusy", "busy")]
)
@pytest.mark.parametrize(
    ("many", "limit"),
    [
        (16, 16),
        (400, 16),
        *(pytest.param(many, limit, marks=pytest.mark.slow) for many, limit in ((400, 1), (400, 64), (1000, 256))),
    ],
)
def test_wholly_down(latency: float, down: httpx.Response | Exception, many: int, limit: int) -> None:
    """Then fifty requests are too many, however much there is to do at a time, and it is over within two minutes."""
    clock = FakeClock()
    wire = Wire(clock, down)
    wire.latency_s = latency
    failed = read_many(wire, many, limit)
    assert len(failed) == many
    assert len(wire.times) <= 50
    assert clock.elapsed <= 120


def test_wholly_down_is_told() -> None:
    """What was never sent fails with what ARM said last, and with the request that it said it to."""
    wire = Wire(FakeClock(), BROKEN, refused(503, "ServerBusy", "busy", x_ms_request_id="r-9"))
    failed = read_many(wire, 400)
    assert {(info.code, info.message, info.request_id) for info in failed[-300:]} == {("ServerBusy", "busy", "r-9")}


def test_a_write_that_was_not_sent_has_not_landed() -> None:
    """Once the outage is known, a refused write needs no read to see whether it landed."""
    wire = Wire(FakeClock(), BROKEN)
    arm = client(wire)

    async def scenario() -> list[bool]:
        landed = []
        for _ in range(40):
            with pytest.raises(TransientError) as caught:
                await arm.put(RESOURCE, VERSION, {})
            landed.append(caught.value.may_have_landed)
        return landed

    landed = run(scenario())
    assert landed == [place < len(wire.times) for place in range(40)]
    assert len(wire.times) <= 30


@pytest.mark.parametrize("down_s", [1, 5, 20, 40])
@pytest.mark.parametrize("down", [answer(503), refused(500, "InternalServerError")])
def test_a_short_outage(down_s: float, down: httpx.Response) -> None:
    """ARM is asked now and then whether it is back, by one request at a time; then everything goes on."""
    clock = FakeClock()
    wire = Wire(clock, until(down_s, clock, down))
    wire.latency_s = 0.1
    failed = read_many(wire, 400)
    assert len(failed) <= 5
    assert len([at for at in wire.times if at < down_s]) <= 50
    assert clock.elapsed <= down_s + 30


def test_a_blink() -> None:
    """However many were in flight when ARM was gone for two seconds, they are sent again."""
    clock = FakeClock()
    wire = Wire(clock, until(2, clock, answer(503)))
    wire.latency_s = 0.2
    assert len(read_many(wire, 400, limit=64)) <= 44  # those that find the budget of 20 and some used up


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_one_of_ten_fails(seed: int) -> None:
    """Everything is read in the end, with few requests sent again."""
    clock, chance = FakeClock(), Random(seed)

    def step(request: httpx.Request) -> httpx.Response:
        return found(request.url.path) if chance.random() >= 0.1 else answer(503)

    wire = Wire(clock, step)
    wire.latency_s = 0.05
    assert (
        len(read_many(wire, 1000, seed=seed)) <= 1
    )  # five failures in a row have a chance of one in a hundred thousand
    assert len(wire.times) <= 1200


@pytest.mark.slow
def test_the_budget() -> None:
    """Of a run in which every other resource fails, most are told at once what ARM said, and the others are read."""

    def step(request: httpx.Request) -> httpx.Response:
        if int(request.url.path.removeprefix(RESOURCE)) % 2:
            return found(request.url.path)
        return refused(503, "ServerBusy", "busy", x_ms_request_id="r-9")

    wire = Wire(FakeClock(), step)
    failed = read_many(wire, 1000)
    assert [(info.code, info.request_id) for info in failed] == [("ServerBusy", "r-9")] * 500
    assert 1000 + 20 < len(wire.times) <= (1000 + 21) / 0.85


@pytest.mark.slow
def test_being_throttled_costs_no_budget() -> None:
    """What ARM asks for is done, as often as it asks; it is not down."""
    clock = FakeClock()

    def step(request: httpx.Request) -> httpx.Response:
        first = wire.sent.count(f"GET {request.url.path}") == 1
        return answer(429, Retry_After="1") if first else found(request.url.path)

    wire = Wire(clock, step)
    assert read_many(wire, 200) == []
    assert len(wire.times) == 400


@pytest.mark.parametrize("seed", range(5))
def test_throttled_for_minutes(seed: int) -> None:
    """Nothing is sent within any window; at the end of one, one goes ahead, and the others follow over seconds."""
    clock = FakeClock()
    windows: list[tuple[float, float]] = []

    def step(request: httpx.Request) -> httpx.Response:
        if clock.elapsed < 300:
            windows.append((clock.elapsed, clock.elapsed + 30))
            return answer(429, Retry_After="30")
        return found(request.url.path)

    wire = Wire(clock, step)
    wire.latency_s = 0.2
    failed = read_many(wire, 64, seed=seed)
    assert len(failed) <= 3
    assert [at for at in wire.times if any(start < at < end for start, end in windows)] == []
    assert len(windows) <= 16 + 2 * 10
    last = max(end for _, end in windows)
    waited = sorted(at for at in wire.times if at >= last)[:10]
    assert waited[-1] - waited[0] >= 1
    assert max(later - earlier for earlier, later in itertools.pairwise(waited)) < 8


def test_the_herd_is_spread() -> None:
    """Those that waited for the end of a window need five seconds and more to leave."""
    clock = FakeClock()
    wire = by_path(clock, refused(429, "T", Retry_After="30"), times=16)
    wire.latency_s = 0.5
    assert read_many(wire, 16) == []
    again = sorted(wire.times)[16:]
    assert (len(again), again[0]) == (16, 30.5)
    assert again[1] >= 31.5
    assert 35.5 <= again[-1] <= 40.5


def test_throttled_for_ever() -> None:
    """After twenty minutes of refusals the rest is told so at once."""
    clock = FakeClock()
    failed = read_many(Wire(clock, refused(429, "TooManyRequests", "slow", Retry_After="30")), 400)
    assert {info.code for info in failed} == {"TooManyRequests"}
    assert len(failed) == 400
    assert clock.elapsed <= 1300


BUSY = answer(429, Retry_After="100")


@pytest.mark.parametrize("script", [(BUSY, *[answer(503)] * 3), (answer(503), BUSY, answer(503))])
def test_what_is_no_outage(script: tuple[httpx.Response, ...]) -> None:
    """Refusals before some failures are none, nor are two failures, however far apart."""
    assert read_at(*script, found())[-1] >= 100
