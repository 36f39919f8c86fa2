"""Runs many pieces of I/O with a bound on how many run at a time, or one that blocks in a thread of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

T = TypeVar("T")


async def run_all(work: Iterable[Coroutine[Any, Any, None]], limit: int) -> None:
    """
    Await every coroutine, *limit* of them at a time, in the order given.

    A fixed set of workers takes from one iterator, so ten thousand pieces need no ten thousand tasks. The first
    exception ends the others and is raised on its own.
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


async def in_daemon_thread(work: Callable[[], T], limit_s: float) -> T:
    """
    Return the result of *work*, which blocks.

    The end of the program waits for a thread of ``asyncio.to_thread``; this one is never waited for beyond its limit.

    Raises:
        TimeoutError: It takes longer than *limit_s* seconds of the wall clock; its thread is abandoned.
    """
    from concurrent.futures import Future  # noqa: PLC0415 (most runs never need it)
    from threading import Thread  # noqa: PLC0415

    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # from now on it cannot be cancelled, so a late result has a place

    def target() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by the future
            done.set_exception(error)

    Thread(target=target, name="in_daemon_thread", daemon=True).start()
    async with asyncio.timeout(limit_s):
        return await asyncio.wrap_future(done)
