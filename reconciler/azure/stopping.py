"""Ends work that only reads as soon as the run is interrupted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.azure.polling import Interrupted

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def unless_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T:
    """
    Return the result of *work*; cancel it as soon as the run is interrupted: reading leaves nothing to finish.

    Raises:
        Interrupted: The run was interrupted.
    """
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Interrupted
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.wait({working, stopping})
