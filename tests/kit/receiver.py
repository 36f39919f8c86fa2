"""A receiver of notices on loopback, on the event loop of the test, which answers as it is told to, or never."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

SECRET_PATH: Final = "/hooks/CANARY?key=CANARY"
"""The path of its address: a secret, as the whole address is."""


@dataclass(frozen=True, slots=True)
class Posted:
    """One request: the names of its headers are in lower case."""

    target: str
    headers: dict[str, str]
    body: str


Answers: TypeAlias = Callable[[int], bytes | None]
"""Returns the status line and headers for a request, by its number from 1; None for no answer, ever."""


def status(number: int, *headers: str) -> bytes:
    """Return an answer without a body."""
    lines = (f"HTTP/1.1 {number} Word", *headers, "content-length: 0", "connection: close", "", "")
    return "\r\n".join(lines).encode()


@dataclass
class ReceiverServer:
    """
    The receiver.

    Attributes:
        answers: What it says to each request.
        posted: What came, in order.
        came: Set once a request came.
    """

    answers: Answers = field(default=lambda _: status(204))
    posted: list[Posted] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def address(self) -> str:
        """Its address, which is a secret."""
        return f"http://127.0.0.1:{self.port}{SECRET_PATH}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and answer it."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            self.posted.append(Posted(first.split(" ")[1], headers, body))
            self.came.set()
            answer = self.answers(len(self.posted))
            if answer is None:
                await asyncio.Event().wait()
            else:
                writer.write(answer)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(answers: Answers | None = None) -> AsyncIterator[ReceiverServer]:
    """Yield a receiver that listens as long as the context lasts."""
    made = ReceiverServer() if answers is None else ReceiverServer(answers)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
