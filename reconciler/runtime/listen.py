"""Serves the status of a loop over HTTP, on the event loop of its rounds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from reconciler.errors import ListenError
from reconciler.service.web.app import create_app
from reconciler.service.web.page import Pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from reconciler.runtime.address import Address
    from reconciler.service.status import Status

_GRACE_S: Final = 1
"""For answers that are being sent when the loop ends: a page keeps its stream of events open for ever."""


class _Server(uvicorn.Server):
    """A server whose signals are the loop's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals as they are."""
        yield


@asynccontextmanager
async def listening(address: Address, status: Status) -> AsyncIterator[int]:
    """
    Serve *status* as long as the context lasts, and yield the port.

    Raises:
        ListenError: The address cannot be listened on.
    """
    with _bound(address) as listener:
        pages = Pages(status)
        names = (address.host, socket.gethostname())
        app = create_app(status, names, anywhere=address.anywhere, more=pages.routes)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_S,
        )
        server = _Server(config)
        task = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            yield int(listener.getsockname()[1])
        finally:
            pages.close()
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        message = f"--listen {address.host}:{address.port} cannot be used: {error.strerror or error}"
        raise ListenError(message) from error
