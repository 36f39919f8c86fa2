"""Runs a coroutine on an event loop of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run(work: Coroutine[object, None, T]) -> T:
    """Return the result of *work*."""
    results: list[T] = []

    async def keep() -> None:
        # asyncio.run of Python 3.11 writes out the result when it ends: for seconds, where that is a plan of thousands.
        results.append(await work)

    asyncio.run(keep())
    return results[0]
