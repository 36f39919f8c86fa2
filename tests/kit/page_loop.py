"""A loop whose pages are open: asked in process, or by a browser over loopback."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import replace
from queue import Queue
from typing import TYPE_CHECKING, Final

import httpx

from reconciler.runtime.address import Address
from reconciler.runtime.listen import listening
from reconciler.service.history import History
from reconciler.service.metrics import Metrics
from reconciler.service.round import round_of
from reconciler.service.status import Status
from reconciler.service.web.app import create_app
from reconciler.service.web.page import Pages
from tests.kit.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reconciler.model.outcome import Report

INTERVAL_S: Final = 300


class Loop:
    """A loop on a clock of its own, whose rounds are given."""

    def __init__(self, folder: Path) -> None:
        """Begin without a round."""
        self.clock = FakeClock()
        self.history = History(folder, "a", self.clock)
        self.status = Status(self.clock, INTERVAL_S, Metrics(), folder)
        self.pages = Pages(self.status)
        self.app = create_app(self.status, (), more=self.pages.routes)

    def close(self) -> None:
        """Let go of the history."""
        self.history.close()

    def round(self, report: Report) -> None:
        """Do a round."""
        ended = round_of(replace(report, started_at=self.clock.now(), finished_at=self.clock.now()), 3.0)
        self.history.record(ended)
        self.status.take(ended)
        self.clock.elapsed += INTERVAL_S

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Return the answer to one request."""

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(exchange())


@contextmanager
def served(loop: Loop, port: int = 0) -> Iterator[tuple[str, Callable[[Report], None]]]:
    """
    Serve the pages as ``run --listen`` does, and yield their address and a way to do a round meanwhile.

    *port* 0 lets the system choose.
    """
    ports: Queue[int] = Queue()
    ended = asyncio.Event()

    async def serve() -> None:
        async with listening(Address("127.0.0.1", port), loop.status) as bound:
            ports.put(bound)
            await ended.wait()
        loop.close()  # in the thread that opened its file
        if others := asyncio.all_tasks() - {asyncio.current_task()}:  # cancelled streams, whose sockets close with them
            await asyncio.wait(others, timeout=5)
        await asyncio.sleep(0)

    inner = asyncio.new_event_loop()
    thread = threading.Thread(target=inner.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield (
            f"http://127.0.0.1:{ports.get(timeout=30)}",
            lambda report: asyncio.run_coroutine_threadsafe(_rounded(loop, report), inner).result(30),
        )
    finally:
        inner.call_soon_threadsafe(ended.set)
        thread.join(30)
        inner.close()


async def _rounded(loop: Loop, report: Report) -> None:
    loop.round(report)
