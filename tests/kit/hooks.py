"""Receivers of notices on loopback, for commands that run as processes of their own."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver:
    """A receiver of CloudEvents on loopback, beside one that takes a connection and never answers."""

    def __init__(self) -> None:
        """Begin without an event."""
        self.events: list[tuple[str, str]] = []

    @property
    def types(self) -> list[str]:
        """The types of the events, in order."""
        return [type_ for type_, _ in self.events]


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str, str]]:
    """Yield a receiver, its address, and that of one which never answers."""
    made, over = Receiver(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path.startswith("/silent"):
                over.wait(30)
                return
            made.events.append((body["type"], body.get("subject", "")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made, f"{base}/hook/CANARY", f"{base}/silent/CANARY"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
