"""Runs many small pieces of I/O with a bound on how many run at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable


async def run_all(work: Iterable[Coroutine[Any, Any, None]], limit: int) -> None:
    """
    Await every coroutine, *limit* of them at a time, in the order given.

    A fixed set of workers takes from one iterator, so ten thousand pieces cost no ten thousand tasks. The first
    exception ends the others and is raised by itself.
    """
    pieces = iter(work)

    async def worker() -> None:
        for piece in pieces:
            await piece

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        for piece in pieces:
            piece.close()
