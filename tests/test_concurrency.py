"""Many small pieces of I/O, a bounded number of them at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from reconciler.concurrency import run_all
from tests.support.clock import FakeClock

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
