"""Following an operation to its end, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.azure.client import Accepted
from reconciler.azure.polling import Interrupted
from tests.kit.arm import ENDPOINT, Wire, answer, client, patience, refused
from tests.kit.clock import FakeClock
from tests.kit.following import follow
from tests.kit.loops import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.errors import ErrorInfo

LINK = f"{ENDPOINT}/subscriptions/s1/providers/Microsoft.Compute/locations/westus/capsOperations/1?t=CANARY&h=CANARY"
SAS = "https://packages.blob.core.windows.net/agent.zip?sig=CANARY"


def state(status: str, **headers: str) -> httpx.Response:
    """Return what an operation says of itself."""
    return answer(200, {"status": status}, **headers)


def followed(*script: httpx.Response | Exception, accepted: Accepted | None = None, **settings: float) -> list[float]:
    """Follow an operation to its good end; give the times at which it was asked."""
    wire = Wire(FakeClock(), *script)
    waiting = patience(wire.clock, **settings)
    assert run(follow(client(wire), accepted or Accepted(LINK), waiting)) is None
    return [*wire.times, wire.clock.elapsed]


def ended(*script: httpx.Response | Exception, **settings: float) -> tuple[list[float], ErrorInfo]:
    """Follow an operation to its bad end; give the times at which it was asked, and the error."""
    wire = Wire(FakeClock(), *script)
    waiting = patience(wire.clock, **settings)
    error = run(follow(client(wire), Accepted(LINK), waiting))
    assert error is not None
    return [*wire.times, wire.clock.elapsed], error


def test_nothing_to_follow() -> None:
    """Without a link there is nothing to ask."""
    assert followed(answer(500), accepted=Accepted()) == [0]


def test_the_first_wait() -> None:
    """Retry-After of the PUT's own answer comes before the first look, with a link and without."""
    assert followed(state("Succeeded"), accepted=Accepted(LINK, None, 20)) == [20, 20]
    assert followed(state("Succeeded"), accepted=Accepted(None, None, 20)) == [20]


def test_intervals() -> None:
    """Looks are an interval apart, or as far apart as ARM asks."""
    running = [state("InProgress"), state("InProgress", Retry_After="40"), state("Running", Retry_After="0")]
    assert followed(*running, state("Succeeded")) == [0, 15, 55, 70, 70]


def test_never_a_busy_loop() -> None:
    """Zero seconds asked for are the interval."""
    assert followed(state("InProgress", Retry_After="0"), state("Succeeded")) == [0, 15, 15]


@pytest.mark.parametrize("word", ["Succeeded", "succeeded", "SUCCEEDED", "Completed"])
def test_good_ends(word: str) -> None:
    """Words have no case."""
    assert followed(state(word)) == [0, 0]


@pytest.mark.parametrize("word", ["Failed", "failed", "Canceled", "Cancelled"])
def test_bad_ends(word: str) -> None:
    """A failed or canceled operation is an error with ARM's words."""
    _, error = ended(state("InProgress"), answer(200, {"status": word, "error": {"code": "Boom", "message": "no"}}))
    assert (error.code, error.message) == ("Boom", "no")
    _, silent = ended(state(word))
    assert (silent.code, silent.message) == ("OperationFailed", f"the operation ended {word}")


@pytest.mark.parametrize("word", ["Replicating", "Deleting", "?", "Paused"])
def test_unknown_words_mean_running(word: str) -> None:
    """An operation in an unknown state is waited for."""
    assert followed(state(word), state("Succeeded")) == [0, 15, 15]


def test_no_secret_in_a_failure() -> None:
    """A signed link that an operation repeats is not repeated."""
    _, error = ended(answer(200, {"status": "Failed", "error": {"code": "X", "message": f"cannot read {SAS}"}}))
    assert "CANARY" not in str(error)
    assert "agent.zip" in error.message


@pytest.mark.parametrize("response", [answer(200), answer(204), answer(200, "<html>"), answer(200, {"id": "/x"})])
def test_without_a_word_the_resource_decides(response: httpx.Response) -> None:
    """``Location`` that is no longer 202 has ended; what it ended in the resource says."""
    assert followed(answer(202), response) == [0, 15, 15]


def test_not_found_at_first() -> None:
    """Right after the PUT the operation may not be known yet."""
    assert followed(*[refused(404, "NotFound")] * 4, state("Succeeded")) == [0, 15, 30, 45, 60, 60]


def test_not_found_for_good() -> None:
    """A minute later it will not come any more: the resource itself has to say how it ended."""
    assert followed(refused(404, "NotFound")) == [0, 15, 30, 45, 60, 75]


def test_after_a_refusal_the_resource_decides() -> None:
    """A run without access to operations reads their end from the resource, at least one interval later."""
    assert followed(state("InProgress"), refused(403, "AuthorizationFailed")) == [0, 15, 30]
    assert followed(refused(400, "InvalidApiVersionParameter")) == [0, 15]


def test_an_operation_that_cannot_be_asked() -> None:
    """After every retry the resource itself has to say how it ended."""
    assert followed(answer(500)) == [0, 1, 3, 7, 15, 30]
    assert followed(httpx.ReadError("reset")) == [0, 1, 3, 7, 15, 30]
    assert followed(answer(200, b"{}", Content_Encoding="br")) == [0, 15]


def test_a_foreign_operation() -> None:
    """A link that leads away is an error; nothing is sent there, and nothing of it but the host is told."""
    wire = Wire(FakeClock(), state("Succeeded"))
    waiting = patience(wire.clock)
    error = run(follow(client(wire), Accepted("https://evil.example/?t=CANARY"), waiting))
    assert error is not None
    assert error.code == "ForeignOrigin"
    assert "evil.example" in error.message
    assert wire.requests == []
    assert "CANARY" not in str(error)


def test_deadline() -> None:
    """An operation that outlives its time is told to go on without us; the last look is at the deadline."""
    times, error = ended(state("InProgress"), timeout_s=40)
    assert times == [0, 15, 30, 40, 40]
    assert error.code == "Timeout"
    assert error.fix is not None


def test_a_short_retry_after_makes_no_busy_loop() -> None:
    """Looks are a second apart at least."""
    times, error = ended(state("InProgress", x_ms_retry_after_ms="1"), timeout_s=40)
    assert error.code == "Timeout"
    assert len(times) == 42


def test_a_long_retry_after_ends_at_the_deadline() -> None:
    """No Retry-After of ARM delays the run past the deadline."""
    times, error = ended(state("InProgress", Retry_After="86400"), timeout_s=40)
    assert times == [0, 40, 40]
    assert error.code == "Timeout"


def stopped(at: float, check: Callable[[FakeClock], None]) -> None:
    """Follow an operation that never ends, and stop *at* a time."""
    wire = Wire(FakeClock(), state("InProgress"))
    waiting = patience(wire.clock)

    async def scenario() -> None:
        async def stop() -> None:
            await wire.clock.sleep(at)
            waiting.stop.set()

        stopping = asyncio.ensure_future(stop())
        error = await follow(client(wire), Accepted(LINK), waiting)
        assert error is not None
        assert error.code == "Interrupted"
        await stopping

    run(scenario())
    check(wire.clock)


def test_stop() -> None:
    """Being told to stop ends a wait at once."""

    def at_once(clock: FakeClock) -> None:
        assert clock.elapsed == 20

    stopped(20, at_once)


def test_check() -> None:
    """Work goes on until the run is told to stop."""
    waiting = patience(FakeClock())
    waiting.check()
    waiting.stop.set()
    with pytest.raises(Interrupted):
        waiting.check()
