"""Runs and the signals that end them early."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from reconciler.azure.stopping import unless_stopped
from reconciler.runtime import signals as runner
from reconciler.runtime.failure import Stopped
from reconciler.runtime.signals import run
from tests.kit.service import bench, definition, told

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def kill(number: int) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


def test_a_run_without_a_signal() -> None:
    """It ends with its result."""

    async def main(stop: asyncio.Event) -> str:
        assert not stop.is_set()
        return "done"

    assert run(main) == ("done", None)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_is_heeded(number: int, code: int) -> None:
    """A signal tells the run to stop; its result comes with the exit code of the signal."""

    async def main(stop: asyncio.Event) -> str:
        kill(number)
        await stop.wait()
        return "partial"

    assert run(main) == ("partial", code)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_that_is_not_heeded(number: int, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not ended some seconds later is cancelled; without a result the signal alone is told."""
    monkeypatch.setattr(runner, "_GRACE_S", 0)

    async def main(stop: asyncio.Event) -> None:
        kill(number)
        await asyncio.Event().wait()

    with pytest.raises(Stopped) as caught:
        run(main)
    assert caught.value.code == code
    assert str(code) in str(caught.value)


def test_seconds_of_grace() -> None:
    """The cancel comes early enough for a CI service that kills, and not before operations could be told."""
    assert 2 <= runner._GRACE_S < 5


def test_a_result_despite_the_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has something to say when it is cancelled may say it."""
    monkeypatch.setattr(runner, "_GRACE_S", 0)

    async def main(stop: asyncio.Event) -> str:
        kill(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "what was in flight"
        return ""

    assert run(main) == ("what was in flight", 130)


def test_the_second_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the process at once."""
    exits: list[int] = []
    gone = asyncio.Event()

    def leave(code: int) -> None:
        exits.append(code)
        gone.set()

    monkeypatch.setattr(os, "_exit", leave)

    async def main(stop: asyncio.Event) -> None:
        kill(signal.SIGINT)
        await stop.wait()
        kill(signal.SIGTERM)
        await gone.wait()

    assert run(main) == (None, 130)
    assert exits[0] == 143


def test_cancelled_by_itself() -> None:
    """A cancel without a signal is not a stop."""

    async def main(stop: asyncio.Event) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(main)


def test_a_failing_run() -> None:
    """What a run raises is raised."""

    async def main(stop: asyncio.Event) -> None:
        message = "no"
        raise ValueError(message)

    with pytest.raises(ValueError, match="no"):
        run(main)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_what_only_reads_is_given_up_at_once(number: int, code: int) -> None:
    """It has nothing to finish: it is cancelled, and has let go of what it held when the run ends."""
    let_go: list[str] = []

    async def read() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            let_go.append("connection")

    async def main(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(kill, number)
        await unless_stopped(read(), stop)

    with pytest.raises(Stopped) as caught:
        run(main)
    assert caught.value.code == code
    assert let_go == ["connection"]


def test_what_reads_to_its_end() -> None:
    """Its result counts, and so does what it raises, also where it has them by the time that a signal is heeded."""

    async def read(text: str) -> str:
        if text == "no":
            raise ValueError(text)
        return text

    async def main(stop: asyncio.Event) -> tuple[str, str]:
        with pytest.raises(ValueError, match="no"):
            await unless_stopped(read("no"), stop)
        first = await unless_stopped(read("one"), stop)
        kill(signal.SIGINT)
        await stop.wait()
        return first, await unless_stopped(read("two"), stop)

    assert run(main) == (("one", "two"), 130)


def test_without_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where loops take no handlers a run works all the same."""

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", refuse)

    async def main(stop: asyncio.Event) -> str:
        return "done"

    assert run(main) == ("done", None)


def test_an_apply_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop with a PUT in flight that never ends, an apply still tells of everything."""
    monkeypatch.setattr(runner, "_GRACE_S", 0)

    async def main(stop: asyncio.Event) -> dict[str, str]:
        async with bench(definition(), definition("late", 1)) as test:
            test.patience = type(test.patience)(test.clock, 15, 3600, stop)

            async def hang(send: Any, forward: Any) -> None:
                kill(signal.SIGTERM)
                await asyncio.Event().wait()

            test.service.plan("PUT", "/suite", hang)
            outcomes = await test.apply()
            assert test.service.sent("PUT") == ["suite"]
            return {name: told(outcome) for name, outcome in outcomes.items()}

    assert run(main) == ({"suite": "failed Interrupted", "late": "skipped Interrupted"}, 143)
