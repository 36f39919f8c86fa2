"""A small reverse proxy before the embedded ARM of a command: it lets through what it was not told to answer itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Reply:
    """An answer that is given in ARM's stead."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Proxy:
    """
    Answers what it was told to, and lets everything else through.

    Attributes:
        seen: Method and path of every request.
        app: The embedded ARM.
    """

    seen: list[tuple[str, str]] = field(default_factory=list)
    app: Any = None
    _planned: list[tuple[str, re.Pattern[str], Reply, bool]] = field(default_factory=list)

    def answer(self, method: str, path: str, status: int, body: Any, *, acts: bool = False, **headers: str) -> None:
        """
        Answer requests whose path matches; bytes go as they are.

        Args:
            method: HTTP's.
            path: A regular expression for the path, or its end.
            status: HTTP's.
            body: Of the answer.
            acts: Whether ARM gets the request all the same.
            headers: Of the answer; underscores stand for hyphens.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._planned.append((method, re.compile(f"{path}$", re.IGNORECASE), Reply(status, body, named), acts))

    def refuse(self, method: str, path: str, status: int, code: str, message: str = "no", **more: Any) -> None:
        """Answer with an ARM error."""
        self.answer(method, path, status, {"error": {"code": code, "message": message, **more}})

    def sent(self, method: str) -> list[str]:
        """Return the paths of what was asked with a method."""
        return [path for asked, path in self.seen if asked == method]

    def before(self, app: Any) -> Self:
        """Stand before *app*."""
        self.app = app
        return self

    @property
    def state(self) -> Any:
        """Return the state of the application behind."""
        return self.app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        method, path = scope["method"], scope["path"]
        self.seen.append((method, path))
        planned = next((one for one in self._planned if one[0] == method and one[1].search(path)), None)
        if planned is None:
            await self.app(scope, receive, send)
            return
        _, _, reply, acts = planned
        if acts:
            await self.app(scope, receive, _nowhere)
        content = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
        headers = {"content-type": "application/json", **reply.headers}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": content})


async def _nowhere(message: Any) -> None:
    """Let an answer go nowhere."""
