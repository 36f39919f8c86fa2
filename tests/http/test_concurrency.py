"""Many small pieces of I/O, a bounded number of them at the same time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from reconciler.http.concurrency import in_daemon_thread, run_all
from tests.kit.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


def test_the_bound() -> None:
    """Pieces start in their order, as soon as there is room."""
    clock = FakeClock()
    begun: list[tuple[int, float]] = []

    async def piece(number: int) -> None:
        begun.append((number, clock.elapsed))
        await clock.sleep(3 if number == 0 else 1)

    asyncio.run(run_all(map(piece, range(5)), 2))
    assert begun == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)]


def test_pieces_are_made_when_they_run() -> None:
    """Ten thousand pieces are not ten thousand tasks."""
    alive: set[int] = set()

    def pieces() -> Iterator[Coroutine[None, None, None]]:
        for number in range(10_000):
            alive.add(number)
            assert len(alive) <= 3
            yield piece(number)

    async def piece(number: int) -> None:
        await asyncio.sleep(0)
        alive.remove(number)

    asyncio.run(run_all(pieces(), 3))
    assert alive == set()


def test_nothing_to_do() -> None:
    """No piece, no problem."""
    asyncio.run(run_all((), 4))


def test_the_first_exception_ends_the_others() -> None:
    """It is raised by itself; what was not begun never is, and complains of nothing."""
    clock = FakeClock()
    done: list[int] = []

    async def piece(number: int) -> None:
        await clock.sleep(number)
        if number == 2:
            message = "two"
            raise ValueError(message)
        done.append(number)

    with pytest.raises(ValueError, match="two"):
        asyncio.run(run_all([piece(number) for number in range(1, 9)], 3))
    assert done == [1]


def test_a_thread_that_blocks() -> None:
    """What it gives and what it raises is handed on, and others go on meanwhile."""
    begun = threading.Event()

    def fail() -> None:
        raise KeyError

    async def scenario() -> str:
        waiting = asyncio.ensure_future(in_daemon_thread(lambda: "given" if begun.wait(20) else "late", 60))
        await asyncio.sleep(0)
        begun.set()
        with pytest.raises(KeyError):
            await in_daemon_thread(fail, 60)
        return await waiting

    assert asyncio.run(scenario()) == "given"


def test_a_thread_that_takes_too_long() -> None:
    """The thread is left behind; its late result or exception disturbs no other task."""
    release = threading.Event()

    def late() -> None:
        release.wait()
        raise KeyError

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await in_daemon_thread(late, 0)

    before = set(threading.enumerate())
    asyncio.run(scenario())
    (left,) = set(threading.enumerate()) - before
    assert left.daemon
    release.set()
    left.join()


def test_a_thread_that_nobody_waits_for_any_more() -> None:
    """Who waits may be stopped, also before the thread is done and while the loop runs on."""
    release = threading.Event()

    async def scenario() -> None:
        waiting = asyncio.ensure_future(in_daemon_thread(release.wait, 60))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()
        await in_daemon_thread(lambda: None, 60)

    asyncio.run(scenario())
