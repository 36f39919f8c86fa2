"""
A chat for the walk through the loop: prints the messages that an incoming webhook of Slack would show.

Writes its address to ``chat.url``; ends by itself after an hour.
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

LASTS_S = 3600


class Chat(BaseHTTPRequestHandler):
    """Prints what is posted."""

    def do_POST(self) -> None:
        """Print the texts of one message."""
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for block in message["blocks"]:
            print(block["text"]["text"], flush=True)
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print no requests."""


def main() -> None:
    """Listen on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Chat)
    end = threading.Timer(LASTS_S, server.shutdown)
    end.daemon = True
    end.start()
    Path("chat.url").write_text(f"http://127.0.0.1:{server.server_port}/services/of-this-machine", encoding="utf-8")
    server.serve_forever()


if __name__ == "__main__":
    main()
