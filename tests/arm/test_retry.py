"""When a request is sent again, to the second."""

from __future__ import annotations

import asyncio
import itertools

import httpx
import pytest

from reconciler.arm.retry import Retrier
from reconciler.errors import ArmError, RejectedError, TransientError
from tests.support.arm import RESOURCE, VERSION, Wire, answer, client, found, refused, run
from tests.support.clock import FakeClock

THROTTLED = refused(429, "TooManyRequests", Retry_After="17")
BROKEN = httpx.ReadError("reset")


def read_at(*script: httpx.Response | Exception) -> list[float]:
    """Read through *script*; give the times of the requests."""
    wire = Wire(FakeClock(), *script)
    run(client(wire).get(RESOURCE, VERSION))
    return wire.times


def fail_at(*script: httpx.Response | Exception, tries: int = 5) -> tuple[list[float], ArmError]:
    """Read through *script*, which never comes to good; give the times of the requests, and the error."""
    wire = Wire(FakeClock(), *script)
    with pytest.raises(ArmError) as caught:
        run(client(wire, tries=tries).get(RESOURCE, VERSION))
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
    times, _ = fail_at(answer(500), tries=8)
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [1, 2, 4, 8, 16, 30, 30]


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
    """Give a wire that throttles the first requests and finds whatever else is asked for."""
    return Wire(clock, *[throttled] * times, lambda request: found(request.url.path))


def test_a_window_is_shared() -> None:
    """A throttled read holds up every read of its subscription, and nothing else."""
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
        (17, f"GET {RESOURCE}2"),
    ]


def test_a_longer_window_wins() -> None:
    """Of two windows of one scope the later end counts."""
    clock = FakeClock()
    wire = Wire(clock, refused(429, "T", Retry_After="40"), THROTTLED, lambda request: found(request.url.path))
    wire.latency_s = 1
    read_all(wire, RESOURCE, RESOURCE + "2")
    assert wire.times == [0, 0, 41, 41]


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
    """ARM did not act on it."""
    wire = Wire(FakeClock(), THROTTLED, answer(200, {}))
    run(client(wire).put(RESOURCE, VERSION, {}))
    assert wire.times == [0, 17]


@pytest.mark.parametrize("lost", [answer(500), answer(503, Retry_After="5"), answer(408), BROKEN])
def test_a_lost_write_is_not(lost: httpx.Response | Exception) -> None:
    """ARM may have acted on it: who sent it must read first."""
    wire = Wire(FakeClock(), lost)
    with pytest.raises(TransientError) as caught:
        run(client(wire).put(RESOURCE, VERSION, {}))
    assert wire.times == [0]
    assert caught.value.may_have_landed
